package lab

import (
	"fmt"
	"strings"
	"time"
)

// The names in the balancer's configuration.
const (
	listenerName   = "fe_shop"
	poolName       = "be_app"
	affinityCookie = "SRV"
)

// haproxyConfig is the scenario as a haproxy.cfg. listen is the address to accept on,
// logLines are the frontend's lines about logging.
func haproxyConfig(sc *scenario, listen, logLines, canary string, instances []*instance) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("global")
	line("    log stdout len 8192 format iso local0")
	line("    maxconn 4000")
	line("")
	line("defaults")
	line("    mode http")
	line("    log global")
	line("    timeout connect 250ms")
	line("    timeout client 30s")
	line("    timeout server 30s")
	line("    timeout check %s", ms(sc.check.timeout))
	line("    retries 3")
	line("    option redispatch")
	line("")
	line("frontend %s", listenerName)
	line("    bind %s", listen)
	for l := range strings.Lines(logLines) {
		if l = strings.TrimSpace(l); l != "" {
			line("    %s", l)
		}
	}
	if canary != "" {
		line("    http-request set-header X-Origin-Secret %s", canary)
	}
	line("    default_backend %s", poolName)
	line("")
	line("backend %s", poolName)
	line("    balance %s", sc.balance)
	line("    option httpchk GET /health")
	switch sc.affinity {
	case cookieAffinity:
		line("    cookie %s insert indirect nocache httponly", affinityCookie)
	case stickSource:
		line("    stick-table type ip size 100k expire 30m")
		line("    stick on src")
	case stickSession:
		line("    stick-table type string len 64 size 100k expire 30m")
		line("    stick match req.cook(%s)", sessionCookie)
		line("    stick store-response res.cook(%s)", sessionCookie)
	}
	for i, in := range instances {
		cookie := ""
		if sc.affinity == cookieAffinity {
			cookie = fmt.Sprintf("cookie s%d ", i+1)
		}
		line("    server %s %s %scheck inter %s fall %d rise %d",
			in.name, in.addr, cookie, ms(sc.check.inter), sc.check.fall, sc.check.rise)
	}
	return b.String()
}

// ms writes a duration as HAProxy reads it.
func ms(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }
