package session

import (
	"encoding/binary"
	"time"
)

// A rarity is what is remembered of a life with something rare about it. Healthy sessions have none.
type rarity struct {
	mark      Mark
	name      Pseudonym // of the session when it was marked: somebody else's login may rename it later
	faces     []face    // the clients that presented the credential, in order of appearance
	since     int64     // when the second one came
	strangers bool      // they are different people
	bare      *Visit    // the signed-in client's request without a credential

	// What was served and not served before the first of its requests in a row that no instance answered.
	served, unserved int64
}

// A face is a client as far as a request shows it.
type face struct {
	client   uint32
	agent    uint16
	affinity uint32
}

// mostFaces is how many different clients of one credential are told apart; more make no difference.
const mostFaces = 4

// interleaved is how soon a credential must be back with the client before, for two clients to be using it at once.
const interleaved = int64(2 * time.Minute)

// rarityOf returns what is remembered of a life.
func (c *Correlator) rarityOf(n int32) *rarity {
	o := c.rarities[n]
	if o == nil {
		o = &rarity{}
		c.rarities[n] = o
	}
	return o
}

// shared notes that a credential came from another address than before, and reports whether two clients use it: browsers
// do not hand cookies to each other, nor does one browser have two affinity values at a time. Address changes alone, however
// many, say nothing: phones change theirs all day, and whole networks deal out few addresses among many people. A second
// address tells where somebody else is at home.
func (c *Correlator) shared(n int32, l *life, r *Record) bool {
	o := c.rarityOf(n)
	if o.mark != NoMark {
		return false
	}
	if len(o.faces) == 0 {
		o.faces = append(o.faces, face{l.client, c.rest(n).agent, l.affinity})
	}
	now := face{uint32(r.Client), r.Agent, r.Affinity}
	for i := range o.faces {
		if o.faces[i].client == now.client && o.faces[i].agent == now.agent {
			return i == 0 && r.Start-o.since < interleaved && o.strangers
		}
	}
	if len(o.faces) == 1 {
		o.since = r.Start
	}
	first := o.faces[0]
	o.strangers = o.strangers || first.affinity != 0 && now.affinity != 0 && first.affinity != now.affinity || len(o.faces) == 1 && c.hasOther(n, r)
	if len(o.faces) < mostFaces {
		o.faces = append(o.faces, now)
	}
	return first.agent != 0 && now.agent != 0 && first.agent != now.agent && r.Flags&NoAgent == 0
}

// hasOther reports whether the client that sent r holds a session of another user than n's that never was anywhere else.
func (c *Correlator) hasOther(n int32, r *Record) (has bool) {
	user := c.rest(n).user
	c.holders(r, func(m int32, l *life) bool {
		other := c.rest(m).user
		has = m != n && l.end == Abandoned && l.loggedIn && c.rarities[m] == nil && l.followups >= settledIn && (other == 0 || other != user)
		return has
	})
	return has
}

// settledIn is the number of follow-ups from one address alone after which a client counts as being at home there.
const settledIn = 5

// unservedAlone reports whether a session is refused by the balancer itself again while others are served.
func (c *Correlator) unservedAlone(n int32, l *life) bool {
	o := c.rarityOf(n)
	if l.seen == 0 || l.ring[(l.seen-1)%ringLen].outcome != Unserved {
		o.served, o.unserved = c.Honoured, c.Unserved-1
		return false
	}
	served := c.Honoured - o.served
	return served >= 3 && served > 2*(c.Unserved-o.unserved)
}

// mark notes a break that shows in how the credential is used. The visit has been kept.
func (c *Correlator) mark(n int32, l *life, v *Visit, m Mark) {
	o := c.rarityOf(n)
	if o.mark != NoMark {
		return
	}
	o.mark, o.name = m, c.rest(n).pseudonym(c.Key)
	t := c.traces[n]
	if t == nil {
		c.trace(n, l)
		t = c.traces[n]
	} else if !l.troubled {
		c.record(n, v)
	}
	if k := len(t.visits); k > 0 && t.visits[k-1].Start == v.Start {
		last := *v
		last.Mark = m
		t.visits[k-1] = last
	}
}

// kept handles a request in which the application made a credential that the answer did not carry. For a login that is a
// session that can never live, unless the client comes with another credential.
func (c *Correlator) kept(r *Record, base []byte) {
	plain := *r
	plain.Set, plain.SetAt = 0, Span{}
	plain.App &^= AppCreate // not under the credential that was presented
	c.Add(&plain, base)
	class := c.class(r)
	if r.Presented != 0 || r.Client == 0 || r.User == 0 && class != LoginRoute {
		return
	}
	if class == LoginRoute && r.Method == POST {
		c.Logins-- // the login was counted already
	}
	c.await(r, c.create(r, base))
}

// signedInWithout notes a login that succeeded, by the log alone, without a credential in its answer: it went on to another
// page than the way in.
func (c *Correlator) signedInWithout(r *Record) bool {
	if c.Events || r.Client == 0 || r.Has&HasSetSession == 0 || r.Status < 300 || r.Status > 399 || r.Flags&(ToLogin|Cleared|CutKey) != 0 {
		return false
	}
	var name [16]byte // there is no credential: client and moment stand in for one
	binary.LittleEndian.PutUint64(name[:], clientKey(r))
	binary.LittleEndian.PutUint64(name[8:], uint64(r.Start))
	made := *r
	made.Set, made.SetAt = nonZero(clientKey(r)*0x9e3779b97f4a7c15^uint64(r.Start)), Span{Len: uint16(len(name))}
	made.App |= AppKept
	n := c.create(&made, name[:])
	c.life(n).loggedIn = true
	c.await(r, n)
	return true
}

// mostWaiting bounds the logins that are waited for.
const mostWaiting = 10_000

func (c *Correlator) await(r *Record, n int32) {
	if len(c.waiting) < mostWaiting {
		c.waiting[clientKey(r)] = n
	}
}

// stranger looks whether a bare request that was refused comes from a client that had just signed in.
func (c *Correlator) stranger(r *Record) {
	if r.Client == 0 || r.Flags&ToLogin == 0 && r.Status != 401 && r.Status != 403 {
		return
	}
	n, ok := c.waiting[clientKey(r)]
	if ok {
		delete(c.waiting, clientKey(r))
	} else {
		c.holders(r, func(m int32, l *life) bool {
			n, ok = m, l.followups == 0 && r.Port != 0 && l.port == r.Port
			return true
		})
	}
	if !ok {
		return
	}
	l := c.life(n)
	if !l.used || c.rest(n).client != r.Client || l.followups > 0 || !l.created || !l.loggedIn || r.Start < l.last || r.Start-l.last > int64(time.Minute) {
		return
	}
	v := visitOf(r)
	c.rarityOf(n).bare = &v
}

// settleRare decides at a life's end what only its end can show: nobody ever presented the credential.
func (c *Correlator) settleRare(n int32, l *life, o *rarity) {
	if o.mark == NoMark && o.bare != nil && l.followups == 0 {
		v := *o.bare
		v.Routing = NotPresented
		c.mark(n, l, &v, NeverEstablished)
		t := c.traces[n]
		if k := len(t.visits); k == 0 || t.visits[k-1].Mark == NoMark {
			v.Mark = NeverEstablished
			t.visits = append(t.visits, v)
		}
	}
}
