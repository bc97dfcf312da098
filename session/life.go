package session

import "time"

const (
	ringLen    = 6
	keysOfLife = 4
	slabSize   = 512
	credBytes  = 40
)

// A life is what is remembered of one session: constant size, no pointers.
type life struct {
	last      int64 // start of the latest request
	followups uint32
	seen      uint32 // visits pushed into ring
	okRoutes  uint64 // which routes answered 2xx, as a small Bloom filter
	instance  uint16 // which answered last
	used      bool
	created   bool
	loggedIn  bool
	known     bool // the application knew it, or its creation was seen
	end       End
	troubled  bool
	class     Class // of the latest request
	nkeys     uint8
	honoured  uint32
	moves     uint32
	cart      int16
	cartBytes int32
	trace     int32 // 1 if the life has a trace
	first     int64
	recovered int64
	byLogin   bool
	keys      [keysOfLife]uint64
	client    uint64
	user      uint64
	nextOf    int32 // next older life of the same client, -1
	prevOf    int32 // next younger one, -1
	prev      int32 // the broken life that this one replaces, -1
	prevID    uint32
	id        uint32
	net       uint32
	agent     uint16
	net6      uint16
	ipv6      bool
	affinity  uint32
	credLen   uint8 // length in cred; isName: a pseudonym stands there
	cred      [credBytes]byte
	ring      [ringLen]Visit
	moveA     Visit
	moveB     Visit
}

const isName = 255

type trace struct {
	visits  []Visit
	omitted uint32
	full    bool
}

func (c *Correlator) life(n int32) *life { return &c.slab[n/slabSize][n%slabSize] }

func (c *Correlator) each(do func(int32, *life)) {
	for i := range c.slab {
		for j := range c.slab[i] {
			if l := &c.slab[i][j]; l.used {
				do(int32(i*slabSize+j), l)
			}
		}
	}
}

// begin starts a life under key, whose bytes stand at span of base.
func (c *Correlator) begin(key uint64, span Span, r *Record, base []byte) (int32, *life) {
	if len(c.free) == 0 {
		i := len(c.slab)
		c.slab = append(c.slab, make([]life, slabSize))
		for j := slabSize - 1; j >= 0; j-- {
			c.free = append(c.free, int32(i*slabSize+j))
		}
	}
	n := c.free[len(c.free)-1]
	c.free = c.free[:len(c.free)-1]
	l := c.life(n)
	c.serial++
	*l = life{used: true, id: c.serial, first: r.Start, last: r.Start, client: r.Client, net: r.Net, net6: r.Net6, ipv6: r.Flags&IPv6 != 0,
		agent: r.Agent, cart: -1, nextOf: -1, prevOf: -1, prev: -1, user: r.User}
	c.remember(l, span, base)
	c.name(n, l, key)
	c.Sessions++
	if r.Client != 0 {
		k := clientKey(r)
		if l.nextOf = c.clients.get(k); l.nextOf >= 0 {
			c.life(l.nextOf).prevOf = n
		}
		c.clients.put(k, n)
	}
	return n, l
}

// name lets key lead to l as well; of many keys the latest few are kept.
func (c *Correlator) name(n int32, l *life, key uint64) {
	i := l.nkeys % keysOfLife
	if l.nkeys >= keysOfLife && l.keys[i] != 0 {
		c.keys.del(l.keys[i], n)
	}
	l.keys[i] = key
	l.nkeys++
	if l.nkeys == 2*keysOfLife {
		l.nkeys = keysOfLife
	}
	c.keys.put(key, n)
}

// remember keeps the credential for its pseudonym: short ones as they are, in memory only,
// long ones as the pseudonym itself.
func (c *Correlator) remember(l *life, s Span, base []byte) {
	if s.Len == 0 || int(s.At)+int(s.Len) > len(base) {
		return
	}
	b := base[s.At : s.At+uint32(s.Len)]
	if s.Name {
		if p, ok := ParsePseudonym(b); ok {
			copy(l.cred[:], p[:])
			l.credLen = isName
		}
		return
	}
	if len(b) > credBytes {
		p := c.Key.Pseudonym(b)
		copy(l.cred[:], p[:])
		l.credLen = isName
		return
	}
	l.credLen = uint8(copy(l.cred[:], b))
}

// pseudonym returns the session's pseudonym.
func (l *life) pseudonym(k Key) Pseudonym {
	switch l.credLen {
	case 0:
		return Pseudonym{}
	case isName:
		return Pseudonym(l.cred[:16])
	}
	return k.Pseudonym(l.cred[:l.credLen])
}

// push keeps a visit as the latest one.
func (l *life) push(v *Visit) {
	l.ring[l.seen%ringLen] = *v
	l.seen++
}

// latest returns the visit before the one to come, if there is one.
func (l *life) latest() *Visit {
	if l.seen == 0 {
		return nil
	}
	return &l.ring[(l.seen-1)%ringLen]
}

// recent returns the kept visits, oldest first.
func (l *life) recent(dst []Visit) []Visit {
	k := min(l.seen, ringLen)
	for i := l.seen - k; i < l.seen; i++ {
		dst = append(dst, l.ring[i%ringLen])
	}
	return dst
}

func clientKey(r *Record) uint64 { return nonZero(r.Client ^ uint64(r.Agent)*0x9e3779b97f4a7c15) }

// finish hands a completed life on and frees its place.
func (c *Correlator) finish(n int32) {
	l := c.life(n)
	tl := Timeline{
		Pseudonym: l.pseudonym(c.Key), First: l.first, Last: l.last, Client: l.client, Net: l.net, Net6: l.net6, IPv6: l.ipv6,
		Agent: l.agent, User: l.user, Created: l.created, LoggedIn: l.loggedIn, Cart: l.cart, End: l.end,
		Followups: l.followups, Honoured: l.honoured, Moves: l.moves, Before: l.moveA, After: l.moveB, Recovered: l.recovered,
	}
	if l.byLogin {
		tl.RecoveredBy = "a new login"
	} else if l.recovered != 0 {
		tl.RecoveredBy = "the same session again"
	}
	if t := c.traces[n]; t != nil {
		tl.Visits, tl.Omitted = t.visits, t.omitted
	}
	c.Done(&tl)
	c.drop(n, l)
}

// drop frees a life's place and everything that leads to it.
func (c *Correlator) drop(n int32, l *life) {
	for _, k := range l.keys {
		if k != 0 {
			c.keys.del(k, n)
		}
	}
	delete(c.traces, n)
	if l.client != 0 {
		c.unlinkClient(n, l)
	}
	l.used = false
	c.free = append(c.free, n)
}

// unlinkClient takes a life out of its client's list.
func (c *Correlator) unlinkClient(n int32, l *life) {
	if l.nextOf >= 0 {
		c.life(l.nextOf).prevOf = l.prevOf
	}
	if l.prevOf >= 0 {
		c.life(l.prevOf).nextOf = l.nextOf
		return
	}
	k := nonZero(l.client ^ uint64(l.agent)*0x9e3779b97f4a7c15)
	if l.nextOf >= 0 {
		c.clients.put(k, l.nextOf)
	} else {
		c.clients.del(k, n)
	}
}

// holders calls do for the lives of the client that sent r, latest first, until it says stop.
func (c *Correlator) holders(r *Record, do func(n int32, l *life) (stop bool)) {
	if r.Client == 0 {
		return
	}
	for n, steps := c.clients.get(clientKey(r)), 0; n >= 0 && steps < 64; steps++ {
		l := c.life(n)
		next := l.nextOf
		if do(n, l) {
			return
		}
		n = next
	}
}

func (s *Settings) idleFor(gap int64) bool {
	return s.Idle > 0 && gap >= int64(s.Idle)-int64(s.Idle)/50-int64(50*time.Millisecond)
}
