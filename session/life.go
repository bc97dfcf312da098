package session

import "time"

const (
	ringLen    = 6
	keysOfLife = 4
	slabSize   = 1 << 15
	credBytes  = 40
)

// A life is what is touched of a session with every request: a cache line of state, and half a line of the ring of its latest
// visits, which are read only when something went wrong. It holds no pointers.
type life struct {
	state
	ring [ringLen]brief
}

type state struct {
	last      int64  // start of the latest request
	okRoutes  uint64 // which routes answered 2xx, as a small Bloom filter
	followups uint32
	client    uint32 // part of the key of the latest request's address
	moves     uint32
	seen      uint32 // visits pushed into ring
	prev      int32  // the broken life that this one replaces, -1
	affinity  uint32
	cartBytes int32
	instance  uint16 // which answered last
	cart      int16
	used      bool
	created   bool
	loggedIn  bool
	known     bool // the application knew it, its creation was seen, or a page that needs its state was answered
	troubled  bool
	healed    bool // recovered is set
	notes     notes
	end       End
	port      uint16 // of the client's latest connection
	home      uint16 // where its state was known last before it got into trouble
	untouched uint32 // ms that the latest request came after the latest one that used the session
}

// Notes are traits of a life that matter now and then.
type notes uint8

const (
	isLapsed  notes = 1 << iota // by the log alone: silent for longer than the idle time since its state was last proven
	isBared                     // its client sent a request without the credential since
	isRenewed                   // an answer gave it a newer credential
)

// A rest is what is remembered of a session beside its life: touched when it begins, changes its credential,
// moves, breaks or ends.
type rest struct {
	first      int64
	recovered  int64
	keys       [keysOfLife]uint64
	client     uint64
	user       uint64
	nextOf     int32 // next older life of the same client, -1
	prevOf     int32 // next younger one, -1
	prevID     uint32
	state      uint32 // the state's hash as shown last
	flips      uint32 // how often it changed without a write, with the instance
	issued     int64  // when its newest credential was delivered
	id         uint32
	net        uint32
	agent      uint16
	net6       uint16
	ipv6       bool
	byLogin    bool
	newestUsed bool  // its newest credential was presented
	odd        uint8 // which inconsistent presentations were counted
	nkeys      uint8
	credLen    uint8 // length in cred; isName: a pseudonym stands there
	cred       [credBytes]byte
}

const isName = 255

type trace struct {
	visits  []Visit
	omitted uint32
	full    bool
}

func (c *Correlator) life(n int32) *life {
	return &c.slab[uint32(n)/slabSize].lives[uint32(n)%slabSize]
}

func (c *Correlator) rest(n int32) *rest {
	return &c.slab[uint32(n)/slabSize].rests[uint32(n)%slabSize]
}

// A slab holds lives and their rests, apart, so that what every request touches lies close together.
type slab struct {
	lives *[slabSize]life
	rests *[slabSize]rest
}

func (c *Correlator) each(do func(int32, *life)) {
	for i := range c.slab {
		for j := range c.slab[i].lives {
			if l := &c.slab[i].lives[j]; l.used {
				do(int32(i*slabSize+j), l)
			}
		}
	}
}

// begin starts a life under key, whose bytes stand at span of base.
func (c *Correlator) begin(key uint64, span Span, r *Record, base []byte) (int32, *life) {
	if len(c.free) == 0 {
		i := len(c.slab)
		c.slab = append(c.slab, slab{(*[slabSize]life)(aligned[life](slabSize, c.Advise)), (*[slabSize]rest)(aligned[rest](slabSize, c.Advise))})
		for j := slabSize - 1; j >= 0; j-- {
			c.free = append(c.free, int32(i*slabSize+j))
		}
	}
	n := c.free[len(c.free)-1]
	c.free = c.free[:len(c.free)-1]
	l, t := c.life(n), c.rest(n)
	c.serial++
	l.state = state{used: true, last: r.Start, client: uint32(r.Client), cart: -1, prev: -1}
	*t = rest{id: c.serial, first: r.Start, client: r.Client, net: r.Net, net6: r.Net6, ipv6: r.Flags&IPv6 != 0, agent: r.Agent,
		nextOf: -1, prevOf: -1, user: r.User}
	c.remember(t, span, base)
	c.name(n, key)
	c.Sessions++
	if r.Client != 0 {
		c.Addresses.add(r.Client)
		k := clientKey(r)
		if t.nextOf = c.clients.get(k); t.nextOf >= 0 {
			c.rest(t.nextOf).prevOf = n
		}
		c.clients.put(k, n)
	}
	return n, l
}

// name lets key lead to l as well; of many keys the latest few are kept.
func (c *Correlator) name(n int32, key uint64) {
	t := c.rest(n)
	i := t.nkeys % keysOfLife
	if t.nkeys >= keysOfLife && t.keys[i] != 0 {
		c.keys.del(t.keys[i], n)
	}
	t.keys[i] = key
	t.nkeys++
	if t.nkeys == 2*keysOfLife {
		t.nkeys = keysOfLife
	}
	c.keys.put(key, n)
}

// remember keeps the credential for its pseudonym: short ones as they are, in memory only,
// long ones as the pseudonym itself.
func (c *Correlator) remember(t *rest, s Span, base []byte) {
	if s.Len == 0 || int(s.At)+int(s.Len) > len(base) {
		return
	}
	b := base[s.At : s.At+uint32(s.Len)]
	if s.Name {
		if p, ok := ParsePseudonym(b); ok {
			copy(t.cred[:], p[:])
			t.credLen = isName
		}
		return
	}
	if len(b) > credBytes {
		p := c.Key.Pseudonym(b)
		copy(t.cred[:], p[:])
		t.credLen = isName
		return
	}
	t.credLen = uint8(copy(t.cred[:], b))
}

// pseudonym returns the session's pseudonym.
func (t *rest) pseudonym(k Key) Pseudonym {
	switch t.credLen {
	case 0:
		return Pseudonym{}
	case isName:
		return Pseudonym(t.cred[:16])
	}
	return k.Pseudonym(t.cred[:t.credLen])
}

// recent returns the kept visits, oldest first.
func (c *Correlator) recent(n int32, l *life, dst []Visit, agent uint16) []Visit {
	k := min(l.seen, ringLen)
	for i := l.seen - k; i < l.seen; i++ {
		dst = append(dst, l.ring[i%ringLen].visit(agent))
	}
	return dst
}

func clientKey(r *Record) uint64 { return nonZero(r.Client ^ uint64(r.Agent)*0x9e3779b97f4a7c15) }

// finish hands a completed life on, if there is anything to say about it beyond the sums.
func (c *Correlator) finish(n int32) {
	l, r := c.life(n), c.rest(n)
	o := c.rarities[n]
	if o != nil {
		c.settleRare(n, l, o)
	}
	marked := o != nil && o.mark != NoMark
	if l.moves == 0 && !l.troubled && !marked {
		c.example(n, l, r)
		return
	}
	tl := Timeline{
		First: r.first, Last: l.last, Client: r.client, Net: r.net, Net6: r.net6, IPv6: r.ipv6,
		Agent: r.agent, User: r.user, Created: l.created, LoggedIn: l.loggedIn, Cart: l.cart, End: l.end,
		Followups: l.followups, Moves: l.moves, Recovered: r.recovered, Flips: r.flips,
	}
	if l.moves > 0 {
		m := c.moves[n]
		tl.Before, tl.After = m.before.visit(r.agent), m.after.visit(r.agent)
	}
	if r.byLogin {
		tl.RecoveredBy = "a new login"
	} else if r.recovered != 0 {
		tl.RecoveredBy = "the same session again"
	}
	if l.troubled || marked {
		if t := c.traces[n]; t != nil {
			tl.Visits, tl.Omitted = t.visits, t.omitted
		}
	}
	tl.Pseudonym = r.pseudonym(c.Key)
	if marked {
		tl.Pseudonym = o.name
	}
	c.Done(&tl)
}

// drop frees a life's place and everything that leads to it.
func (c *Correlator) drop(n int32, l *life, r *rest) {
	for _, k := range r.keys {
		if k != 0 {
			c.keys.del(k, n)
		}
	}
	if l.troubled || c.rarities[n] != nil {
		delete(c.traces, n)
		delete(c.rarities, n)
	}
	if l.notes&isBared != 0 {
		delete(c.bared, n)
	}
	if l.moves > 0 {
		delete(c.moves, n)
	}
	if len(c.elsewhere) > 0 {
		delete(c.elsewhere, n)
	}
	if r.client != 0 {
		c.unlinkClient(n, r)
	}
	l.used = false
	c.free = append(c.free, n)
}

// unlinkClient takes a life out of its client's list.
func (c *Correlator) unlinkClient(n int32, r *rest) {
	if r.nextOf >= 0 {
		c.rest(r.nextOf).prevOf = r.prevOf
	}
	if r.prevOf >= 0 {
		c.rest(r.prevOf).nextOf = r.nextOf
		return
	}
	k := nonZero(r.client ^ uint64(r.agent)*0x9e3779b97f4a7c15)
	if r.nextOf >= 0 {
		c.clients.put(k, r.nextOf)
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
		next := c.rest(n).nextOf
		if do(n, l) {
			return
		}
		n = next
	}
}

// pause returns how long the session had been idle when a request came: since the latest request that used it.
func (l *life) pause(at int64) int64 { return at - l.last + int64(l.untouched)*int64(time.Millisecond) }

// rest returns how long the session had rested before a request: since the answer to the latest request that used it. An answer
// may take seconds; whoever waits for it does not rest.
func (l *life) rest(at int64) int64 {
	pause := l.pause(at)
	for k := l.seen; k > 0 && l.seen-k < ringLen; k-- {
		if b := &l.ring[(k-1)%ringLen]; b.start <= at-pause {
			return max(0, at-max(b.end(), at-pause))
		}
	}
	return pause
}

// expiredAfter reports whether a pause is as long as the declared idle time, within what clocks and rounding take.
func (s *Settings) expiredAfter(gap int64) bool {
	return s.Idle > 0 && gap >= int64(s.Idle)-int64(s.Idle)/50-int64(50*time.Millisecond)
}
