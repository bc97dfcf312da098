package session

import (
	"time"
)

// bare handles a request without a credential.
func (c *Correlator) bare(r *Record, base []byte) {
	withheld := c.withheld(r)
	if r.Set == 0 {
		if withheld >= 0 {
			return
		}
		if c.class(r) == LoginRoute && r.Method == POST {
			if !c.signedInWithout(r) {
				c.login(nil, r, false)
			}
		} else {
			c.stranger(r)
		}
		c.bareOne(r)
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
	if r.Held != 0 {
		return c.keptBack(r)
	}
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

// keptBack counts a request of which a capture shows that the client kept its credential back.
func (c *Correlator) keptBack(r *Record) int32 {
	n := c.keys.get(r.Held)
	if n < 0 || c.life(n).end != Abandoned {
		return -1
	}
	c.account(n, c.life(n), r, Withheld, 0, NotPresented)
	return n
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
		before := l.ring[(l.seen-1)%ringLen]
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
