package httpd

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// A router chooses members of one balancer as mod_proxy_balancer does.
type router struct {
	pool     *topology.Pool
	sticky   stickyRule
	isSticky bool
	force    bool // nofailover
	recover  bool // forcerecovery
	attempts int  // failovers at most
	members  []*worker
	cookie   []string // the route cookie: name, prefix, attributes; nil: none
	always   bool
	limits   []string
	now      time.Time // of the latest call
}

// A worker is a member with its run-time state. errored is the time since which traffic says that it fails; checked out
// by probes and switched off are states of their own, as in httpd's status bits.
type worker struct {
	name, route, redirect    string
	set, factor, lbstatus    int
	standby, spare, draining bool
	off, failing             bool
	errored                  time.Time
	ignoresErrors            bool
	retry                    time.Duration
}

func (w *worker) usable() bool { return !w.off && !w.failing && w.errored.IsZero() }

// newRouter makes the router of one pool; state is that after a start.
func newRouter(cfg *topology.Config, name string) (lb.Router, error) {
	pool, ok := cfg.Pool(name)
	if !ok {
		return nil, fmt.Errorf("no balancer %q in this configuration", name)
	}
	r := &router{
		pool: pool, attempts: pool.Retry.Attempts, force: !pool.Retry.Redispatch,
		recover: !strings.EqualFold(setting(pool, "forcerecovery"), "off"),
	}
	r.sticky, r.isSticky = newStickyRule(pool)
	if s := pool.Settings["route cookie"]; len(s) > 0 {
		r.cookie = s[0].Args
		r.always = len(pool.Settings["route cookie always"]) > 0
	}
	if m := pool.Balance.Algorithm; m != "byrequests" {
		r.limits = append(r.limits, fmt.Sprintf("%s: lbmethod %s depends on traffic in flight; requests are counted instead, as byrequests does", pool.Balance.Pos, m))
	}
	r.Reload()
	return r, nil
}

// Limits names what the router treats differently from httpd.
func (r *router) Limits() []string { return r.limits }

// Reload makes the state of a start: routes survive, error states and counters do not (BalancerPersist is off by default).
func (r *router) Reload() {
	r.members = r.members[:0]
	for i := range r.pool.Instances {
		in := &r.pool.Instances[i]
		st := statusOf(text(in.Settings, "status"))
		w := &worker{
			name: in.Name, route: in.CookieValue, redirect: text(in.Settings, "redirect"), factor: r.factor(in),
			standby: st.standby, spare: st.spare, draining: st.drain, off: st.disabled, ignoresErrors: st.ignore,
			retry: span(text(in.Settings, "retry"), defaultRetry),
		}
		w.set, _ = strconv.Atoi(text(in.Settings, "lbset"))
		w.lbstatus = w.factor
		r.members = append(r.members, w)
	}
}

// factor is loadfactor in hundredths: it may be a fraction since 2.4.
func (r *router) factor(in *topology.Instance) int {
	if f, err := strconv.ParseFloat(text(in.Settings, "loadfactor"), 64); err == nil && f >= 1 && f <= 100 {
		return int(f * 100)
	}
	return 100
}

// Route chooses a member for a new request.
func (r *router) Route(c *lb.Call) lb.Decision { return r.choose(c, 0) }

// Failed puts the member into error and asks for another, as long as there are attempts left.
func (r *router) Failed(c *lb.Call, last lb.Decision, attempt int) (lb.Decision, bool) {
	r.now = c.Now
	if w := r.named(last.Instance); w != nil && !w.ignoresErrors {
		w.errored = cmp.Or(c.Now, time.Unix(0, 0))
	}
	if attempt > r.attempts {
		last.Instance, last.Flow.Unserved = "", true
		return last, false
	}
	d := r.choose(c, attempt)
	return d, d.Instance != ""
}

func (r *router) choose(c *lb.Call, attempt int) lb.Decision {
	r.now = c.Now
	r.forceRecovery()
	d := lb.Decision{Flow: session.Flow{Affinity: session.AffinityOff, Set: session.SetNothing, Retries: uint8(attempt), Redispatched: attempt > 0}}
	route := ""
	if r.isSticky {
		cookies := ""
		if c.Header != nil {
			cookies, _ = c.Header("Cookie")
		}
		var found bool
		route, found = r.sticky.route(c.Target, cookies)
		d.Flow.Affinity = session.AffinityNone
		if found {
			d.Flow.Affinity = session.AffinityInvalid
		}
	}
	known := false
	if route != "" {
		known = r.routeKnown(route)
		if w := r.routed(route, 0); w != nil {
			r.count(w)
			d.Instance, d.Flow.Affinity = w.name, session.AffinityValid
			if w.route != route {
				d.Flow.Affinity = session.AffinityDown // its redirect took over
			}
			return r.answer(d, w, false)
		}
		if known {
			d.Flow.Affinity = session.AffinityDown
			if r.force {
				d.Flow.Unserved = true
				return d
			}
		}
	}
	w := r.best()
	if w == nil {
		d.Flow.Unserved = true
		return d
	}
	d.Instance = w.name
	return r.answer(d, w, r.isSticky)
}

// answer notes the route cookie that "Header add Set-Cookie" hands out.
func (r *router) answer(d lb.Decision, w *worker, changed bool) lb.Decision {
	if r.cookie == nil || !changed && !r.always {
		return d
	}
	d.SetCookie = r.cookie[0] + "=" + r.cookie[1] + w.route
	if attrs := r.cookie[2]; attrs != "" {
		d.SetCookie += "; " + attrs
	}
	d.Flow.Set = session.SetInserted
	return d
}

// forceRecovery clears all errors when every member is in error (force_recovery).
func (r *router) forceRecovery() {
	if !r.recover {
		return
	}
	for _, w := range r.members {
		if w.errored.IsZero() {
			return
		}
	}
	for _, w := range r.members {
		w.errored = time.Time{}
	}
}

func (r *router) routeKnown(route string) bool {
	for _, w := range r.members {
		if w.route == route {
			return true
		}
	}
	return false
}

// routed finds the member of a route, standbys last, or the one that its redirect names (find_route_worker).
func (r *router) routed(route string, depth int) *worker {
	if depth > len(r.members) {
		return nil
	}
	for _, standby := range []bool{false, true} {
		for _, w := range r.members {
			if w.standby != standby || w.route == "" || w.route != route {
				continue
			}
			if r.tryAgain(w); w.usable() {
				return w
			}
			if w.redirect != "" {
				if to := r.routed(w.redirect, depth+1); to != nil && to.usable() {
					return to
				}
				return nil
			}
		}
	}
	return nil
}

// tryAgain lets a member out of error once its retry time has passed (ap_proxy_retry_worker).
func (r *router) tryAgain(w *worker) {
	if !w.errored.IsZero() && (w.retry == 0 || r.now.Sub(w.errored) > w.retry) {
		w.errored = time.Time{}
	}
}

// count does for a member that its route chose what byrequests does for its own choices.
func (r *router) count(chosen *worker) {
	total := 0
	for _, w := range r.members {
		if w.usable() {
			w.lbstatus += w.factor
			total += w.factor
		}
	}
	chosen.lbstatus -= total
}

// best finds the member that byrequests chooses: of the lowest set with a usable member, standbys only where nothing
// else is usable, spares in place of members that are not (ap_proxy_balancer_get_best_worker, 2.4.62).
func (r *router) best() *worker {
	highest := 0
	for _, w := range r.members {
		highest = max(highest, w.set)
	}
	for set := 0; set <= highest; set++ {
		for _, standby := range []bool{false, true} {
			if w := r.bestOf(set, standby); w != nil {
				return w
			}
		}
	}
	return nil
}

func (r *router) bestOf(set int, standby bool) *worker {
	var best *worker
	var spares []*worker
	total, missing := 0, 0
	consider := func(w *worker) {
		w.lbstatus += w.factor
		total += w.factor
		if best == nil || w.lbstatus > best.lbstatus {
			best = w
		}
	}
	for _, w := range r.members {
		if w.set != set || w.standby != standby {
			continue
		}
		r.tryAgain(w)
		switch {
		case w.spare && w.usable():
			spares = append(spares, w)
		case w.spare:
		case !w.usable():
			missing++
		case !w.draining:
			consider(w)
		}
	}
	for _, w := range spares[:min(len(spares), missing)] {
		consider(w)
	}
	if best != nil {
		best.lbstatus -= total
	}
	return best
}

func (r *router) named(name string) *worker {
	for _, w := range r.members {
		if w.name == name {
			return w
		}
	}
	return nil
}

// SetUp says what a probe (mod_proxy_hcheck) found.
func (r *router) SetUp(instance string, up bool) {
	if w := r.named(instance); w != nil {
		w.failing = !up
		if up {
			w.errored = time.Time{}
		}
	}
}

// SetDrain switches a member's drain mode (+N): it keeps its own sessions and gets no others.
func (r *router) SetDrain(instance string, drain bool) {
	if w := r.named(instance); w != nil {
		w.draining = drain
	}
}
