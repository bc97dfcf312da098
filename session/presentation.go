package session

import "time"

// A Presentation is a way in which a client presents its credential inconsistently (S33).
type Presentation uint8

// The ways. They say what one client did between its own requests; a loss may follow or not.
const (
	Missing   Presentation = iota // a request without the credential between two with it
	Duplicate                     // the credential's name stood twice in one request
	Changed                       // another credential, that no answer had handed out
	StaleOne                      // the old credential still, although an answer had replaced it
	Reordered                     // the old credential again, after the new one had been presented
	presentations
)

// Presentations are the ways' names, as reports write them.
var Presentations = [presentations]string{"missing", "duplicate", "changed", "stale", "re-ordered"}

// How many instances of each way are kept, and how close to each other requests of one client must be.
const (
	mostOddities   = 8
	odditySpan     = 10 * time.Minute
	deliverySlack  = time.Second // an answer needs a while to the client; requests under way cross it
	fewestPresents = 1
)

// An Oddity is one instance of an inconsistent presentation: the request, and the one of the same client before it.
type Oddity struct {
	Pseudonym     Pseudonym // of the session that the client held
	Before, Visit Visit
}

// Oddities count the inconsistent presentations of one kind, by client family, and keep the first few.
type Oddities struct {
	Requests int64
	Sessions int64
	ByAgent  map[uint16]int64
	Kept     []Oddity
}

// odd counts request r of the client that holds life n.
func (c *Correlator) odd(p Presentation, n int32, r *Record) {
	o := &c.Odd[p]
	o.Requests++
	if o.ByAgent == nil {
		o.ByAgent = map[uint16]int64{}
	}
	o.ByAgent[r.Agent]++
	if n < 0 {
		o.Sessions++
		if len(o.Kept) < mostOddities {
			o.Kept = append(o.Kept, Oddity{Visit: visitOf(r)})
		}
		return
	}
	t := c.rest(n)
	if t.odd&(1<<p) != 0 {
		return
	}
	t.odd |= 1 << p
	o.Sessions++
	if len(o.Kept) < mostOddities {
		k := Oddity{Pseudonym: t.pseudonym(c.Key), Visit: visitOf(r)}
		if l := c.life(n); l.seen > 0 {
			k.Before = l.ring[(l.seen-1)%ringLen].visit(t.agent)
		}
		o.Kept = append(o.Kept, k)
	}
}

// bareOne notes a request without a credential on a connection, or with the affinity value, of a client that presented one
// before. It is missing once the client presents it again.
func (c *Correlator) bareOne(r *Record) {
	if r.Has&HasSession == 0 || r.Flags&CutKey != 0 || r.Set != 0 || r.Flow.Unserved {
		return
	}
	if class := c.class(r); class == AssetRoute || class == LoginRoute || class == LogoutRoute {
		return
	}
	if n := c.holderOf(r); n >= 0 && c.life(n).followups >= fewestPresents {
		c.life(n).notes |= isBared
		c.bared[n] = *r
	}
}

// holderOf returns the one live session of the client that sent r, told by its connection or its affinity value; -1 if
// there is none, or more than one.
func (c *Correlator) holderOf(r *Record) int32 {
	found := int32(-1)
	several := false
	c.holders(r, func(n int32, l *life) bool {
		if l.end != Abandoned || l.troubled || r.Start-l.last > int64(odditySpan) || c.likeness(n, l, r) < 4 {
			return false
		}
		several = found >= 0
		found = n
		return several
	})
	if several {
		return -1
	}
	return found
}

// presents looks at how the client of life n presents its credential now.
func (c *Correlator) presents(n int32, l *life, r *Record) {
	if r.Kind != Request && r.App&AppSeen == 0 || r.Kind == Destroy {
		return
	}
	if r.Flags&Twice != 0 {
		c.odd(Duplicate, n, r)
	}
	if l.notes&isBared != 0 {
		c.again(n, l)
	}
	switch {
	case l.notes&isRenewed != 0:
		c.superseded(n, r)
	case l.troubled:
		c.replacedOne(n, r)
	}
}

// again is told when life n's client presents its credential after a request without it.
func (c *Correlator) again(n int32, l *life) {
	l.notes &^= isBared
	if r, ok := c.bared[n]; ok {
		c.odd(Missing, n, &r)
		delete(c.bared, n)
	}
}

// strange notes a credential that nobody knows, from a client that holds a live session and was handed no other.
func (c *Correlator) strange(r *Record) {
	if r.Has&HasSetSession == 0 || r.Kind != Request || c.class(r) == LoginRoute {
		return
	}
	if n := c.holderOf(r); n >= 0 && c.life(n).created {
		c.odd(Changed, n, r)
	}
}

// superseded notes that a life's older credential is presented although an answer had delivered a newer one.
func (c *Correlator) superseded(n int32, r *Record) {
	t := c.rest(n)
	newest := t.keys[(t.nkeys-1)%keysOfLife]
	switch {
	case r.Presented == newest:
		t.newestUsed = true
	case r.Start <= t.issued+int64(deliverySlack):
	case t.newestUsed:
		c.odd(Reordered, n, r)
	default:
		c.odd(StaleOne, n, r)
	}
}

// replacedOne does the same for a broken session whose client got another one in its place.
func (c *Correlator) replacedOne(n int32, r *Record) {
	m := c.rest(n).prevOf
	if m < 0 || c.life(m).prev != n && !c.life(m).created {
		return
	}
	younger := c.rest(m)
	switch {
	case r.Start <= younger.first+int64(deliverySlack) || c.likeness(m, c.life(m), r) < 4:
	case c.life(m).followups > 0:
		c.odd(Reordered, n, r)
	default:
		c.odd(StaleOne, n, r)
	}
}
