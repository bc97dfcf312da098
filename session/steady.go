package session

import (
	"math/bits"
	"time"
)

// steady handles the usual request of the usual session by the shortest way: by the log alone, answered with 2xx by the
// instance of the request before, on a route that is neither the way in or out nor the checkout, of a session that never was in
// trouble. It does exactly what follow does with such a request (a test says so) and reports false for any other.
func (c *Correlator) steady(n int32, l *life, r *Record) bool {
	if r.Instance != l.instance || r.Instance == 0 || r.Status-200 >= 100 || r.Set != 0 || r.App != 0 || r.Kind != Request ||
		l.troubled || l.end != Abandoned || l.client != uint32(r.Client) || l.prev >= 0 || l.notes&(isBared|isRenewed) != 0 || r.Start < l.last || r.Flow.Unserved ||
		r.AppOn != 0 || r.Flags&(Cleared|ToLogin|Foreign|Twice) != 0 || r.Has&HasStatus == 0 || c.Events || r.State != 0 || r.User != 0 || r.Cart >= 0 || r.Release != 0 {
		return false
	}
	class := c.class(r)
	if class != Ordinary && class != AssetRoute && !(class == CartRoute && c.steadyCart(l, r)) {
		return false
	}
	if c.Idle > 0 && c.expiredAfter(l.pause(r.Start)) {
		return false
	}

	p := &c.Population
	c.Followups++
	c.Honoured++
	c.Held++
	l.followups++
	p.ByAffinity[r.Flow.Affinity][Held].good()
	at(&p.ByInstance, r.Instance).good()
	at(&p.ByRoute, r.Route).good()
	if r.Agent != 0 {
		at(&p.ByAgent, r.Agent).good()
	}
	p.Gaps[gapBucket(l.rest(r.Start))]++
	p.Signed.Held++
	step := p.Series.at(r.Start)
	step.Followups++
	step.Honoured++

	if r.Port != 0 {
		l.port = r.Port
	}
	b := &l.ring[l.seen%ringLen]
	l.seen++
	*b = brief{start: r.Start, durUs: durUs(r), line: r.Line + c.before, instance: r.Instance, route: r.Route, status: r.Status, input: uint8(min(r.Input, 255)),
		method: r.Method, affinity: r.Flow.Affinity, set: r.Flow.Set, routing: Held, outcome: Honoured}
	if r.Flow.Redispatched {
		b.bits |= briefRedispatched
	}
	if class == AssetRoute {
		l.untouched = uint32(min(int64(l.untouched)+(r.Start-l.last)/int64(time.Millisecond), 1<<32-1))
	} else {
		l.untouched = 0
	}
	l.last = r.Start
	if r.Affinity != 0 {
		l.affinity = r.Affinity
		b.bits |= briefAffinity
	}
	if r.NewAffin != 0 {
		l.affinity = r.NewAffin
		b.bits |= briefNewAffin
	}
	if r.Status < 300 {
		l.okRoutes |= routeBit(r.Route)
	}
	if class == CartRoute {
		c.showCart(l, r)
	}
	return true
}

// steadyCart reports whether a cart is shown to a session that cannot have expired, where its session's state lies, or nobody knows yet where that is.
func (c *Correlator) steadyCart(l *life, r *Record) bool {
	return r.Status == 200 && r.Method == GET && l.notes&isLapsed == 0 && (l.home == 0 || l.home == r.Instance)
}

// showCart notes what a cart that was shown says: that the session's state lies here, and how large the page is.
func (c *Correlator) showCart(l *life, r *Record) {
	if l.cartBytes > 0 && r.Bytes >= 0 && r.Bytes < l.cartBytes-l.cartBytes/3 {
		c.BySign[bits.TrailingZeros8(uint8(SignShrunk))].Held++ // users empty carts too
	}
	l.cartBytes = max(r.Bytes, 0)
	l.home, l.known = r.Instance, true
	l.notes &^= isLapsed
	l.okRoutes |= cartBit
}

// good counts a follow-up that was held and honoured.
func (t *Tally) good() {
	t.Held++
	t.Honoured++
}

// durUs returns how long a request took, in microseconds.
func durUs(r *Record) uint32 { return uint32(max(0, min((r.End-r.Start)/1000, 1<<32-1))) }
