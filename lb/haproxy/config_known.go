package haproxy

import (
	"slices"
	"strings"
)

// The words that HAProxy 2.6 to 3.3 knows and that say nothing about sessions: they are accepted in silence.

// sections are the section keywords, each with the words that may stand in it. Proxy sections
// have their own table.
var sections = map[string][]string{
	"global": nil, "defaults": nil, "frontend": nil, "backend": nil, "listen": nil,
	"peers":       strings.Fields("bind default-bind default-server disabled enabled log shards"),
	"resolvers":   strings.Fields("nameserver parse-resolv-conf hold resolve_retries timeout accepted_payload_size"),
	"userlist":    strings.Fields("group user"),
	"mailers":     strings.Fields("mailer timeout"),
	"cache":       strings.Fields("total-max-size max-object-size max-age max-secondary-entries process-vary"),
	"program":     strings.Fields("command user group option"),
	"ring":        strings.Fields("format maxlen size server timeout description backing-file"),
	"http-errors": strings.Fields("errorfile"),
	"log-forward": strings.Fields("bind dgram-bind log maxconn backlog timeout option"),
	"log-profile": strings.Fields("on log-tag set-log-field"),
	"fcgi-app":    strings.Fields("acl docroot index log-stderr pass-header path-info option set-param"),
	"crt-store":   strings.Fields("crt-base key-base load"),
	"acme":        strings.Fields("account account-key bits contact curves directory challenge keytype map uri provider-name acme-vars dns-delay dns-timeout challenge-ready profile reuse-key"),
	"traces":      strings.Fields("trace"),
	// Sections of the enterprise edition and of modules.
	"dynamic-update": nil, "waf-global": nil, "waf-profile": nil, "botmgmt-profile": nil, "captcha": nil,
	"udp-lb": nil, "aggregations": nil, "healthcheck": strings.Fields("type http-check tcp-check"),
}

var unnamedSections = map[string]bool{"global": true, "traces": true, "dynamic-update": true, "waf-global": true, "crt-store": true}

// openSections may hold words of their own.
var openSections = map[string]bool{"dynamic-update": true, "waf-global": true, "waf-profile": true, "botmgmt-profile": true,
	"captcha": true, "udp-lb": true, "aggregations": true, "healthcheck": true}

var globalWords = strings.Fields(`
	anonkey ca-base chroot cluster-secret close-spread-time cpu-affinity cpu-map cpu-policy cpu-set crt-base daemon default-path
	description dns-accept-family expose-deprecated-directives expose-experimental-directives external-check
	fd-hard-limit force-cfg-parser-pause gid grace group h1-accept-payload-with-any-method h1-case-adjust
	h1-case-adjust-file h1-do-not-close-on-insecure-transfer-encoding h2-workaround-bogus-websocket-clients
	hard-stop-after harden.reject-privileged-ports.quic harden.reject-privileged-ports.tcp http-err-codes
	http-fail-codes insecure-fork-wanted insecure-setuid-wanted issuers-chain-path key-base
	limited-quic load-server-state-from-file localpeer log log-send-hostname log-tag lua-load lua-load-per-thread
	lua-prepend-path master-worker max-spread-checks maxcompcpuusage maxcomprate maxconn maxconnrate maxpipes
	maxsessrate maxsslconn maxsslrate maxzlibmem mworker-max-reloads nbproc nbthread no-memory-trimming no-quic
	node noepoll noevports nogetaddrinfo nokqueue nopoll noreuseport nosplice numa-cpu-mapping
	ocsp-update.disable ocsp-update.httpproxy ocsp-update.maxdelay ocsp-update.mindelay ocsp-update.mode
	pidfile pp2-never-send-local prealloc-fd presetenv quick-exit quiet resetenv server-state-base
	server-state-file set-dumpable set-var set-var-fmt setcap setenv shm-stats-file shm-stats-file-max-objects
	spread-checks ssl-f-use stats-file strict-limits stress-level thread-groups thread-group
	thread-hard-limit uid ulimit-n unix-bind unsetenv user warn-blocked-traffic-after wurfl-cache-size
	zero-warning debug busy-polling
	httpclient.resolvers.disabled httpclient.resolvers.id httpclient.resolvers.prefer httpclient.retries
	httpclient.ssl.ca-file httpclient.ssl.verify httpclient.timeout.connect module-load module-path
	maxmind-load maxmind-update maxmind-cache-size maxmind-debug netacuity-load ip-lookup`)

var globalPrefixes = []string{"tune.", "ssl-", "51degrees-", "deviceatlas-", "wurfl-", "profiling.", "stats", "trace", "lua", "waf-", "acme.", "bwlim", "fingerprint"}

func knownGlobal(w string) bool {
	if slices.Contains(globalWords, w) {
		return true
	}
	for _, p := range globalPrefixes {
		if strings.HasPrefix(w, p) {
			return true
		}
	}
	return false
}

// quietProxyWords may stand in a proxy section and say nothing about where a client goes.
var quietProxyWords = wordSet(`
	backlog bind-process clitcpka-cnt clitcpka-idle clitcpka-intvl compression description email-alert
	error-log-format errorfile errorfiles errorloc errorloc302 errorloc303 filter filter-sequence force-be-switch
	grace guid http-after-response http-error http-response http-reuse http-send-name-header
	id log-steps log-tag max-keep-alive-queue max-session-srv-conns monitor monitor-uri
	quic-initial rate-limit redirect req.* source srvtcpka-cnt srvtcpka-idle srvtcpka-intvl
	stats tcp-response transparent unique-id-header use-fcgi-app use-small-buffers max-session-srv-conns waf botmgmt captcha
	http-restrict-req-hdr-names ssl-f-use`)

var quietOptions = wordSet(`
	abortonclose accept-invalid-http-request accept-invalid-http-response accept-unsafe-violations-in-http-request
	accept-unsafe-violations-in-http-response assume-rfc6587-ntf checkcache clitcpka contstats
	disable-h2-upgrade dont-parse-log dontlog-normal dontlognull forwarded forwardfor h1-case-adjust-bogus-client
	h1-case-adjust-bogus-server http-buffer-request http-drop-request-trailers http-drop-response-trailers
	http-ignore-probes http-keep-alive http-no-delay http-pretend-keepalive http-restrict-req-hdr-names
	http-server-close http-use-proxy-header http-use-htx httpclose idle-close-on-response independant-streams
	independent-streams log-health-checks log-separate-errors logasap nolinger originalto
	socket-stats splice-auto splice-request splice-response srvtcpka
	tcp-smart-accept tcp-smart-connect tcpka transparent use-small-buffers forceclose http-tunnel`)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// serverFlags and serverArgs are the keywords of server lines: alone, or with one argument.
var (
	serverFlags = wordSet(`
		agent-check allow-0rtt backup check check-pool-conn-name check-reuse-pool check-send-proxy check-ssl check-via-socks4
		disabled ech enabled force-sslv3 force-tlsv10 force-tlsv11 force-tlsv12 force-tlsv13
		no-agent-check no-backup no-check no-check-reuse-pool no-check-send-proxy no-check-ssl no-renegotiate
		no-send-proxy no-send-proxy-v2 no-send-proxy-v2-ssl no-send-proxy-v2-ssl-cn no-ssl no-ssl-reuse no-sslv3 no-tfo
		no-tls-tickets no-tlsv10 no-tlsv11 no-tlsv12 no-tlsv13 no-verifyhost non-stick renegotiate send-proxy send-proxy-v2
		send-proxy-v2-ssl send-proxy-v2-ssl-cn ssl ssl-reuse stick strict-maxconn tfo tls-tickets no-check-via-socks4`)
	serverArgs = wordSet(`
		addr agent-addr agent-inter agent-port agent-send alpn ca-file cc check-alpn check-pool-conn-name-expr check-proto check-sni ciphers
		ciphersuites client-sigalgs cookie crl-file crt curves downinter error-limit fall fastinter fullconn guid
		hash-key healthcheck id idle-ping init-addr init-state inter interface load-balance log-bufsize log-proto max-reuse maxconn maxqueue minconn
		namespace npn observe on-error on-marked-down on-marked-up pool-conn-name pool-low-conn pool-max-conn
		pool-purge-delay port proto proxy-v2-options redir resolve-net resolve-opts resolve-prefer resolvers rise shard
		sigalgs slowstart sni sni-auto socks4 source ssl-max-ver ssl-min-ver tcp-md5sig tcp-ut track usesrc verify verifyhost weight ws
		jsonrpc renegotiate-with tls-ticket-keys`)
)
