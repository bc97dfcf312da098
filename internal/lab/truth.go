package lab

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"limpet.dev/session"
	"limpet.dev/witness"
)

// TruthSchema is the version of truth.json.
const TruthSchema = "limpet.truth/v1"

// TruthFile is its name in a bundle.
const TruthFile = "truth.json"

// Truth is what really happened in a lab run: what clients and the shop's own store knew.
// diagnose never reads it.
type Truth struct {
	Schema        string               `json:"schema"`
	Cause         string               `json:"cause"`           // "none" for a healthy run
	Also          []string             `json:"also"`            // causes planted beside it
	Accept        []string             `json:"accept"`          // causes that the evidence cannot tell from it
	Needs         []string             `json:"needs,omitempty"` // files without which nothing contradicts what happened
	Visible       bool                 `json:"visible"`         // the fault cost at least one session
	Seed          int64                `json:"seed"`
	LB            string               `json:"lb"`
	Real          bool                 `json:"real"` // false: the emulator
	App           string               `json:"app"`
	Storage       string               `json:"storage"`
	LogDetail     string               `json:"log_detail"`
	Followups     int64                `json:"followups"`
	LostFollowups int64                `json:"lost_followups"`
	FaultAt       map[string]time.Time `json:"fault_at"`
	Sessions      map[string]TruthLife `json:"sessions"`
}

// Under returns the truth as far as evidence without some files can contradict it: where one that is needed is left
// out, sessions ended as they should (TAXONOMY, "Between neighbours": a constant age that contradicts nothing).
func (t *Truth) Under(leftOut func(file string) bool) *Truth {
	u := *t
	if t.Cause == "affinity-absent" && leftOut("events.jsonl") && leftOut("limpet.yaml") {
		u.Accept = append(slices.Clone(t.Accept), "session-store-node-local") // nothing says where sessions live
	}
	if !slices.ContainsFunc(t.Needs, leftOut) {
		return &u
	}
	u.Visible, u.Sessions = false, map[string]TruthLife{}
	for name, l := range t.Sessions {
		u.Sessions[name] = TruthLife{Pseudonyms: l.Pseudonyms}
	}
	return &u
}

// TruthLife is one session life: all pseudonyms that it went by, and its break if it had one.
type TruthLife struct {
	Pseudonyms []string   `json:"pseudonyms"`
	Lost       bool       `json:"lost"`
	At         *time.Time `json:"at,omitempty"`
	Kind       string     `json:"kind,omitempty"`
	Cause      string     `json:"cause,omitempty"`
	Recovered  *time.Time `json:"recovered,omitempty"`
}

// life is a session life while it goes on. It belongs to one client.
type life struct {
	name       string // c001#1
	pseudonyms []string
	user       string
	created    time.Time
	used       time.Time // when an instance last knew it
	ended      bool      // legitimately

	on           string // the instance that last knew it
	roamed       bool   // since then the client's address changed
	unserved     int    // requests in a row that no instance answered
	servedBefore int64  // follow-ups of all clients that were served before them

	broken    *loss // nil: it never broke
	recovered time.Time
}

// tally sums follow-ups over all clients.
type tally struct {
	followups, lost, served atomic.Int64
}

// A biography is what one client lived through: its session lives, judged by the words of
// architecture.md, section 1. It is used by the client's goroutine alone.
type biography struct {
	client         string
	agent          string
	family         family
	key            session.Key
	idle, absolute time.Duration
	tally          *tally
	registry       *registry
	waiting        *life // signed in just now; its credential was not handed out

	byCredential map[string]*life
	lives        []*life
	total        int // lives so far
}

// outcome is what the client's request came to, for the client itself to act on.
type outcome struct {
	presented string // the session cookie sent, "" none
	heldBack  string // the session cookie in the jar that SameSite kept back, "" none
	path      string
	status    int
	failed    bool // no answer at all
}

// settle judges one exchange and files what it issued.
func (b *biography) settle(x seen, o outcome, now time.Time) {
	at := x.at
	if !x.handled {
		at = now
	}
	b.neverEstablished(x, o, at)
	if l := b.followUp(x, o, at); l != nil {
		b.judge(l, x, o, at)
	}
	if o.failed {
		return
	}
	for _, i := range x.issued {
		b.file(i, x.instance)
	}
	if x.ended {
		if l := b.byCredential[o.presented]; l != nil {
			l.ended = true
		}
	}
}

// neverEstablished files the break of a life that began with a login and whose credential never came: the client's next
// request to a page is bare.
func (b *biography) neverEstablished(x seen, o outcome, at time.Time) {
	l := b.waiting
	if l == nil || !x.handled || !x.page {
		return
	}
	b.waiting = nil
	if o.presented == "" {
		b.breaks(l, "never-established", x, o, at)
	}
}

// followUp returns the life that a request belongs to if it counts as a follow-up: its
// credential was issued before to this client and nothing had ended it legitimately.
func (b *biography) followUp(x seen, o outcome, at time.Time) *life {
	l := b.byCredential[o.presented]
	if o.presented == "" {
		l = b.byCredential[o.heldBack]
	}
	if l == nil && o.presented != "" && x.handled {
		b.registry.presented(o.presented, b, x, o, at)
	}
	if l == nil || l.ended {
		return nil
	}
	if o.presented != "" && x.handled {
		b.registry.used(l)
	}
	over := at.Sub(l.used) > b.idle || at.Sub(l.created) > b.absolute ||
		x.reason == witness.ReasonIdle || x.reason == witness.ReasonAbsolute
	if over && !(x.looked && x.result == witness.Hit) {
		l.ended = true
		return nil
	}
	return l
}

func (b *biography) judge(l *life, x seen, o outcome, at time.Time) {
	served := x.handled || o.status < 500 && o.status != 0
	if served {
		b.tally.served.Add(1)
		l.unserved, l.servedBefore = 0, b.tally.served.Load()
	}
	switch {
	case o.failed && !x.handled:
		return // nobody saw an answer: it counts nowhere
	case !served: // the balancer's own error; once may be chance
		b.tally.followups.Add(1)
		if l.unserved++; l.unserved >= 2 && b.tally.served.Load() > l.servedBefore+2 {
			b.breaks(l, "unserved", x, o, at)
		}
	case o.presented == "":
		b.tally.followups.Add(1)
		b.breaks(l, "withheld", x, o, at)
	case !x.looked:
		b.tally.followups.Add(1) // static files: nobody asked for the session
	case x.result == witness.Hit:
		b.tally.followups.Add(1)
		l.on, l.roamed = x.instance, false
		if x.touched {
			l.used = at
		}
		if l.broken != nil && l.recovered.IsZero() {
			l.recovered = at
		}
	default:
		b.tally.followups.Add(1)
		b.tally.lost.Add(1)
		b.breaks(l, "lost", x, o, at)
	}
}

// breaks files the life's first break; there is at most one.
func (b *biography) breaks(l *life, kind string, x seen, o outcome, at time.Time) {
	if l.broken == nil {
		l.broken = &loss{
			kind: kind, at: at, good: l.used, from: l.on, to: x.instance, reason: x.reason,
			family: b.family, path: o.path, created: l.created, roamed: l.roamed,
		}
	}
}

// addressChanged notes it in the lives that are going on.
func (b *biography) addressChanged() {
	for _, l := range b.lives {
		l.roamed = true
	}
}

// file adds a credential to the life that it continues, or begins a new one.
func (b *biography) file(i issue, on string) {
	l := b.byCredential[i.previous]
	if i.previous == "" || l == nil {
		b.total++
		l = &life{name: fmt.Sprintf("%s#%d", b.client, b.total), created: i.at}
		b.lives = append(b.lives, l)
	}
	b.registry.note(i.credential, l, b)
	l.pseudonyms = append(l.pseudonyms, b.key.Pseudonym([]byte(i.credential)).String())
	l.user, l.used, l.on, l.roamed = i.user, i.at, on, false
	switch {
	case i.kept && i.previous != "": // the client goes on presenting the one that it has
	case i.kept && i.user != "":
		b.waiting = l
	case i.previous != "":
		delete(b.byCredential, i.previous) // rotated away: a legitimate end of the old credential
	}
	b.byCredential[i.credential] = l
	for _, old := range b.lives {
		works := old.user == "" || i.user != ""
		if old != l && old.broken != nil && old.recovered.IsZero() && works {
			old.recovered = i.at
		}
	}
}

// entries are the lives as truth.json tells them; blame names a loss's cause.
func (b *biography) entries(blame func(*loss) string, add func(name string, e TruthLife)) {
	for _, l := range b.lives {
		e := TruthLife{Pseudonyms: slices.Clone(l.pseudonyms)}
		if mixed := b.registry.mixUp(l); mixed != nil && (l.broken == nil || mixed.at.Before(l.broken.at)) {
			l.broken, l.recovered = mixed, time.Time{}
		}
		if l.broken != nil {
			at := l.broken.at.UTC()
			e.Lost, e.At, e.Kind, e.Cause = true, &at, l.broken.kind, blame(l.broken)
			if !l.recovered.IsZero() {
				r := l.recovered.UTC()
				e.Recovered = &r
			}
		}
		add(l.name, e)
	}
}
