package session

import (
	"time"
)

// account counts a request as a follow-up and keeps it as evidence.
func (c *Correlator) account(n int32, l *life, r *Record, out Outcome, signs Signs, routing Routing) {
	v := visitOf(r)
	if out == Unserved {
		routing = RoutedNowhere
	}
	v.Outcome, v.Signs, v.Routing = out, signs, routing
	mixed := false
	switch out {
	case Plain:
		v.Routing = NoRouting
		c.keep(n, l, &v)
		return
	case Honoured:
		c.Honoured++
		l.known = l.known || c.Events
	case Lost:
		c.Lost++
	case Incomplete:
		c.Incomplete++
	case Withheld:
		c.Withheld++
	case Unserved:
		c.Unserved++
	case Unknown:
		c.Unknown++
	case Suspect:
		c.Suspect++
	}
	c.Followups++
	l.followups++
	mixed = c.turns(n, l, r, &v)
	switch v.Routing {
	case FirstSeen:
		c.FirstSeen++
	case Held:
		c.Held++
	case Moved:
		c.Moved++
		c.moved(n, l, &v)
	}
	c.population(l, r, &v)
	if r.Port != 0 {
		l.port = r.Port
	}
	alone := out == Unserved && c.unservedAlone(n, l)
	c.keep(n, l, &v)
	switch {
	case mixed:
		c.mark(n, l, &v, MixedUp)
	case alone:
		c.mark(n, l, &v, NotServed)
	}
}

// moved remembers the first pair of requests between which the session moved.
func (c *Correlator) moved(n int32, l *life, v *Visit) {
	if l.moves == 0 {
		m := move{after: v.shorten()}
		if l.seen > 0 {
			m.before = l.ring[(l.seen-1)%ringLen]
		}
		c.moves[n] = m
	}
	l.moves++
}

// keep pushes a visit and, once a session is in trouble, records it in full.
func (c *Correlator) keep(n int32, l *life, v *Visit) {
	if !c.Events && c.expiredAfter(l.pause(v.Start)) {
		l.notes |= isLapsed
	}
	trouble := v.Outcome == Lost || v.Outcome == Incomplete || v.Outcome == Suspect || v.Outcome == Withheld
	if trouble && !l.troubled {
		l.troubled = true
		if c.traces[n] == nil {
			c.trace(n, l)
		}
	}
	l.ring[l.seen%ringLen] = v.shorten()
	l.seen++
	if l.troubled {
		c.record(n, v)
		if v.Outcome == Honoured && !l.healed && c.proves(l, v) {
			l.healed = true
			c.rest(n).recovered = v.End()
		}
	}
	c.touch(l, v)
	if v.AppOn != 0 {
		c.knownOn(n, v)
	}
	if v.Instance != 0 && v.Outcome != Unserved {
		l.instance = v.Instance
		c.settle(l, v)
	}
	if v.Affinity != 0 {
		l.affinity = v.Affinity
	}
	if v.NewAffin != 0 {
		l.affinity = v.NewAffin
	}
}

// settle notes where a session's state lies: where it was made, and where pages that need it were answered; nowhere
// any more once that very instance did not know it.
func (c *Correlator) settle(l *life, v *Visit) {
	if v.Outcome == Suspect || v.Outcome == Lost {
		if t := c.reading(l.home, v.Instance); t.reads() {
			l.home = 0 // it should have been known here: it is gone
		} else {
			t.bad++
		}
		return
	}
	if l.troubled && !v.SetNew {
		return
	}
	class := c.classOf(v.Method, v.Route)
	if v.SetNew || v.App&AppHit != 0 || v.Status >= 200 && v.Status < 300 && (class == CartRoute || class == CheckoutRoute) {
		if l.home != 0 && l.home != v.Instance && !v.SetNew {
			c.reading(l.home, v.Instance).good++
		}
		l.home, l.known = v.Instance, true
		l.notes &^= isLapsed
	}
}

// proves reports whether an honoured follow-up shows that the session's state is there again. By the log alone an
// answer proves that on pages that need the state, or from the instance where it lies.
func (c *Correlator) proves(l *life, v *Visit) bool {
	if c.Events || v.Instance == l.home {
		return true
	}
	class := c.classOf(v.Method, v.Route)
	return v.Status >= 200 && v.Status < 300 && (class == CartRoute || class == CheckoutRoute)
}

// touch moves the session's clock on. Static files do not use the session, nor do requests that no
// instance answered, nor those of which the application said nothing although it says something.
func (c *Correlator) touch(l *life, v *Visit) {
	used := !v.Flow.Unserved && c.classOf(v.Method, v.Route) != AssetRoute
	if c.Events {
		used = v.App&AppSeen != 0 && v.App&AppMiss == 0
	}
	since := v.Start - l.last
	if since < 0 {
		c.Late++
		return
	}
	if used {
		l.untouched = 0
	} else {
		l.untouched = uint32(min(int64(l.untouched)+since/int64(time.Millisecond), 1<<32-1))
	}
	l.last = v.Start
}

// trace opens a session's full record with what is still remembered of it.
func (c *Correlator) trace(n int32, l *life) {
	t := &trace{full: len(c.traces) < c.MaxTraces}
	if !t.full {
		c.TracesCut++
	}
	t.visits = c.recent(n, l, make([]Visit, 0, ringLen+2), c.rest(n).agent)
	if k := l.seen - min(l.seen, ringLen); k > 0 {
		t.omitted = k
	}
	if !t.full && len(t.visits) > 1 {
		t.omitted += uint32(len(t.visits) - 1)
		t.visits = append([]Visit(nil), t.visits[len(t.visits)-1])
	}
	c.traces[n] = t
}

// record appends a visit to a troubled session's record.
func (c *Correlator) record(n int32, v *Visit) {
	t := c.traces[n]
	most := c.MaxVisits
	if !t.full {
		most = 4
	}
	if len(t.visits) >= most {
		t.omitted++
		return
	}
	t.visits = append(t.visits, *v)
}
