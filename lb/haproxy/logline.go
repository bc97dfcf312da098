package haproxy

import (
	"fmt"
	"regexp"
	"strings"

	"limpet.dev/lb"
)

// Defaults of the log line.
const (
	defaultSessionCookie  = "SESSION"
	defaultAffinityCookie = "SRV"
)

// ownLogFormat is the format of Limpet's own log line. Free text is quoted and escaped, and stands behind
// what matters most, so that a line cut at its length loses the least. Nothing in it is a raw
// credential: cookies are fingerprints, the path has no parameters, there is no query.
const ownLogFormat = `%Ts.%ms ti=%Ti th=%Th ci=%ci:%cp fe=%ft be=%b srv=%s m=%HM st=%ST b=%B tsc=%tsc rc=%rc q=%sq/%bq tr=%TR tw=%Tw tc=%Tc trs=%Tr ta=%Ta` +
	` sess=%[var(txn.limpet_session)] set_sess=%[var(txn.limpet_set_session)] clr=%[var(txn.limpet_cleared)]` +
	` aff=%[var(txn.limpet_affinity)] set_aff=%[var(txn.limpet_set_affinity)] id=%{+Q,+E}ID s=%[var(txn.limpet_scheme)]` +
	` h=%{+Q,+E}[var(txn.limpet_host)] p=%{+Q,+E}[var(txn.limpet_path)] ref=%{+Q,+E}[var(txn.limpet_referer)] org=%{+Q,+E}[var(txn.limpet_origin)]` +
	` loc=%{+Q,+E}[var(txn.limpet_location)] tp=%{+Q,+E}[var(txn.limpet_trace)] ua=%{+Q,+E}[var(txn.limpet_agent)]`

// variantFrontend asks LogLine for the frontend's lines only, without a log target.
const variantFrontend = "frontend"

// logLine returns the configuration to add so that the log shows all that Limpet can use (tested on 2.6
// and later). All of it may stand in a frontend. Variant "frontend" leaves the log target out.
func logLine(opt lb.LogLineOptions) (string, error) {
	session, affinity, key := opt.SessionCookie, opt.AffinityCookie, opt.KeyVariable
	if session == "" {
		session = defaultSessionCookie
	}
	prefixed := ""
	names := []string(nil)
	if opt.Config != nil {
		names, prefixed = affinityNames(opt.Config)
	}
	if affinity == "" && len(names) > 0 {
		affinity = names[0]
	}
	if affinity == "" {
		affinity = defaultAffinityCookie
	}
	if key == "" {
		key = KeyVariable
	}
	for _, name := range []string{session, affinity} {
		if !safeCookieName(name) {
			return "", fmt.Errorf("haproxy log line: cookie name %q cannot stand in a configuration", name)
		}
	}
	if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(key) {
		return "", fmt.Errorf("haproxy log line: %q is no name of an environment variable", key)
	}
	w := &lineText{session: session, affinity: affinity, prefixed: prefixed == session, behind: opt.Behind,
		mac: `hmac(sha256,"${` + key + `}"),bytes(0,16),hex`}
	return w.text(opt.Variant, key)
}

// safeCookieName reports whether a name may stand unquoted in a configuration and in a sample expression.
func safeCookieName(name string) bool {
	return name != "" && !strings.ContainsAny(name, " \t\r\n\"'\\#$(),;={}[]") && strings.IndexFunc(name, func(r rune) bool { return r < 0x21 || r > 0x7e }) < 0
}

// lineText writes the lines.
type lineText struct {
	b                 strings.Builder
	session, affinity string
	prefixed          bool // the affinity value is a prefix on the session cookie
	behind            bool // another tier has given the request its id
	mac               string
}

func (w *lineText) line(format string, args ...any) {
	fmt.Fprintf(&w.b, "    "+format+"\n", args...)
}

func (w *lineText) note(text string) { w.b.WriteString("    # " + text + "\n") }

func (w *lineText) text(variant, key string) (string, error) {
	switch variant {
	case "":
		w.note("Log target: in \"global\", or here in place of \"log global\". len: the default cuts lines at 1024 bytes.")
		w.note("format iso: every line has a time, also those about servers going DOWN and UP.")
		w.line("log stdout len 8192 format iso local0")
		w.b.WriteByte('\n')
	case variantFrontend:
	default:
		return "", fmt.Errorf("haproxy log line: unknown variant %q (there is %q)", variant, variantFrontend)
	}
	w.note("In the frontend, before its other http-request rules. " + key + " is the key in base64, in HAProxy's environment.")
	w.note("No cookie value, no query and no path parameter is logged: only fingerprints under that key.")
	w.request()
	w.response()
	w.line(`log-format "%s"`, ownLogFormat)
	return w.b.String(), nil
}

// request keeps what the request shows. An emptied or "deleted" cookie is none: many clients share it.
func (w *lineText) request() {
	session, affinity := "req.cook("+w.session+")", "req.cook("+w.affinity+"),field(1,|)"
	value := session
	if w.prefixed {
		value, affinity = session+",regsub(^[^~]*~,)", session+",field(1,~)"
	}
	if w.behind { // the header is there already: the instance gets it as it came
		w.line("unique-id-format %%[req.hdr(X-Request-ID)]")
	} else {
		w.line(`unique-id-format %%{+X}o\ %%ci:%%cp_%%fi:%%fp_%%Ts_%%rt:%%pid`)
		w.line("unique-id-header X-Request-ID")
	}
	w.line("http-request set-var(txn.limpet_session) %s,%s if { %s,length gt 0 } !{ %s -m str deleted }", value, w.mac, session, session)
	w.line("http-request set-var(txn.limpet_affinity) %s,%s if { %s,length gt 0 }", affinity, w.mac, affinity)
	w.line("http-request set-var(txn.limpet_path) path,regsub(;[^/]*,,g)")
	w.line("http-request set-var(txn.limpet_host) req.hdr(host)")
	w.line("http-request set-var(txn.limpet_scheme) str(http)")
	w.line("http-request set-var(txn.limpet_scheme) str(https) if { ssl_fc } or { req.hdr(x-forwarded-proto) -m str -i https }")
	w.line("http-request set-var(txn.limpet_referer) req.fhdr(referer),field(3,/),field(1,?),field(1,\\#),field(-1,@)")
	w.line("http-request set-var(txn.limpet_origin) req.fhdr(origin),field(3,/),field(-1,@)")
	w.line("http-request set-var(txn.limpet_origin) str(null) if { req.fhdr(origin) -m str null }")
	w.line("http-request set-var(txn.limpet_agent) req.fhdr(user-agent)")
	w.line("http-request set-var(txn.limpet_trace) req.fhdr(traceparent)")
}

// response keeps what the answer shows. The balancer's own cookie is there only after http-response rules.
func (w *lineText) response() {
	session, affinity := "res.cook("+w.session+")", "res.cook("+w.affinity+"),field(1,|)"
	value := session
	if w.prefixed {
		value, affinity = session+",regsub(^[^~]*~,)", session+",field(1,~)"
	}
	gone := `^` + regexp.QuoteMeta(w.session) + `=[^;]*;.*(max-age=(0|-)|expires=[^;]*[- ]1970)`
	cleared := "http-after-response set-var(txn.limpet_cleared) int(1) if "
	w.line(cleared+"{ %s,length 0 } or { %s -m str deleted }", session, session)
	w.line(cleared+"{ res.fhdr(set-cookie) -m reg -i '%s' }", gone)
	w.line("http-after-response set-var(txn.limpet_set_session) %s,%s unless { var(txn.limpet_cleared) -m found }", value, w.mac)
	w.line("http-after-response set-var(txn.limpet_set_affinity) %s,%s if { %s,length gt 0 }", affinity, w.mac, affinity)
	w.line("http-after-response set-var(txn.limpet_location) res.fhdr(location),field(1,?),field(1,\\#),regsub(;[^/]*,,g)")
}
