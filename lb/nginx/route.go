package nginx

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"limpet.dev/lb"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// A router chooses servers as one worker process of nginx does for one upstream (all of them, if the
// upstream has a zone). The order of decisions: a map from a cookie to an upstream, stickiness, then
// the balancing method; each falls back on weighted round robin.
type router struct {
	pool    *topology.Pool
	peers   *peers // the primaries; backups hang on them
	byName  map[string][]*peer
	method  method
	sticky  *stickyRule
	learned *learned
	ways    []way  // by cookie, to another upstream
	wayBy   string // the text that ways are looked up with
	cookie  string // the cookie that names instances, "" for none
	headers []header
	real    realIP
	vars    map[string]*variable
	rng     *rand.Rand
	on      map[string]bool // proxy_next_upstream
	tries   int             // attempts at most, the first included
	limits  []string
	out     []string // taken out since TakenOut was asked
}

// A method chooses a peer that the request has not tried and that may be used, nil for none.
type method interface{ next(q *request) *peer }

// request is a call with the state that nginx keeps with it.
type request struct {
	*lb.Call
	r     *router // whose upstream it is in
	now   int64   // whole seconds, nginx's clock
	tried map[*peer]bool
	peer  *peer // the one chosen last

	id        string // $request_id, made when asked for
	hash      uint32 // of ip_hash and hash: where the draw stands
	draws     int
	rehash    int
	begun     bool
	left      int // attempts left
	attempts  int
	exhausted bool // attempts were left, but no server: nginx logs the upstream's name

	hint  *peer                 // named by stickiness
	state session.AffinityState // what became of the cookie presented
	key   string                // sticky learn: the session that was looked up
}

// newRouter returns the routing decisions for one pool.
func newRouter(cfg *topology.Config, pool string) (lb.Router, error) {
	r, err := newUpstream(cfg, pool)
	if err != nil {
		return nil, err
	}
	if m := r.pool.Settings["cookie map"]; len(m) > 0 {
		r.cookie, r.wayBy = m[0].Args[0], m[0].Args[1]
		for _, s := range r.pool.Settings["cookie way"] {
			to := r
			if s.Args[1] != pool {
				if to, err = newUpstream(cfg, s.Args[1]); err != nil {
					return nil, err
				}
				to.rng = r.rng
			}
			r.ways = append(r.ways, way{pair{s.Args[0], s.Args[1]}, to})
		}
	}
	return r, nil
}

// newUpstream returns a router without the ways to other upstreams.
func newUpstream(cfg *topology.Config, pool string) (*router, error) {
	p, ok := cfg.Pool(pool)
	if !ok {
		return nil, fmt.Errorf("nginx: route: upstream %q is not in the configuration", pool)
	}
	r := &router{pool: p, rng: rand.New(rand.NewPCG(1, 2)), on: map[string]bool{}, tries: p.Retry.Attempts + 1,
		vars: map[string]*variable{}, byName: map[string][]*peer{}}
	for _, w := range p.Retry.On {
		r.on[w] = true
	}
	for _, s := range p.Settings["variable"] {
		v := &variable{name: s.Args[0], kind: s.Args[1], source: s.Args[2], def: s.Args[3], hosts: s.Args[4] != "", pos: s.Pos}
		for i := 5; i+1 < len(s.Args); i += 2 {
			v.pairs = append(v.pairs, pair{s.Args[i], s.Args[i+1]})
		}
		r.vars[v.name] = v
	}
	for _, s := range p.Settings["add_header"] {
		r.headers = append(r.headers, header{text: s.Args[0], always: slices.Contains(s.Args[1:], "always")})
	}
	r.real = newRealIP(p)
	for _, s := range p.Settings["sticky"] {
		if len(p.Affinity) > 0 && slices.ContainsFunc(p.Affinity, func(a topology.Affinity) bool { return a.Pos == s.Pos }) {
			rule := parseSticky(&directive{name: "sticky", args: s.Args})
			r.sticky, r.cookie = &rule, rule.cookie
			if rule.kind == "learn" {
				r.learned = newLearned(rule.entries(), rule.timeout)
			}
		}
	}
	if c := hashCookie(p); r.cookie == "" && c != "" {
		r.cookie = c
	}
	r.start()
	r.checkKeys()
	return r, nil
}

// hashCookie is the cookie of the balancer's own that a hash takes.
func hashCookie(p *topology.Pool) string {
	for _, a := range p.Affinity {
		if a.Method == topology.MethodInsert {
			return a.Cookie
		}
	}
	return ""
}

// start makes the servers' state anew.
func (r *router) start() {
	clear(r.byName)
	r.peers = newPeers(r.pool, false)
	r.peers.backup = newPeers(r.pool, true)
	for _, s := range []*peers{r.peers, r.peers.backup} {
		for _, p := range s.list {
			r.byName[p.Name] = append(r.byName[p.Name], p)
		}
	}
	r.peers.single = len(r.peers.list) == 1 && len(r.peers.backup.list) == 0
	r.method = r.newMethod()
}

// newMethod returns the balancing method of the pool.
func (r *router) newMethod() method {
	b := r.pool.Balance
	name, rest, _ := strings.Cut(b.Algorithm, " ")
	rr := roundRobin{r.peers}
	switch name {
	case "ip_hash":
		return &ipHash{r.peers, rr}
	case "hash", "consistent_hash":
		if b.Hash == "consistent" {
			return &ringHash{peers: r.peers, rr: rr, key: b.Key, points: newRing(r.peers.list)}
		}
		return &mapHash{r.peers, rr, b.Key}
	case "random":
		return &randomly{r.peers, rr, rest != ""}
	}
	return rr
}

// checkKeys says what the router cannot follow.
func (r *router) checkKeys() {
	name, _, _ := strings.Cut(r.pool.Balance.Algorithm, " ")
	switch name {
	case "least_conn", "least_time", "fair":
		r.limit(r.pool.Balance.Pos, name+" is followed as if no requests were open at once")
	case "random":
		r.limit(r.pool.Balance.Pos, "random draws are not those of the real process")
	}
	texts := []string{r.pool.Balance.Key, r.wayBy}
	if r.sticky != nil {
		texts = append(texts, r.sticky.lookup...)
	}
	for _, h := range r.headers {
		texts = append(texts, h.text)
	}
	for _, t := range texts {
		for _, n := range names(t) {
			if v := r.vars[n]; v != nil && !followed[v.kind] || v == nil && !ownVariable(n) {
				r.limit(r.pool.Pos, "the variable $"+n+" is not computed: it counts as empty")
			}
		}
	}
}

// Route chooses the server of a request.
func (r *router) Route(c *lb.Call) lb.Decision {
	q := &request{Call: c, r: r, now: c.Now.Unix(), tried: map[*peer]bool{}, state: session.AffinityOff}
	if a, ok := r.real.client(c); ok {
		changed := *c
		changed.Client = a
		q.Call = &changed
	}
	r.enter(q)
	q.peer = q.r.choose(q)
	return r.decide(q)
}

// enter finds the upstream of the request and what its cookie names.
func (r *router) enter(q *request) {
	if r.cookie != "" {
		q.state = session.AffinityNone
		if q.cookieValue(r.cookie) != "" {
			q.state = session.AffinityInvalid
		}
	}
	if len(r.ways) > 0 {
		if w := r.wayOf(q); w != nil {
			q.r, q.state = w.to, session.AffinityValid
		}
	} else if r.sticky == nil && q.state == session.AffinityInvalid {
		q.state = session.AffinityValid // a hash takes any value
	}
	q.left = min(q.r.tries, q.r.peers.able()+q.r.peers.backup.able())
	if q.r.sticky != nil {
		q.r.findHint(q)
	}
}

// choose picks the next server: what stickiness names, or what the method chooses.
func (r *router) choose(q *request) *peer {
	if h := q.hint; h != nil {
		q.hint = nil
		if h.usable(q) || h.draining(q) {
			q.state = session.AffinityValid
			if _, ok := r.method.(roundRobin); ok && !r.peers.single {
				r.peers.follow(q, h)
			}
			q.tried[h] = true
			h.touch(q.now)
			return h
		}
		q.state = session.AffinityDown
	}
	p := r.method.next(q)
	if p == nil {
		return nil
	}
	q.tried[p] = true
	return p
}

// decide turns what was found into a decision.
func (r *router) decide(q *request) lb.Decision {
	d := lb.Decision{Note: q, Flow: session.Flow{Affinity: q.state, Retries: uint8(min(q.attempts, 255)), Redispatched: q.attempts > 0}}
	if q.peer == nil {
		d.Flow.Unserved = true
		return d
	}
	d.Instance = q.peer.Name
	if q.r != r {
		d.Pool = q.r.pool.Name
	}
	if len(r.ways) > 0 && q.state == session.AffinityValid {
		if v := r.valueOf(d.Instance); v != "" && v != q.cookieValue(r.cookie) {
			d.Flow.Affinity = session.AffinityDown // led to the server behind the one that is named
		}
	}
	if own := r.setCookies(q, 200); len(own) > 0 {
		d.SetCookie = own[0]
	}
	d.Flow.Set = r.whatIsSet(q, d.SetCookie)
	return d
}

// whatIsSet compares what the answer sets with what the client presented.
func (r *router) whatIsSet(q *request, line string) session.AffinitySet {
	switch {
	case r.cookie == "":
		return session.SetUnknown
	case line == "":
		return session.SetNothing
	}
	pair, _, _ := strings.Cut(line, ";")
	if _, value, _ := strings.Cut(pair, "="); value == q.cookieValue(r.cookie) {
		return session.SetRefreshed
	}
	return session.SetInserted
}

func (r *router) valueOf(instance string) string {
	for _, in := range r.pool.Instances {
		if in.Name == instance {
			return in.CookieValue
		}
	}
	return ""
}

// upstreams are the router itself and those that its ways lead to.
func (r *router) upstreams() []*router {
	all := []*router{r}
	for _, w := range r.ways {
		if !slices.Contains(all, w.to) {
			all = append(all, w.to)
		}
	}
	return all
}

// SetUp marks a server as running or stopped, for all the ways that lead to it.
func (r *router) SetUp(instance string, up bool) {
	for _, u := range r.upstreams() {
		for _, p := range u.byName[instance] {
			p.up = up
			if up {
				p.fails = 0
			}
		}
	}
}

// SetDrain marks a server as taking no new clients: stickiness still leads to it.
func (r *router) SetDrain(instance string, drain bool) {
	for _, u := range r.upstreams() {
		for _, p := range u.byName[instance] {
			p.drain = drain
		}
	}
}

// Reload starts anew, as new workers do: the position of round robin and what they had seen fail are
// gone. What sticky learn has learned lies in a zone and stays.
func (r *router) Reload() {
	for _, u := range r.upstreams() {
		u.start()
	}
}

// TakenOut returns the servers that have failed max_fails times since it was asked last.
func (r *router) TakenOut() []string {
	var out []string
	for _, u := range r.upstreams() {
		out = append(out, u.out...)
		u.out = nil
	}
	return out
}

// Limits says what the router cannot follow.
func (r *router) Limits() []string { return r.limits }

func (r *router) limit(pos topology.Pos, what string) {
	r.limits = append(r.limits, pos.String()+": "+what)
}

// realIP is how nginx finds a client's address behind proxies that are trusted (ngx_http_realip_module).
type realIP struct {
	header    string
	from      []netip.Prefix
	recursive bool
}

func newRealIP(p *topology.Pool) realIP {
	var out realIP
	for _, s := range p.Settings["set_real_ip_from"] {
		if len(s.Args) == 0 {
			continue
		}
		text := s.Args[0]
		if a, err := netip.ParseAddr(text); err == nil {
			out.from = append(out.from, netip.PrefixFrom(a, a.BitLen()))
		} else if n, err := netip.ParsePrefix(text); err == nil {
			out.from = append(out.from, n)
		}
	}
	out.header = "X-Real-IP"
	for _, s := range p.Settings["real_ip_header"] {
		out.header = s.Args[0]
	}
	out.recursive = p.Settings["real_ip_recursive"] != nil && p.Settings["real_ip_recursive"][0].Args[0] == "on"
	return out
}

func (r realIP) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(r.from, func(n netip.Prefix) bool { return n.Contains(a.Unmap()) })
}

// client returns the address that counts, if a trusted proxy told it.
func (r realIP) client(c *lb.Call) (netip.Addr, bool) {
	if len(r.from) == 0 || c.Header == nil || !r.trusted(c.Client) {
		return c.Client, false
	}
	text, ok := c.Header(r.header)
	if !ok {
		return c.Client, false
	}
	found, list := c.Client, strings.Split(text, ",")
	for i := len(list) - 1; i >= 0; i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(list[i]))
		if err != nil {
			break
		}
		found = a
		if !r.recursive || !r.trusted(a) {
			break
		}
	}
	return found, found != c.Client
}
