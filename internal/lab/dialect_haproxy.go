package lab

import (
	"fmt"
	"strings"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/haproxy"
)

// haproxyDialect is HAProxy.
var haproxyDialect = &dialect{
	product: "haproxy", title: "HAProxy", program: "haproxy",
	config: "haproxy.cfg", logs: []string{"haproxy.log"},
	configure: configureHAProxy,
	cannot:    func(*tier) string { return "" },
	manner: manner{
		requestID: func(start time.Time, conn, serial uint64) string {
			return fmt.Sprintf("%08X%04X-%08X", uint32(start.Unix()), conn&0xffff, serial)
		},
		brokeOff:   func(d *lb.Decision) { d.Flow.Code[0], d.Flow.Code[1] = 'S', 'H' },
		noAnswer:   "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n",
		unserved:   503,
		connect:    haproxyConnect,
		turnaround: time.Second,
		refused:    "Layer4 connection problem, info: \"Connection refused\"",
		late:       "Layer7 timeout",
		garbled:    "Layer7 invalid response",
		connected:  "Layer4 check passed",
		answered: func(ok bool, status int) string {
			return fmt.Sprintf("Layer7 check %s, code: %d", map[bool]string{true: "passed", false: "failed"}[ok], status)
		},
	},
}

const haproxyConnect = 250 * time.Millisecond

// configureHAProxy is a node as a haproxy.cfg.
func configureHAProxy(n *node) (string, error) {
	logLines, err := haproxyLogLines(n)
	if err != nil {
		return "", err
	}
	w := &haproxyText{node: n}
	w.line("global")
	w.line("    log stdout len 8192 format iso local0")
	w.line("    maxconn 4000")
	w.line("")
	w.line("defaults")
	w.line("    mode http")
	w.line("    log global")
	w.line("    timeout connect %s", ms(haproxyConnect))
	w.line("    timeout client 30s")
	w.line("    timeout server 30s")
	w.line("    timeout check %s", ms(n.tier.check.timeout))
	w.line("    retries 3")
	w.line("    option redispatch")
	w.line("")
	w.frontend(logLines)
	for _, pool := range n.tier.pools() {
		w.line("")
		w.backend(pool)
	}
	return w.b.String(), nil
}

// haproxyLogLines are the frontend's lines about logging.
func haproxyLogLines(n *node) (string, error) {
	switch detail := n.st.opt.LogDetail; detail {
	case LogDefault:
		return "option httplog\ncapture cookie " + sessionCookie + "= len 64\n", nil
	case LogFull:
		return n.st.lb.product.LogLine(lb.LogLineOptions{
			SessionCookie: sessionCookie, AffinityCookie: affinityCookie, KeyVariable: haproxy.KeyVariable,
			Behind:  n.tier.behind,
			Variant: "frontend", // the log target is in our global section
		})
	default:
		return "", unknownDetail(detail)
	}
}

// haproxyText writes the sections.
type haproxyText struct {
	*node
	b strings.Builder
}

func (w *haproxyText) line(format string, args ...any) { fmt.Fprintf(&w.b, format+"\n", args...) }

func (w *haproxyText) frontend(logLines string) {
	w.line("frontend %s", listenerName)
	w.line("    bind %s", w.listen)
	for l := range strings.Lines(logLines) {
		if l = strings.TrimSpace(l); l != "" {
			w.line("    %s", l)
		}
	}
	if w.st.opt.Canary != "" {
		w.line("    http-request set-header X-Origin-Secret %s", w.st.opt.Canary)
	}
	if w.tier.plainPath != "" {
		w.line("    use_backend %s if { path_beg %s }", plainPoolName, w.tier.plainPath)
	}
	w.line("    default_backend %s", poolName)
}

func (w *haproxyText) backend(pool string) {
	t := w.tier
	affinity := t.affinity
	if pool == plainPoolName {
		affinity = noAffinity
	}
	w.line("backend %s", pool)
	if affinity == hashSource {
		w.line("    balance source")
		w.line("    hash-type %s", map[bool]string{true: "consistent", false: "map-based"}[t.consistent])
	} else {
		w.line("    balance %s", t.balance)
	}
	w.line("    option httpchk GET /health")
	expire := "30m"
	if t.tableExpire > 0 {
		expire = ms(t.tableExpire)
	}
	switch affinity {
	case cookieAffinity:
		w.line("    cookie %s insert indirect nocache httponly%s", affinityCookie, haproxyCookieAttrs(t.cookie))
	case stickSource:
		w.line("    stick-table type ip size 100k expire %s", expire)
		w.line("    stick on src")
	case stickSession:
		w.line("    stick-table type string len 64 size 100k expire %s", expire)
		w.line("    stick match req.cook(%s)", sessionCookie)
		w.line("    stick store-response res.cook(%s)", sessionCookie)
	}
	for i, m := range w.members {
		cookie := ""
		if affinity == cookieAffinity {
			cookie = "cookie " + t.valueOf(i, w.index, len(w.members)) + " "
		}
		w.line("    server %s %s %scheck inter %s fall %d rise %d",
			m.name, m.addr, cookie, ms(t.check.inter), t.check.fall, t.check.rise)
	}
}

// haproxyCookieAttrs are the attributes beyond the usual ones. Clients take the last of two Path attributes
// (RFC 6265, 5.2): the one added here stands behind HAProxy's own.
func haproxyCookieAttrs(c cookieRules) string {
	var b strings.Builder
	if c.path != "" {
		fmt.Fprintf(&b, " attr Path=%s", c.path)
	}
	if c.maxAge > 0 {
		fmt.Fprintf(&b, " attr Max-Age=%d", int(c.maxAge.Seconds()))
	}
	return b.String()
}

// ms writes a duration as HAProxy reads it.
func ms(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }
