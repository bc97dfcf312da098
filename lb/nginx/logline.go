package nginx

import (
	"fmt"
	"regexp"
	"strings"

	"limpet.dev/lb"
)

// ownLogFormat is the format of Limpet's own log line. What matters most stands first, so that a line cut at its
// length loses the least. Nothing in it is a raw session credential: cookies are fingerprints, the path has no
// parameters, there is no query.
const ownLogFormat = `$msec rt=$request_time ci=$remote_addr cp=$remote_port id=$request_id m=$request_method st=$status b=$body_bytes_sent` +
	` up="$upstream_addr" ust="$upstream_status" uct="$upstream_connect_time" uht="$upstream_header_time" urt="$upstream_response_time" cs=$upstream_cache_status pool=$proxy_host` +
	` sess="$limpet_session" set_sess="$limpet_set_session" clr="$limpet_cleared" aff="$limpet_affinity" set_aff="$limpet_set_affinity"` +
	` s=$limpet_scheme srv="$server_name" h="$host" p="$limpet_path" ref="$limpet_referer" org="$limpet_origin" loc="$limpet_location" tp="$http_traceparent" ua="$http_user_agent"`

// headerFormat is the same line where the application gives the fingerprints in headers of its answer.
var headerFormat = strings.NewReplacer("$limpet_session", "$upstream_http_x_limpet_session", "$limpet_set_session", "$upstream_http_x_limpet_set_session").Replace(ownLogFormat)

// Defaults of the log line.
const (
	defaultSessionCookie  = "SESSION"
	defaultAffinityCookie = "srv_id"

	// KeyVariable is the environment variable in which nginx finds the key for fingerprints, in base64 or as 64
	// hexadecimal digits.
	KeyVariable = "LIMPET_KEY"
)

// Variants of the log line.
const (
	variantScript = "njs"    // nginx itself computes the fingerprints, in the njs module
	variantHeader = "header" // the application does, and nginx logs them and takes them out of the answer
)

// logLine returns what to add so that the log shows all that Limpet can use (tested on 1.22.1). Variant "njs", the
// first, hashes credentials inside nginx; "header" logs fingerprints that the application sends.
func logLine(opt lb.LogLineOptions) (string, error) {
	w, err := newLineText(opt)
	if err != nil {
		return "", err
	}
	switch opt.Variant {
	case "", variantScript:
		return "# 1. File /etc/nginx/limpet.js (the njs module: package libnginx-mod-http-js or nginx-module-njs).\n" +
			w.script() + "\n# 2. At the top of nginx.conf. The key in base64 or hexadecimal stands in nginx's environment,\n#    or in /etc/nginx/limpet.key, readable for nginx's user.\n" +
			w.main() + "\n# 3. In http { }. No session cookie's value, no query and no path parameter is logged.\n" +
			w.scriptVariables("/etc/nginx") + w.maps() + w.log(ownLogFormat) + "\n# 4. Where proxy_pass stands:\n" + w.passRequestID(), nil
	case variantHeader:
		return "# 1. The application adds two headers to its answers, where it knows the session:\n" +
			"#      X-Limpet-Session      fingerprint of the session cookie's value that the request presented\n" +
			"#      X-Limpet-Set-Session  fingerprint of the value that the answer sets\n" +
			"#    A fingerprint is HMAC-SHA-256 of the value under the key, the first 16 bytes, in hexadecimal digits.\n" +
			"\n# 2. In http { }. nginx logs the fingerprints and takes them out of the answer.\n" +
			"#    No session cookie's value, no query and no path parameter is logged.\n" +
			w.clearedMap() + w.affinityMaps() + w.pathMap() + w.maps() + w.log(headerFormat) + hideHeaders + "\n# 3. Where proxy_pass stands (repeat the two lines above where proxy_hide_header is used already):\n" + w.passRequestID(), nil
	}
	return "", fmt.Errorf("nginx log line: unknown variant %q (there are %q and %q)", opt.Variant, variantScript, variantHeader)
}

const (
	hideHeaders = "proxy_hide_header X-Limpet-Session;\nproxy_hide_header X-Limpet-Set-Session;\n"
)

// lineText writes the parts.
type lineText struct {
	session, affinity, key string
	requestID              string // the variable that has it
}

func newLineText(opt lb.LogLineOptions) (*lineText, error) {
	w := &lineText{opt.SessionCookie, opt.AffinityCookie, opt.KeyVariable, "$request_id"}
	if opt.Behind {
		w.requestID = "$http_x_request_id"
	}
	if w.session == "" {
		w.session = defaultSessionCookie
	}
	if w.affinity == "" {
		w.affinity = defaultAffinityCookie
		if names := affinityNames(&lb.LogOptions{Config: opt.Config, SessionCookie: w.session}); len(names) > 0 {
			w.affinity = names[0]
		}
	}
	if w.key == "" {
		w.key = KeyVariable
	}
	for _, name := range []string{w.session, w.affinity} {
		if !safeCookieName(name) {
			return nil, fmt.Errorf("nginx log line: cookie name %q cannot stand in a configuration", name)
		}
	}
	if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(w.key) {
		return nil, fmt.Errorf("nginx log line: %q is no name of an environment variable", w.key)
	}
	return w, nil
}

// safeCookieName reports whether a name may stand in a quoted string of the configuration and of the script.
func safeCookieName(name string) bool {
	return name != "" && !strings.ContainsAny(name, " \t\r\n\"'\\#$(),;={}[]|?*+/") && strings.IndexFunc(name, func(r rune) bool { return r < 0x21 || r > 0x7e }) < 0
}

func (w *lineText) passRequestID() string {
	return "proxy_set_header X-Request-ID " + w.requestID + ";\n"
}

func (w *lineText) main() string {
	return "load_module modules/ngx_http_js_module.so;  # not where modules-enabled/ loads it already\nenv " + w.key + ";\n"
}

// scriptFile is the script's name.
const scriptFile = "limpet.js"

// scriptVariables are the variables that the script computes; it lies in dir, "" for where the configuration is.
func (w *lineText) scriptVariables(dir string) string {
	var b strings.Builder
	if dir != "" {
		b.WriteString("js_path " + dir + ";\n")
	}
	b.WriteString("js_import limpet from " + scriptFile + ";\n")
	for _, name := range []string{"session", "set_session", "cleared", "affinity", "set_affinity", "path"} {
		fmt.Fprintf(&b, "js_set $limpet_%s limpet.%s;\n", name, name)
	}
	return b.String()
}

// log is the format and where it is used.
func (w *lineText) log(format string) string {
	return w.format(format) + "access_log /var/log/nginx/limpet.log limpet;\nerror_log /var/log/nginx/error.log notice;  # servers taken out of use, reloads\n"
}

// format is the format, cut into strings that can be read.
func (w *lineText) format(format string) string {
	format = strings.Replace(format, "$request_id", w.requestID, 1)
	var b strings.Builder
	b.WriteString("log_format limpet")
	for rest := format; rest != ""; {
		n := len(rest)
		if n > 120 {
			n = strings.LastIndexByte(rest[:120], ' ')
		}
		fmt.Fprintf(&b, "\n    '%s'", rest[:n])
		rest = rest[n:]
	}
	b.WriteString(";\n")
	return b.String()
}

// maps reduce headers to what may be logged: hosts, the path that an answer points to, the scheme the client used.
func (w *lineText) maps() string {
	return `map $http_referer $limpet_referer { "~^[^/]*//(?:[^/?#@]*@)?(?<limpet_r>[^/?#]+)" $limpet_r; }
map $http_origin $limpet_origin { null null; "~^[^/]*//(?:[^/?#@]*@)?(?<limpet_o>[^/?#]+)" $limpet_o; }
map $sent_http_location $limpet_location { "~^(?<limpet_l>[^?#;]*)" $limpet_l; }
map $http_x_forwarded_proto $limpet_scheme { default $scheme; https https; }
`
}

// pathMap is the path without query and without the parameters of its first segment that has some.
func (w *lineText) pathMap() string {
	return `map $request_uri $limpet_path { "~^(?<limpet_p>[^?#;]*)(?:;[^/?#]*(?<limpet_q>/[^?#;]*)?)?" $limpet_p$limpet_q; }
`
}

// affinityMaps take the balancer's own cookie out of its headers. It names an instance, nobody's session.
func (w *lineText) affinityMaps() string {
	if w.affinity == w.session {
		return "map $pid $limpet_affinity { }\nmap $pid $limpet_set_affinity { }\n" // it would be the credential
	}
	name := regexp.QuoteMeta(w.affinity)
	return fmt.Sprintf(`map $http_cookie $limpet_affinity { "~(?:^|; *)%s=(?<limpet_a>[^;]*)" $limpet_a; }
map $sent_http_set_cookie $limpet_set_affinity { "~(?:^|, )%s=(?<limpet_b>[^;,]*)" $limpet_b; }
`, name, name)
}

// clearedMap says whether the answer deletes the session cookie.
func (w *lineText) clearedMap() string {
	name := regexp.QuoteMeta(w.session)
	return fmt.Sprintf(`map $sent_http_set_cookie $limpet_cleared { "~*(?:^|, )%s=(?:deleted)?(?:;|,|$)" 1; "~*(?:^|, )%s=[^;,]*;(?:(?!, [a-z0-9_.-]+=).)*(?:max-age=[0-]|expires=[^;]*[- ]1970)" 1; }
`, name, name)
}
