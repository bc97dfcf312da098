package caddy

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"limpet.dev/topology"
)

// A proxy is one reverse_proxy, from a Caddyfile or from JSON.
type proxy struct {
	name      string // of the pool
	pos       topology.Pos
	upstreams []upstream
	dynamic   string // kind of dynamic upstreams, "" none
	policy    policy
	policyPos topology.Pos

	retries          int
	tryFor, tryEvery time.Duration
	retryPos         topology.Pos

	active  *activeCheck
	passive passiveCheck
	dial    time.Duration

	cookies   []topology.CookieEdit
	forwarded []topology.Header
}

// An upstream is one instance by its dial string, which hashes and cookies are made of.
type upstream struct {
	dial   string
	max    int
	weight int
	pos    topology.Pos
}

// A policy is a way of choosing an upstream.
type policy struct {
	name     string // as Caddy calls it; "" is random
	choose   int    // random_choose
	weights  []int  // weighted_round_robin
	field    string // header, query
	cookie   string
	secret   string
	maxAge   time.Duration
	fallback *policy
}

type activeCheck struct {
	uri, method, status string
	port                string
	interval, timeout   time.Duration
	passes, fails       int
	pos                 topology.Pos
}

type passiveCheck struct {
	failFor  time.Duration
	maxFails int
	status   string
	pos      topology.Pos
}

// Caddy's defaults (healthchecks.go, reverseproxy.go, httptransport.go).
const (
	defaultInterval = 30 * time.Second
	defaultTimeout  = 5 * time.Second
	defaultDial     = 3 * time.Second
	defaultTryEvery = 250 * time.Millisecond
)

// addUpstream adds what "reverse_proxy ADDR" names: scheme removed, default port added, port ranges spread
// (addresses.go, parseUpstreamDialAddress).
func (p *proxy) addUpstream(addr string, pos topology.Pos) {
	for _, dial := range dials(addr) {
		p.upstreams = append(p.upstreams, upstream{dial: dial, weight: 1, pos: pos})
	}
}

func dials(addr string) []string {
	addr = strings.ReplaceAll(addr, "{re.", "{http.regexp.") // a short form (httpcaddyfile/shorthands.go)
	if scheme, path, ok := strings.Cut(addr, "//"); ok && strings.HasPrefix(scheme, "unix+") {
		return []string{"unix//" + path}
	}
	if strings.HasPrefix(addr, "unix/") || strings.HasPrefix(addr, "fd/") {
		return []string{addr}
	}
	scheme, rest, found := strings.Cut(addr, "://")
	if !found {
		scheme, rest = "", addr
	}
	rest, _, _ = strings.Cut(rest, "/")
	if strings.Contains(rest, "{") { // a placeholder: known at run time only
		return []string{rest}
	}
	host, port := splitPort(rest)
	if port == "" {
		port = map[string]string{"https": "443"}[scheme]
		if port == "" {
			port = "80"
		}
	}
	from, to, isRange := strings.Cut(port, "-")
	a, err1 := strconv.Atoi(from)
	b, err2 := strconv.Atoi(to)
	if !isRange || err1 != nil || err2 != nil || b < a || b-a > 1000 {
		return []string{host + ":" + port}
	}
	var out []string
	for n := a; n <= b; n++ {
		out = append(out, host+":"+strconv.Itoa(n))
	}
	return out
}

// splitPort cuts host:port; an IPv6 address keeps its brackets.
func splitPort(addr string) (host, port string) {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 || strings.HasSuffix(addr, "]") || strings.Count(addr, ":") > 1 && !strings.HasPrefix(addr, "[") {
		return addr, ""
	}
	return addr[:i], addr[i+1:]
}

// hashed reports whether a policy finds the same upstream for the same key.
func (p *policy) hashed() bool {
	switch p.name {
	case "ip_hash", "client_ip_hash", "uri_hash", "header", "query", "cookie":
		return true
	}
	return false
}

// key is what a hash policy hashes, for people.
func (p *policy) key() string {
	switch p.name {
	case "ip_hash":
		return "source address"
	case "client_ip_hash":
		return "client address (after trusted proxies)"
	case "uri_hash":
		return "path and query"
	case "header":
		return "header " + p.field
	case "query":
		return "query parameter " + p.field
	case "cookie":
		return "cookie " + p.cookie
	}
	return ""
}

// pool makes the topology's pool.
func (p *proxy) pool() topology.Pool {
	pool := topology.Pool{
		Name: p.name, Pos: p.pos, HTTP: true, Settings: map[string][]topology.Setting{},
		Balance: topology.Balance{Algorithm: cmp.Or(p.policy.name, "random"), Key: p.policy.key(), Pos: cmp.Or(p.policyPos, p.pos)},
	}
	if p.policy.hashed() && p.policy.name != "cookie" {
		pool.Balance.Hash = "rendezvous"
	}
	check := p.health()
	for i, u := range p.upstreams {
		in := topology.Instance{Name: u.dial, Address: u.dial, Pos: u.pos, ID: i + 1, Weight: u.weight, MaxConn: u.max, Check: check}
		if i < len(p.policy.weights) {
			in.Weight = p.policy.weights[i]
		}
		pool.Instances = append(pool.Instances, in)
	}
	pool.Retry = p.retry()
	pool.Affinity = p.affinity()
	pool.Settings["policy"] = []topology.Setting{p.policy.setting(p.policyPos)}
	if p.policy.fallback != nil {
		pool.Settings["fallback"] = []topology.Setting{p.policy.fallback.setting(p.policyPos)}
	}
	pool.Settings["health"] = []topology.Setting{{Args: []string{p.passive.failFor.String(), strconv.Itoa(max(1, p.passive.maxFails))}, Pos: p.passive.pos}}
	return pool
}

// setting keeps a policy for the router; policyOf reads it back.
func (p *policy) setting(pos topology.Pos) topology.Setting {
	return topology.Setting{Pos: pos, Args: []string{p.name, strconv.Itoa(p.choose), p.field, p.cookie, p.secret, p.maxAge.String()}}
}

func policyOf(s topology.Setting) policy {
	p := policy{name: s.Args[0], field: s.Args[2], cookie: s.Args[3], secret: s.Args[4]}
	p.choose, _ = strconv.Atoi(s.Args[1])
	p.maxAge, _ = time.ParseDuration(s.Args[5])
	return p
}

// retry: without lb_retries and lb_try_duration nothing is tried again; with both the duration wins.
func (p *proxy) retry() topology.Retry {
	r := topology.Retry{Attempts: p.retries, Pos: cmp.Or(p.retryPos, p.pos), On: []string{"dial error"}}
	if p.tryFor > 0 {
		r.Attempts = int(p.tryFor / cmp.Or(p.tryEvery, defaultTryEvery))
	}
	// The same upstream is chosen again unless something marks it as failed.
	r.Redispatch = r.Attempts > 0 && (p.passive.failFor > 0 || !p.policy.hashed())
	return r
}
