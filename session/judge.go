package session

// unheardOf handles a credential that no life has: its session began before the evidence
// does, or it is stale.
func (c *Correlator) unheardOf(r *Record, base []byte) {
	if r.Flags&Twice != 0 {
		c.odd(Duplicate, -1, r)
	}
	c.strange(r)
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
	c.presents(n, l, r)
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
	if c.Events || c.Idle == 0 || r.Flow.Unserved || l.notes&isLapsed == 0 && !c.expiredAfter(l.pause(r.Start)) || c.signs(l, r) == 0 {
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
