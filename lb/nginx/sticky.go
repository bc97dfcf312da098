package nginx

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
	"time"

	"limpet.dev/topology"
)

// stickyRule is a sticky directive (http://nginx.org/en/docs/http/ngx_http_upstream_module.html#sticky).
type stickyRule struct {
	kind   string // cookie, route, learn
	cookie string
	other  bool // of a module: the values that name servers are not nginx's

	domain, path, sameSite string
	expires                time.Duration
	forever                bool // expires=max
	secure, httpOnly       bool

	create, lookup []string
	zone           string
	size           int
	timeout        time.Duration
	header, sync   bool
}

// entriesPerMiB is about how many sessions a zone of sticky learn holds (manual: "about 4000 sessions per megabyte on
// the 64-bit platform").
const entriesPerMiB = 4000

func (s stickyRule) entries() int { return s.size * entriesPerMiB >> 20 }

// names reports whether servers have the identifiers that nginx computes from their addresses.
func (s stickyRule) names() bool { return !s.other && s.kind != "" }

func (s stickyRule) method() topology.Method {
	switch s.kind {
	case "route":
		return topology.MethodPassive
	case "learn":
		return topology.MethodTable
	}
	return topology.MethodInsert
}

func (s stickyRule) carrier() string {
	switch {
	case s.cookie != "":
		return "cookie " + s.cookie
	case len(s.lookup) > 0:
		return strings.Join(s.lookup, ", ")
	}
	return "cookie"
}

// parseSticky reads a sticky directive of any of the modules that have one.
func parseSticky(d *directive) stickyRule {
	switch {
	case d.name == "jvm_route": // Tengine and nginx-upstream-jvm-route: $cookie_JSESSIONID|sessionid
		lookup, _, _ := strings.Cut(d.arg(0), "|")
		s := stickyRule{kind: "route", lookup: []string{lookup}, other: true}
		s.cookie = cookieNamed(s.lookup)
		return s
	case d.name == "session_sticky":
		return moduleSticky(d.args, "cookie", "route")
	}
	switch d.arg(0) {
	case "cookie":
		s := stickyRule{kind: "cookie", cookie: d.arg(1)}
		s.options(d.args[min(2, len(d.args)):])
		return s
	case "route":
		s := stickyRule{kind: "route", lookup: d.args[1:]}
		s.cookie = cookieNamed(s.lookup)
		return s
	case "learn":
		s := stickyRule{kind: "learn", timeout: 10 * time.Minute}
		s.options(d.args[1:])
		s.cookie = cookieNamed(s.lookup)
		return s
	}
	return moduleSticky(d.args, "name", "route")
}

// moduleSticky reads the form of nginx-sticky-module and Tengine: "sticky name=route expires=1h".
func moduleSticky(args []string, key, fallback string) stickyRule {
	s := stickyRule{kind: "cookie", cookie: fallback, other: true}
	for _, a := range args {
		if k, v, ok := strings.Cut(a, "="); ok && k == key && v != "" {
			s.cookie = v
		}
	}
	s.options(args)
	return s
}

func (s *stickyRule) options(args []string) {
	for _, a := range args {
		key, value, _ := strings.Cut(a, "=")
		switch key {
		case "expires":
			s.expires, s.forever = timeOr(value, 0), value == "max"
		case "domain":
			s.domain = value
		case "path":
			s.path = value
		case "samesite":
			s.sameSite = value
		case "secure":
			s.secure = true
		case "httponly":
			s.httpOnly = true
		case "create":
			s.create = append(s.create, value)
		case "lookup":
			s.lookup = append(s.lookup, value)
		case "zone":
			name, size, _ := strings.Cut(value, ":")
			s.zone = name
			s.size, _ = parseSize(size)
		case "timeout":
			s.timeout = timeOr(value, s.timeout)
		case "header":
			s.header = true
		case "sync":
			s.sync = true
		}
	}
}

// cookieNamed is the first cookie among variables.
func cookieNamed(vars []string) string {
	for _, v := range vars {
		if c, ok := strings.CutPrefix(v, "$cookie_"); ok {
			return c
		}
	}
	return ""
}

// checkSticky reports the faults for which nginx does not start.
func (r *reader) checkSticky(d *directive) {
	s := parseSticky(d)
	switch {
	case d.name == "sticky" && d.arg(0) == "cookie" && len(d.args) < 2:
		r.fail(d.pos, "sticky cookie needs a name")
	case d.name == "sticky" && d.arg(0) == "route" && len(d.args) < 2:
		r.fail(d.pos, "sticky route needs a variable")
	case s.kind == "learn" && (len(s.create) == 0 || len(s.lookup) == 0 || s.zone == ""):
		r.fail(d.pos, "sticky learn needs create, lookup and zone")
	}
}

// addressID is the identifier of a server without route=: the MD5 of its address, as 32
// hexadecimal digits (src/http/modules/ngx_http_upstream_sticky_module.c).
func addressID(addr string) string {
	sum := md5.Sum([]byte(addr))
	return hex.EncodeToString(sum[:])
}
