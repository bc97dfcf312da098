package nginx

import (
	"strings"
	"time"

	"limpet.dev/topology"
)

// nginx's defaults (http://nginx.org/en/docs/http/ngx_http_upstream_module.html#server, ngx_http_proxy_module
// for timeouts, ngx_http_upstream_hc_module for Plus's active checks).
const (
	defaultFailTimeout = 10 * time.Second
	defaultTimeout     = 60 * time.Second
	defaultInterval    = 5 * time.Second
)

// patience is the longest that an attempt at a server of this use can take: to connect or to wait for a
// part of the answer, whichever is longer.
func (u *use) patience() time.Duration {
	p := u.prefix
	return max(u.timer(p+"_connect_timeout"), u.timer(p+"_read_timeout"))
}

func (u *use) timer(name string) time.Duration {
	if !u.http && strings.HasSuffix(name, "_read_timeout") {
		name = "proxy_timeout"
	}
	if d := u.scope.last(name); d != nil {
		if t, err := parseTime(d.arg(0)); err == nil {
			return t
		}
	}
	return defaultTimeout
}

// passive completes a server's passive check. A server is out when max_fails attempts have failed, each
// within fail_timeout of the one before it, counted by each worker process for itself unless the upstream
// has a zone. It is tried again with a live request when fail_timeout has passed, by a clock of whole
// seconds (src/http/ngx_http_upstream_round_robin.c). How soon live requests fail is up to the traffic:
// the least time is that of requests which fail all at once.
func (r *reader) passive(g *group, h *topology.HealthCheck, u *use) {
	h.Timeout = defaultTimeout
	if u != nil {
		h.Timeout = u.patience()
	}
	h.PerProcess = g.zone == nil && r.workers != 1
	h.RemoveRefused = time.Duration(h.Fall-1) * h.Interval
	h.RemoveMax = h.RemoveRefused + h.Timeout
	h.ReturnMin = h.Interval
	h.ReturnMax = h.Interval + time.Second
}

// active returns the check that a health_check directive of nginx Plus declares, nil for none.
func (r *reader) active(u *use) *topology.HealthCheck {
	d := u.scope.last("health_check")
	if d == nil {
		return nil
	}
	h := &topology.HealthCheck{Kind: "http", Method: "GET", Path: "/", Interval: defaultInterval, Fall: 1, Rise: 1,
		Timeout: u.patience(), Expect: "status 200-399", Pos: d.pos}
	if !u.http {
		h.Kind, h.Method, h.Path, h.Expect = "tcp", "", "", ""
	}
	var jitter time.Duration
	for _, a := range d.args {
		key, value, _ := strings.Cut(a, "=")
		switch key {
		case "interval":
			h.Interval = timeOr(value, h.Interval)
		case "jitter":
			jitter = timeOr(value, 0)
		case "fails":
			h.Fall = max(1, number(value))
		case "passes":
			h.Rise = max(1, number(value))
		case "uri":
			h.Path, _, _ = strings.Cut(value, "?")
		case "match":
			h.Expect = "match " + value
		case "type":
			if strings.HasPrefix(value, "grpc") {
				h.Kind, h.Path = "grpc", ""
			}
		}
	}
	falls, rises := time.Duration(h.Fall), time.Duration(h.Rise)
	h.RemoveMin = (falls - 1) * h.Interval
	h.RemoveRefused = falls * (h.Interval + jitter)
	h.RemoveMax = h.RemoveRefused + falls*h.Timeout
	h.ReturnMin = (rises - 1) * h.Interval
	h.ReturnMax = rises * (h.Interval + jitter)
	return h
}

func timeOr(text string, fallback time.Duration) time.Duration {
	if d, err := parseTime(text); err == nil {
		return d
	}
	return fallback
}
