package session

import "time"

// unheardOf handles a credential that no life has: its session began before the evidence
// does, or it is stale.
func (c *Correlator) unheardOf(r *Record, base []byte) {
	out, signs := c.firstSight(r)
	if out == Plain {
		// A miss for a credential that was never seen alive proves nothing.
		if r.Set != 0 && r.Set != r.Presented {
			c.create(r, base)
		}
		return
	}
	n, l := c.begin(r.Presented, r.PresentedAt, r, base)
	l.known = out == Honoured && c.Events
	if c.class(r) == LoginRoute && out == Honoured && r.Method == POST {
		l.loggedIn = true
	}
	c.account(n, l, r, out, signs, FirstSeen)
	c.after(n, l, r, base, out)
}

// firstSight judges a credential seen for the first time.
func (c *Correlator) firstSight(r *Record) (Outcome, Signs) {
	if r.App&AppSeen != 0 {
		switch {
		case r.App&(AppMiss|AppError) != 0 && r.App&(AppHit|AppRestore) == 0:
			return Plain, 0
		case r.App&AppStale != 0:
			return Incomplete, 0
		case r.App&(AppHit|AppWrite|AppRotate|AppRestore|AppDestroy) != 0:
			return Honoured, 0
		}
		return Plain, 0
	}
	if r.Flow.Unserved {
		return Unserved, 0
	}
	if c.Events || r.Has&HasStatus == 0 {
		return Unknown, 0
	}
	if c.signs(nil, r) != 0 {
		return Plain, 0
	}
	return Honoured, 0
}

// follow handles a request that presents the credential of life n.
func (c *Correlator) follow(n int32, r *Record, base []byte) {
	l := c.life(n)
	if l.end != Abandoned {
		c.afterEnd(n, l, r, base)
		return
	}
	if end := c.expired(n, l, r); end != Abandoned {
		c.endLife(l, end)
		if r.Set != 0 {
			c.create(r, base)
		} else if r.App&AppCreate != 0 {
			c.recreate(n, l, r, base)
		}
		return
	}
	out, signs := c.outcome(n, l, r)
	routing := Held
	switch {
	case l.instance == 0 || r.Instance == 0:
		routing = FirstSeen
	case l.instance != r.Instance:
		routing = Moved
	}
	c.account(n, l, r, out, signs, routing)
	c.after(n, l, r, base, out)
}

// afterEnd handles a request with a credential whose session has ended. It is no follow-up,
// unless the application knows it again.
func (c *Correlator) afterEnd(n int32, l *life, r *Record, base []byte) {
	switch {
	case r.Set != 0 && r.Set != r.Presented:
		c.create(r, base)
	case r.App&(AppHit|AppCreate) != 0 && r.App&AppMiss == 0 || r.App&AppCreate != 0:
		c.recreate(n, l, r, base)
	}
}

// expired reports whether this request finds its session ended as it should.
func (c *Correlator) expired(n int32, l *life, r *Record) End {
	if r.App&AppSeen == 0 {
		return c.lapsed(l, r)
	}
	switch c.reason(r.Reason) {
	case reasonIdle:
		return EndIdle
	case reasonAbsolute:
		return EndAbsolute
	case reasonLogout:
		if r.App&AppMiss != 0 {
			return EndLogout
		}
	}
	if r.App&AppMiss == 0 || r.App&(AppHit|AppRestore) != 0 {
		return Abandoned
	}
	if c.expiredAfter(l.pause(r.Start)) {
		return EndIdle
	}
	if c.Absolute > 0 && r.Start-c.rest(n).first >= int64(c.Absolute) {
		return EndAbsolute
	}
	return Abandoned
}

// lapsed reports whether, by the log alone, a session that shows a sign of loss had been silent for longer than its
// declared idle time, now or at some moment since its state was last proven.
func (c *Correlator) lapsed(l *life, r *Record) End {
	if c.Events || c.Idle == 0 || r.Flow.Unserved || !l.lapsed && !c.expiredAfter(l.pause(r.Start)) || c.signs(l, r) == 0 {
		return Abandoned
	}
	return EndIdle
}

func (c *Correlator) endLife(l *life, end End) {
	l.end = end
	switch end {
	case EndLogout:
		c.EndsLogout++
	case EndIdle:
		c.EndsIdle++
	case EndAbsolute:
		c.EndsAbsolute++
	}
}

// outcome judges a follow-up: by the application's word where there is one, else by what the
// answer says.
func (c *Correlator) outcome(n int32, l *life, r *Record) (Outcome, Signs) {
	a := r.App
	if a&AppSeen == 0 {
		return c.fromAnswer(l, r)
	}
	switch {
	case a&AppError != 0:
		return Lost, 0
	case a&AppStale != 0:
		return Incomplete, 0
	case a&AppHit != 0 && c.partial(n, l, r):
		return Incomplete, 0
	case a&AppMiss != 0 && a&(AppHit|AppRestore) == 0, a&AppCreate != 0 && a&(AppHit|AppRestore|AppRotate) == 0:
		if !l.known {
			return Unknown, 0 // never seen alive
		}
		if c.Idle == 0 && c.reason(r.Reason) == reasonOpen && r.Instance == l.instance {
			return Suspect, SignMiss // may be idle expiry: what healthy sessions show will tell
		}
		return Lost, SignMiss
	}
	return Honoured, 0
}

// partial reports whether a session that was found holds older or other state than before: fewer items in the
// cart although nothing was removed or bought, or settings that change with the instance and without a write (S5, S6).
func (c *Correlator) partial(n int32, l *life, r *Record) bool {
	if r.App&(AppWrite|AppRotate|AppCreate|AppRestore|AppDestroy) != 0 || r.Method != GET && r.Method != HEAD && r.Method != NoMethod {
		return false
	}
	if r.Cart >= 0 && int32(l.cart) > r.Cart && c.class(r) != CheckoutRoute && r.Instance != l.instance {
		return true
	}
	t := c.rest(n)
	if r.State == 0 || t.state == 0 || r.State == t.state || r.Instance == l.instance {
		return false
	}
	t.flips++
	return true
}

// fromAnswer judges a follow-up by the balancer's log alone.
func (c *Correlator) fromAnswer(l *life, r *Record) (Outcome, Signs) {
	if r.Flow.Unserved {
		return Unserved, 0
	}
	if c.Events || r.Has&HasStatus == 0 || r.Status == 0 {
		return Unknown, 0
	}
	if s := c.signs(l, r); s != 0 {
		if s == SignShrunk && l.instance == r.Instance {
			return Honoured, s // users empty carts too: counted, so that moves can be compared
		}
		return Suspect, s
	}
	return Honoured, 0
}

// signs reads the signs of loss off an answer. l is nil for a credential seen for the first time.
func (c *Correlator) signs(l *life, r *Record) Signs {
	var s Signs
	status := r.Status
	if status == 200 && r.Set == 0 && r.Flags&(Cleared|ToLogin) == 0 {
		if l == nil || r.Bytes < 0 || l.cartBytes == 0 {
			return 0 // the usual case
		}
	}
	class := c.class(r)
	if class == LogoutRoute {
		return 0
	}
	if class == LoginRoute {
		// Signing in again where the state still lies goes on with the same session; elsewhere it begins another.
		if l != nil && l.troubled && !c.stillKnown(l, r.Instance) && r.Method == POST && r.Set != 0 && r.Set != r.Presented && status < 400 {
			s |= SignLogin
		}
		return s
	}
	lostHere := l != nil && l.troubled && !l.healed && !c.stillKnown(l, r.Instance)
	alive := l != nil && l.known // its state was proven here; a credential replayed from long ago proves nothing
	if r.Set != 0 && r.Set != r.Presented && (l == nil || alive) && (lostHere || !c.renewsAlways()) {
		s |= SignNewCredential
	}
	if r.Flags&Cleared != 0 && (l == nil || alive) {
		s |= SignCleared
	}
	before := l != nil && (l.okRoutes&routeBit(r.Route) != 0 || class == CartRoute && l.okRoutes&cartBit != 0)
	switch {
	case status == 401 || status == 403 || status == 419 || status == 440:
		if before || status != 403 && l != nil && l.loggedIn {
			s |= SignDenied
		}
	case status >= 301 && status <= 308:
		if r.Flags&ToLogin != 0 && (before || l != nil && l.loggedIn) {
			s |= SignDenied
		} else if r.Has&HasLocation == 0 && before && (r.Method == GET || r.Method == HEAD) {
			s |= SignDenied
		}
	case status == 200 && class == CartRoute && l != nil && l.cartBytes > 0 && r.Method == GET:
		if r.Bytes >= 0 && r.Bytes < l.cartBytes-l.cartBytes/3 {
			s |= SignShrunk
		}
	}
	return s
}

// routeBit is a route's place in okRoutes; cartBit says that the session did something with its cart.
func routeBit(route uint16) uint64 { return 1 << (route * 37 % 63) }

const cartBit uint64 = 1 << 63

// usesCart reports whether a request did something with a cart: showed it, or changed it and went on to a page that is not the
// way in.
func (c *Correlator) usesCart(r *Record) bool {
	if c.class(r) != CartRoute || r.Flags&ToLogin != 0 {
		return false
	}
	return r.Status >= 200 && r.Status < 300 || r.Status < 400 && r.Method != GET && r.Method != HEAD
}

// account counts a request as a follow-up and keeps it as evidence.
func (c *Correlator) account(n int32, l *life, r *Record, out Outcome, signs Signs, routing Routing) {
	v := visitOf(r)
	if out == Unserved {
		routing = RoutedNowhere
	}
	v.Outcome, v.Signs, v.Routing = out, signs, routing
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
	if k := uint32(r.Client); k != 0 {
		if l.client != 0 && l.client != k {
			c.AddressChanges++
		}
		l.client = k
	}
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
	c.keep(n, l, &v)
}

// moved remembers the first pair of requests between which the session moved.
func (c *Correlator) moved(n int32, l *life, v *Visit) {
	if l.moves == 0 {
		m := move{after: v.shorten()}
		if l.seen > 0 {
			m.before = c.ring(n)[(l.seen-1)%ringLen]
		}
		c.moves[n] = m
	}
	l.moves++
}

// keep pushes a visit and, once a session is in trouble, records it in full.
func (c *Correlator) keep(n int32, l *life, v *Visit) {
	if !c.Events && c.expiredAfter(l.pause(v.Start)) {
		l.lapsed = true
	}
	trouble := v.Outcome == Lost || v.Outcome == Incomplete || v.Outcome == Suspect || v.Outcome == Withheld
	if trouble && !l.troubled {
		l.troubled = true
		c.trace(n, l)
	}
	c.ring(n)[l.seen%ringLen] = v.shorten()
	l.seen++
	if l.troubled {
		c.record(n, v)
		if v.Outcome == Honoured && !l.healed && c.proves(l, v) {
			l.healed = true
			c.rest(n).recovered = v.End()
		}
	}
	c.touch(l, v)
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
		l.home, l.lapsed, l.known = v.Instance, false, true
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

// A reading counts how an instance fared with state that another one had last.
type reading struct{ good, bad int32 }

// reads reports whether state of the one is known to the other as a rule.
func (t *reading) reads() bool { return t.good >= 3 && t.good > 3*t.bad }

// reading returns the tally for state of instance from at instance at. An instance reads its own.
func (c *Correlator) reading(from, at uint16) *reading {
	k := Pair{from, at}
	t := c.readings[k]
	if t == nil {
		t = &reading{}
		if from == at {
			t.good = 1 << 20
		}
		c.readings[k] = t
	}
	return t
}

// stillKnown reports whether an instance is likely to know a troubled session: its state is not gone, and lies there, or
// where that instance reads.
func (c *Correlator) stillKnown(l *life, instance uint16) bool {
	return l.home != 0 && c.reading(l.home, instance).reads()
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

// after does what a judged request leads to: rotation, a new life, an end, signs of being signed in.
func (c *Correlator) after(n int32, l *life, r *Record, base []byte, out Outcome) {
	class := c.class(r)
	good := out == Honoured || out == Unknown
	if good && c.usesCart(r) {
		l.okRoutes |= cartBit
	}
	if good && r.Status >= 200 && r.Status < 300 {
		l.okRoutes |= routeBit(r.Route)
		if class == CartRoute && r.Bytes > 0 && r.Method == GET {
			l.cartBytes = r.Bytes
		} else if class == CartRoute || class == CheckoutRoute {
			l.cartBytes = 0 // changed: its next size is the new measure
		}
	}
	if r.User != 0 {
		c.rest(n).user, l.loggedIn = r.User, true
	}
	if r.State != 0 {
		c.rest(n).state = r.State
	}
	if good && r.Cart >= 0 {
		l.cart = int16(min(r.Cart, 1<<15-1))
	}
	if class == LoginRoute && r.Method == POST {
		c.login(l, r, good)
	}
	if r.App&AppDestroy != 0 && c.reason(r.Reason) == reasonLogout || class == LogoutRoute && r.App&AppSeen == 0 && r.Status > 0 && r.Status < 400 {
		c.endLife(l, EndLogout)
		if r.Set != 0 && r.Set != r.Presented {
			c.create(r, base)
		}
		return
	}
	if good && l.prev >= 0 {
		c.heal(n, l, r)
	}
	if r.Set != 0 && r.Set != r.Presented {
		c.renewed(n, l, r, base, out)
	} else if r.App&AppCreate != 0 && out == Lost {
		c.recreate(n, l, r, base)
	}
}

// login notes what a request to the way in came to.
func (c *Correlator) login(l *life, r *Record, good bool) {
	c.Logins++
	if r.Status == 401 || r.Status == 403 || r.Status == 422 {
		c.BadPasswords++
		return
	}
	if r.Status < 400 && (good || r.Set != 0) && r.App&AppSeen == 0 && l != nil && r.Set != 0 {
		l.loggedIn = true
	}
}

// renewed handles a new credential in the answer to an old one: the same life goes on under a
// new name, or, if the old one was not known, a new life begins.
func (c *Correlator) renewed(n int32, l *life, r *Record, base []byte, out Outcome) {
	if out == Honoured || out == Unknown || out == Plain || out == Incomplete {
		if r.App&AppRotate != 0 || c.class(r) == LoginRoute {
			c.EndsRotation++
		}
		c.name(n, r.Set)
		c.remember(c.rest(n), r.SetAt, base)
		return
	}
	m := c.create(r, base)
	c.replaces(m, n)
}

// replaces says that life m stands in for the broken life n.
func (c *Correlator) replaces(m, n int32) {
	if m < 0 || m == n {
		return
	}
	a := c.life(m)
	a.prev, c.rest(m).prevID = n, c.rest(n).id
	if a.loggedIn {
		c.recover(m, c.ring(m)[(a.seen-1)%ringLen].end(), true)
	}
}

// recover tells the lives before n that their client has a working session again.
func (c *Correlator) recover(n int32, at int64, login bool) {
	for l := c.life(n); l.prev >= 0; {
		p, id := l.prev, c.rest(n).prevID
		l.prev = -1
		t := c.rest(p)
		if l = c.life(p); !l.used || t.id != id {
			return
		}
		if !l.healed {
			l.healed, t.recovered, t.byLogin = true, at, login
		}
		n = p
	}
}

// heal passes a good follow-up on to the broken life that n stands in for: whoever was signed in has a
// working session again only when signed in again.
func (c *Correlator) heal(n int32, l *life, r *Record) {
	p := c.life(l.prev)
	if !p.used || c.rest(l.prev).id != c.rest(n).prevID {
		l.prev = -1
		return
	}
	if p.loggedIn && !l.loggedIn {
		return
	}
	c.recover(n, r.End, p.loggedIn)
}

// create begins the life of the credential that an answer set.
func (c *Correlator) create(r *Record, base []byte) int32 {
	if n := c.keys.get(r.Set); n >= 0 {
		if l := c.life(n); l.end == Abandoned && r.App&AppCreate == 0 {
			return n // handed out again: the same life
		}
		c.keys.del(r.Set, n)
	}
	n, l := c.begin(r.Set, r.SetAt, r, base)
	l.created, l.known = true, true
	l.loggedIn = r.User != 0
	if class := c.class(r); class == LoginRoute && r.Method == POST {
		c.login(l, r, true)
	}
	if r.Cart >= 0 {
		l.cart = int16(min(r.Cart, 1<<15-1))
	}
	if r.Status >= 200 && r.Status < 300 {
		l.okRoutes |= routeBit(r.Route)
	}
	if c.usesCart(r) {
		l.okRoutes |= cartBit
	}
	v := visitOf(r)
	v.SetNew = true
	l.port = r.Port
	c.keep(n, l, &v)
	return n
}

// recreate begins a new life under the credential of an old one: frameworks that take over
// an unknown id do that.
func (c *Correlator) recreate(n int32, old *life, r *Record, base []byte) {
	t := c.rest(n)
	for i, k := range t.keys {
		if k == r.Presented {
			c.keys.del(k, n)
			t.keys[i] = 0
		}
	}
	broken := old.troubled && old.end == Abandoned
	again := *r
	again.Set, again.SetAt = r.Presented, r.PresentedAt
	m := c.create(&again, base)
	if broken {
		c.replaces(m, n)
	}
}

// bare handles a request without a credential.
func (c *Correlator) bare(r *Record, base []byte) {
	withheld := c.withheld(r)
	if r.Set == 0 {
		if withheld < 0 && c.class(r) == LoginRoute && r.Method == POST {
			c.login(nil, r, false)
		}
		return
	}
	if withheld < 0 {
		withheld = c.brokenHolder(r)
	}
	m := c.create(r, base)
	if withheld >= 0 {
		c.replaces(m, withheld)
	}
}

// withheld finds the life whose credential this client should have presented, counts the
// follow-up as withheld and returns it, or -1. Only a request that comes from another site, not by a plain
// link, from a client that holds exactly one live session (by address, client family and affinity value)
// is taken for one.
func (c *Correlator) withheld(r *Record) int32 {
	if r.Flags&Foreign == 0 || r.Flags&CutKey != 0 || r.Method == GET || r.Method == HEAD || r.Method == OPTIONS || r.Flow.Unserved {
		return -1
	}
	found, best, last := int32(-1), -1, int64(0)
	c.holders(r, func(n int32, l *life) bool {
		if l.end != Abandoned || c.expiredAfter(l.pause(r.Start)) || r.Start-l.last > int64(30*time.Minute) || l.troubled && !l.healed {
			return false
		}
		if fit := c.likeness(n, l, r); fit > best || fit == best && l.last > last {
			found, best, last = n, fit, l.last
		}
		return false
	})
	if found < 0 {
		return -1
	}
	l := c.life(found)
	if !l.known {
		return -1
	}
	c.account(found, l, r, Withheld, 0, NotPresented)
	return found
}

// likeness says how much a bare request looks like the next one of a session of the same address and client
// family: the same connection says most, then the same affinity value, then the same part of the site.
func (c *Correlator) likeness(n int32, l *life, r *Record) int {
	fit := 0
	if r.Port != 0 && r.Port == l.port {
		fit += 8
	}
	if r.Affinity != 0 && l.affinity != 0 {
		if r.Affinity != l.affinity {
			return -1
		}
		fit += 4
	}
	if l.seen > 0 {
		before := c.ring(n)[(l.seen-1)%ringLen]
		if class := c.classOf(before.method, before.route); class != Ordinary && class == c.class(r) {
			fit += 2
		}
	}
	return fit
}

// brokenHolder finds the broken session of the client that is just getting a new one.
func (c *Correlator) brokenHolder(r *Record) int32 {
	found, best := int32(-1), -1
	c.holders(r, func(n int32, l *life) bool {
		if l.troubled && !l.healed && l.end == Abandoned && r.Start-l.last < int64(30*time.Minute) {
			if fit := c.likeness(n, l, r); fit > best {
				found, best = n, fit
			}
		}
		return false
	})
	return found
}
