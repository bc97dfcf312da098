package haproxy

import (
	"strings"
	"time"

	"limpet.dev/topology"
)

// HAProxy's defaults for checks (manual, section 5.2; include/haproxy/defaults.h).
const (
	defaultInter      = 2 * time.Second
	defaultFall       = 3
	defaultRise       = 2
	defaultErrorLimit = 10
)

// checkKinds are the options that make a check speak a protocol.
var checkKinds = []struct{ option, kind string }{
	{"option httpchk", "http"}, {"option tcp-check", "tcp-check"}, {"option ssl-hello-chk", "ssl-hello"},
	{"option smtpchk", "smtp"}, {"option ldap-check", "ldap"}, {"option mysql-check", "mysql"},
	{"option pgsql-check", "pgsql"}, {"option redis-check", "redis"}, {"option spop-check", "spop"},
	{"option external-check", "external"},
}

// health returns how a server is found to be down, nil if it never is.
func (r *reader) health(p *proxy, s *serverSpec) *topology.HealthCheck {
	pos, ok := s.settings["check"]
	if !s.check {
		if !s.agent {
			return nil
		}
		pos, ok = s.settings["agent-check"]
	}
	if !ok {
		pos.Pos = p.pos
	}
	h := &topology.HealthCheck{
		Kind: "tcp", Pos: pos.Pos,
		Interval: orElse(s.health.inter, defaultInter), FastInterval: s.health.fast, DownInterval: s.health.down,
		Fall: orElse(s.health.fall, defaultFall), Rise: orElse(s.health.rise, defaultRise),
	}
	if s.check {
		describeCheck(p, h)
	} else {
		h.Kind = "agent"
		h.Interval, h.Fall, h.Rise = orElse(s.health.agentInter, defaultInter), 1, 1
	}
	if o := s.health.observe; o != "" && o != "none" {
		h.Observe = o
		h.ErrorLimit = orElse(s.health.errorLimit, defaultErrorLimit)
		h.OnError = orElse(s.health.onError, "fail-check")
	}
	h.Timeout = checkTimeout(p, h.Interval)
	timing(h, r.spread, s.agent)
	return h
}

func orElse[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// describeCheck fills in what is asked and what is expected. Of several kinds the latest line counts.
func describeCheck(p *proxy, h *topology.HealthCheck) {
	var at topology.Pos
	for _, k := range checkKinds {
		if s, ok := p.last(k.option); ok && (at.File == "" || s.Pos.File == at.File && s.Pos.Line > at.Line) {
			h.Kind, at = k.kind, s.Pos
		}
	}
	if h.Kind != "http" {
		for _, s := range p.all("tcp-check") {
			if len(s.Args) > 1 && s.Args[0] == "expect" {
				h.Expect = strings.Join(s.Args[1:], " ")
			}
		}
		return
	}
	h.Method, h.Path = "OPTIONS", "/"
	if s, _ := p.last("option httpchk"); len(s.Args) == 1 {
		h.Path = s.Args[0]
	} else if len(s.Args) > 1 {
		h.Method, h.Path = s.Args[0], s.Args[1]
	}
	h.Expect = "status 200-399"
	for _, s := range p.all("http-check") {
		describeHTTPCheck(s.Args, h)
	}
	h.Path, _, _ = strings.Cut(h.Path, "?")
}

func describeHTTPCheck(args []string, h *topology.HealthCheck) {
	if len(args) < 2 {
		return
	}
	switch args[0] {
	case "expect":
		h.Expect = shownExpr(strings.Join(args[1:], " "))
	case "send":
		for i := 1; i+1 < len(args); i++ {
			switch args[i] {
			case "meth":
				h.Method = args[i+1]
			case "uri":
				h.Path = args[i+1]
			}
		}
	}
}

// checkTimeout is the longest time of one check: "inter" for all of it, or with "timeout check"
// the lesser of "timeout connect" and "inter" to connect and then "timeout check" to read.
func checkTimeout(p *proxy, inter time.Duration) time.Duration {
	read := p.timer("timeout check")
	if read == 0 {
		return inter
	}
	connect := inter
	if t := p.timer("timeout connect"); t > 0 {
		connect = min(connect, t)
	}
	return connect + read
}

// timer returns a timeout directive's value, 0 if there is none.
func (p *proxy) timer(key string) time.Duration {
	d, err := parseTimer(p.word(key, ""))
	if err != nil {
		return 0
	}
	return d
}

// timing computes the times to remove and to return. A failing server is checked every fastinter
// (inter without it) until the fall-th failure; the first failing check comes at once or after
// up to one inter. A server that is down is checked every downinter until the first success, then
// every fastinter until the rise-th. spread-checks stretches or shortens intervals by so many percent.
func timing(h *topology.HealthCheck, spread int, agent bool) {
	fast, down := orElse(h.FastInterval, h.Interval), orElse(h.DownInterval, h.Interval)
	least := func(d time.Duration) time.Duration { return d * time.Duration(100-spread) / 100 }
	most := func(d time.Duration) time.Duration { return d * time.Duration(100+spread) / 100 }

	falls, rises := time.Duration(h.Fall), time.Duration(h.Rise)
	h.RemoveMin = (falls - 1) * least(fast)
	h.RemoveRefused = most(h.Interval) + (falls-1)*most(fast)
	h.RemoveMax = h.RemoveRefused + falls*h.Timeout
	h.ReturnMin = (rises - 1) * least(fast)
	h.ReturnMax = most(down) + (rises-1)*most(fast)

	// Errors of real traffic, and an agent that says "down", act without waiting for checks.
	if agent || h.OnError == "mark-down" || h.OnError == "fail-check" {
		h.RemoveMin = 0
	}
}
