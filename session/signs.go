package session

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
