package haproxy

import (
	"fmt"
	"net/netip"

	"limpet.dev/lb"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// A router chooses servers as one HAProxy backend does. The order of decisions is that of
// src/stream.c: use-server, cookie, stick rules, then the balance algorithm.
type router struct {
	pool    *topology.Pool
	servers []*server
	byName  map[string]*server

	cookie  *cookieRule // nil: none
	balance balanceRule
	hash    hashRule
	rules   []useRule
	persist []persistRule
	stick   []stickCond
	tables  map[string]*table
	acls    aclSet

	allBackups, keepDown, preferLast bool
	redispatch                       int // HAProxy's redispatch_after: 0 off, -1 the last retry
	retries                          int
	retryOn                          map[string]bool

	version string // HAProxy's, "" the newest
	chooser chooser
	last    map[string]*server // connection -> server, for prefer-last-server
	limits  []string
}

// A server is an instance with its run-time state.
type server struct {
	topology.Instance
	index     int
	addr      netip.AddrPort
	literal   bool // addr is known
	nonStick  bool
	up, drain bool
	rr        rrState
}

// usable reports whether the balance algorithm may choose s.
func (s *server) usable() bool { return s.up && !s.drain && s.Weight > 0 }

// A chooser is a balance algorithm: next returns a server for a request, if it can another one than avoid.
type chooser interface {
	next(q *request, avoid *server) *server
	changed(s *server) // s's state has just changed
}

// request is a call with what the rules have made of it.
type request struct {
	*lb.Call
	ignorePersist, forcePersist bool
}

// note is what a decision remembers for Failed and Answered.
type note struct {
	req      *request
	srv      *server
	direct   bool // a rule, the client's cookie or its table entry chose it
	cookie   presented
	stores   []pending
	attempts int
}

// newRouter returns the routing decisions for one backend.
func newRouter(cfg *topology.Config, pool string) (lb.Router, error) {
	p, ok := cfg.Pool(pool)
	if !ok {
		return nil, fmt.Errorf("haproxy: route: backend %q is not in the configuration", pool)
	}
	r := &router{pool: p, byName: map[string]*server{}, last: map[string]*server{}, retries: p.Retry.Attempts,
		retryOn: map[string]bool{}, keepDown: p.Retry.PersistDown}
	for i, in := range p.Instances {
		s := &server{Instance: in, index: i, up: !in.Disabled}
		s.addr, s.literal = splitAddress(in.Address)
		_, s.nonStick = in.Settings["non-stick"]
		if state, ok := in.Settings["init-state"]; ok && (state.Args[0] == "down" || state.Args[0] == "fully-down") {
			s.up = false
		}
		r.servers = append(r.servers, s)
		if r.byName[in.Name] == nil {
			r.byName[in.Name] = s
		}
	}
	if err := r.configure(cfg); err != nil {
		return nil, fmt.Errorf("haproxy: route: backend %q: %w", pool, err)
	}
	r.version = cfg.Version
	r.chooser = r.newChooser()
	return r, nil
}

// configure reads the backend's directives.
func (r *router) configure(cfg *topology.Config) (err error) {
	p := r.pool
	if words, ok := p.Settings["cookie"]; ok && p.HTTP {
		c, err := parseCookie(words[0].Args)
		if err != nil {
			return err
		}
		r.cookie = &c
	}
	if r.balance, err = parseBalance(args(p, "balance")); err != nil {
		return err
	}
	if r.hash, err = parseHashType(args(p, "hash-type")); err != nil {
		return err
	}
	r.allBackups = p.Settings["option allbackups"] != nil
	r.preferLast = p.Settings["option prefer-last-server"] != nil
	r.redispatch = redispatchAfter(p)
	for _, w := range p.Retry.On {
		r.retryOn[w] = true
	}
	r.acls = newACLs(p.Settings["acl"])
	r.readRules()
	r.readTables(cfg)
	if r.balance.algorithm == "hash" {
		r.checkExpr(p.Balance.Pos, r.balance.expr)
	}
	return nil
}

// redispatchAfter is the N of "option redispatch N": every Nth retry, below zero the Nth before last.
func redispatchAfter(p *topology.Pool) int {
	if !p.Retry.Redispatch {
		return 0
	}
	if words := args(p, "option redispatch"); len(words) > 0 {
		n, _ := parseInt(words[0], -1<<31, 1<<31-1)
		return n
	}
	return -1
}

// Route chooses the server of a request.
func (r *router) Route(c *lb.Call) lb.Decision {
	q := &request{Call: c}
	n := &note{req: q}
	r.persistence(q)
	n.srv, n.direct = r.useServer(q)
	if r.cookie != nil {
		n.cookie = r.readCookie(q, n.srv != nil)
		if n.srv == nil && n.cookie.srv != nil {
			n.srv, n.direct = n.cookie.srv, true
		}
	}
	r.stickRequest(q, n)
	if n.srv == nil {
		n.srv = r.choose(q, nil)
	}
	r.remember(c, n.srv)
	return r.decide(n)
}

// choose runs the balance algorithm, after the server of the client's connection if that is preferred.
func (r *router) choose(q *request, avoid *server) *server {
	if r.preferLast && avoid == nil && !r.balance.deterministic() {
		if s := r.last[q.ConnKey]; s != nil && q.ConnKey != "" && s.up && (s.usable() || s.drain) {
			return s
		}
	}
	return r.chooser.next(q, avoid)
}

// maxConnections bounds what is remembered of connections.
const maxConnections = 65536

func (r *router) remember(c *lb.Call, s *server) {
	if !r.preferLast || c.ConnKey == "" || s == nil {
		return
	}
	if len(r.last) >= maxConnections {
		clear(r.last)
	}
	r.last[c.ConnKey] = s
}

// decide turns what was found into a decision: the cookie to set, what is logged.
func (r *router) decide(n *note) lb.Decision {
	d := lb.Decision{Note: n, Flow: session.Flow{Affinity: session.AffinityOff, Code: [4]byte{'-', '-', '-', '-'}}}
	if n.srv == nil {
		d.Flow.Unserved = true
		d.Flow.Code[0], d.Flow.Code[1] = 'S', 'C'
	} else {
		d.Instance = n.srv.Name
		r.store(n)
	}
	d.Flow.Retries = uint8(min(n.attempts, 255))
	if r.cookie != nil {
		r.setCookie(n, &d)
	}
	return d
}

// SetUp marks a server as running or stopped.
func (r *router) SetUp(instance string, up bool) {
	if s := r.byName[instance]; s != nil && s.up != up {
		s.up = up
		r.chooser.changed(s)
	}
}

// SetDrain marks a server as taking no new clients: cookies and tables still lead to it.
func (r *router) SetDrain(instance string, drain bool) {
	if s := r.byName[instance]; s != nil && s.drain != drain {
		s.drain = drain
		r.chooser.changed(s)
	}
}

// Reload starts anew, as the new process does: the position of round robin, the learned tables that no
// local peer hands over, and what the runtime socket had changed are gone. Servers are
// up until checks find otherwise.
func (r *router) Reload() {
	for _, t := range r.tables {
		if !t.Local {
			t.clear()
		}
	}
	for _, s := range r.servers {
		s.up, s.drain, s.rr = !s.Disabled, false, rrState{}
	}
	clear(r.last)
	r.chooser = r.newChooser()
}

// Limits says what the router cannot follow.
func (r *router) Limits() []string { return r.limits }

func (r *router) limit(pos topology.Pos, what string) {
	r.limits = append(r.limits, pos.String()+": "+what)
}
