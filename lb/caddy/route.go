package caddy

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// A router chooses upstreams of one reverse_proxy as Caddy does.
type router struct {
	pool     *topology.Pool
	version  version
	policy   policy
	fallback policy
	trusted  []netip.Prefix // proxies whose X-Forwarded-For is believed
	secure   bool           // the site speaks TLS
	attempts int
	failFor  time.Duration // 0: passive checks are off
	maxFails int

	hosts []*host
	robin uint32
	rng   *rand.Rand
	now   time.Time
}

// A host is an upstream with its run-time state.
type host struct {
	dial     string
	weight   int
	down     bool        // an active check says so
	fails    []time.Time // when counted failures stop to count
	maxFails int
	flying   int
}

// available is what every policy asks first (hosts.go): not found unhealthy, and fewer than max_fails counted failures.
func (h *host) available(now time.Time) bool {
	n := 0
	for _, until := range h.fails {
		if until.After(now) {
			n++
		}
	}
	return !h.down && n < h.maxFails
}

func newRouter(cfg *topology.Config, name string) (lb.Router, error) {
	pool, ok := cfg.Pool(name)
	if !ok {
		return nil, fmt.Errorf("no reverse_proxy %q in this configuration", name)
	}
	r := &router{pool: pool, version: parseVersion(cfg.Version), attempts: pool.Retry.Attempts, maxFails: 1, fallback: policy{name: "random"}}
	if s := pool.Settings["policy"]; len(s) > 0 {
		r.policy = policyOf(s[0])
	}
	if s := pool.Settings["fallback"]; len(s) > 0 {
		r.fallback = policyOf(s[0])
	}
	if s := pool.Settings["health"]; len(s) > 0 {
		r.failFor, _ = time.ParseDuration(s[0].Args[0])
		r.maxFails, _ = strconv.Atoi(s[0].Args[1])
	}
	if s := pool.Settings["trusted proxies"]; len(s) > 0 {
		r.trusted = ranges(s[0].Args)
	}
	for _, l := range cfg.Listeners {
		for _, route := range l.Routes {
			r.secure = r.secure || route.Pool == name && l.TLS
		}
	}
	r.Reload()
	return r, nil
}

// Reload makes the state of a start. Caddy keeps the counted failures of a dial string over a reload; its round robin begins anew.
func (r *router) Reload() {
	r.robin, r.rng = 0, rand.New(rand.NewPCG(1, 2))
	old := r.hosts
	r.hosts = nil
	for _, in := range r.pool.Instances {
		h := &host{dial: in.Name, weight: max(1, in.Weight), maxFails: r.maxFails}
		for _, o := range old {
			if o.dial == h.dial {
				h.fails, h.down = o.fails, o.down
			}
		}
		r.hosts = append(r.hosts, h)
	}
}

// Route chooses an upstream for a new request.
func (r *router) Route(c *lb.Call) lb.Decision { return r.choose(c, 0) }

// Failed counts a dial error, if passive checks are on, and runs the policy again while there are tries left.
func (r *router) Failed(c *lb.Call, last lb.Decision, attempt int) (lb.Decision, bool) {
	r.now = c.Now
	for _, h := range r.hosts {
		if h.dial == last.Instance {
			h.flying--
			if r.failFor > 0 {
				h.fails = append(h.fails, c.Now.Add(r.failFor))
			}
		}
	}
	if attempt > r.attempts {
		last.Instance, last.Flow.Unserved = "", true
		return last, false
	}
	d := r.choose(c, attempt)
	d.Flow.Redispatched = d.Instance != last.Instance
	return d, d.Instance != ""
}

// Answered ends a request.
func (r *router) Answered(_ *lb.Call, d lb.Decision, a lb.Answer) (lb.Decision, []string) {
	for _, h := range r.hosts {
		if h.dial == d.Instance && h.flying > 0 {
			h.flying--
		}
	}
	lines := a.SetCookie
	if d.SetCookie != "" {
		lines = append(lines[:len(lines):len(lines)], d.SetCookie)
	}
	return d, lines
}

func (r *router) choose(c *lb.Call, attempt int) lb.Decision {
	r.now = c.Now
	d := lb.Decision{Flow: session.Flow{Affinity: session.AffinityOff, Set: session.SetNothing, Retries: uint8(min(attempt, 255))}}
	h := r.byPolicy(c, &d)
	if h == nil {
		d.Flow.Unserved = true
		return d
	}
	h.flying++
	d.Instance = h.dial
	return d
}

func (r *router) byPolicy(c *lb.Call, d *lb.Decision) *host {
	switch r.policy.name {
	case "cookie":
		return r.byCookie(c, d)
	case "ip_hash", "client_ip_hash", "uri_hash", "header", "query":
		if key := r.policy.keyOf(c, r.trusted); key != "" {
			return r.byHash(key)
		}
		return r.plain(&r.fallback, c)
	}
	return r.plain(&r.policy, c)
}

// byCookie follows the first cookie of that name, or hands out a new one.
func (r *router) byCookie(c *lb.Call, d *lb.Decision) *host {
	d.Flow.Affinity = session.AffinityNone
	if values := c.Cookie(r.policy.cookie); len(values) > 0 {
		d.Flow.Affinity = session.AffinityInvalid
		for _, h := range r.hosts {
			if values[0] != cookieValue(r.policy.secret, h.dial) {
				continue
			}
			if h.available(r.now) {
				d.Flow.Affinity = session.AffinityValid
				return h
			}
			d.Flow.Affinity = session.AffinityDown
		}
	}
	h := r.plain(&r.fallback, c)
	if h != nil {
		d.SetCookie, d.Flow.Set = r.setCookie(&r.policy, h.dial, r.secure), session.SetInserted
	}
	return h
}

// plain chooses without looking for a client's upstream, or by the hash that a fallback names.
func (r *router) plain(p *policy, c *lb.Call) *host {
	switch p.name {
	case "first":
		for _, h := range r.hosts {
			if h.available(r.now) {
				return h
			}
		}
		return nil
	case "round_robin":
		return r.roundRobin()
	case "weighted_round_robin":
		return r.weightedRoundRobin()
	case "least_conn":
		return r.leastOf(len(r.hosts))
	case "random_choose":
		return r.leastOf(max(2, p.choose))
	case "ip_hash", "client_ip_hash", "uri_hash", "header", "query":
		return r.byHash(p.keyOf(c, r.trusted))
	}
	return r.leastOf(1)
}

// roundRobin counts on before each look, so that the second upstream comes first.
func (r *router) roundRobin() *host {
	for range r.hosts {
		r.robin++
		if h := r.hosts[r.robin%uint32(len(r.hosts))]; h.available(r.now) {
			return h
		}
	}
	return nil
}

func (r *router) weightedRoundRobin() *host {
	total := uint32(0)
	for _, h := range r.hosts {
		total += uint32(h.weight)
	}
	for range total {
		r.robin++
		at := r.robin % total
		for _, h := range r.hosts {
			if at < uint32(h.weight) {
				if h.available(r.now) {
					return h
				}
				break
			}
			at -= uint32(h.weight)
		}
	}
	return nil
}

// leastOf draws n of the available upstreams and takes the one with the fewest requests under way; 1 is random.
func (r *router) leastOf(n int) *host {
	var up []*host
	for _, h := range r.hosts {
		if h.available(r.now) {
			up = append(up, h)
		}
	}
	if len(up) == 0 {
		return nil
	}
	r.rng.Shuffle(len(up), func(i, j int) { up[i], up[j] = up[j], up[i] })
	best := up[0]
	for _, h := range up[1:min(n, len(up))] {
		if h.flying < best.flying {
			best = h
		}
	}
	return best
}

// SetUp says what an active check found.
func (r *router) SetUp(instance string, up bool) {
	for _, h := range r.hosts {
		if h.dial == instance {
			h.down = !up
			if up {
				h.fails = nil
			}
		}
	}
}

// SetDrain does nothing: Caddy knows no draining.
func (r *router) SetDrain(string, bool) {}
