package httpd

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"limpet.dev/topology"
)

// httpd's defaults (manual, mod_proxy and mod_proxy_hcheck; mod_proxy.h).
const (
	defaultRetry      = 60 * time.Second
	defaultTimeout    = 60 * time.Second
	defaultHCInterval = 30 * time.Second
)

// template keeps ProxyHCTemplate NAME key=value …, parameters that members take with hctemplate=NAME.
func (b *builder) template(d *directive) {
	if len(d.args) < 2 {
		b.fault(d.pos, "ProxyHCTemplate without parameters")
		return
	}
	params := map[string]topology.Setting{}
	pairs(b, d.args[1:], d.pos, memberParams, params)
	b.templates[d.args[0]] = params
}

// health says how a member is found to be unusable. Without mod_proxy_hcheck only traffic tells: the first failed
// connection puts it into error for "retry"; with it, probes do too.
func (b *builder) health(bal *balancer, m *member) *topology.HealthCheck {
	get := func(key string) string {
		for _, params := range []map[string]topology.Setting{m.params, b.templates[text(m.params, "hctemplate")], bal.params} {
			if v := text(params, key); v != "" {
				return v
			}
		}
		return ""
	}
	timeout := span(text(m.params, "timeout"), cmp.Or(b.proxyTimeout, defaultTimeout))
	connect := span(text(m.params, "connectiontimeout"), timeout)
	method := strings.ToUpper(get("hcmethod"))
	if method == "" || method == "NONE" {
		retry := span(get("retry"), defaultRetry)
		return &topology.HealthCheck{
			Kind: "passive", Fall: 1, Rise: 1, Timeout: connect, Interval: retry, Pos: cmp.Or(m.params["retry"].Pos, m.pos),
			RemoveMax: connect, ReturnMax: retry,
		}
	}
	h := &topology.HealthCheck{
		Kind: "http", Method: strings.TrimSuffix(method, "11"), Path: cmp.Or(get("hcuri"), "/"), Expect: get("hcexpr"),
		Interval: span(get("hcinterval"), defaultHCInterval), Timeout: timeout, Fall: count(get("hcfails")), Rise: count(get("hcpasses")),
		Pos: cmp.Or(m.params["hcmethod"].Pos, m.pos),
	}
	if method == "TCP" || method == "CPING" {
		h.Kind, h.Method, h.Path = strings.ToLower(method), "", ""
	}
	fails, passes := time.Duration(h.Fall), time.Duration(h.Rise)
	h.RemoveMin, h.RemoveRefused, h.RemoveMax = (fails-1)*h.Interval, fails*h.Interval, fails*h.Interval+h.Timeout
	h.ReturnMin, h.ReturnMax = (passes-1)*h.Interval, passes*h.Interval
	return h
}

// count reads a number of probes, at least 1.
func count(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 1
	}
	return min(n, 1000)
}
