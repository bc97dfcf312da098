package session

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
		l.notes |= isRenewed
		c.rest(n).issued, c.rest(n).newestUsed = r.End, false
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
		c.recover(m, a.ring[(a.seen-1)%ringLen].end(), true)
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
