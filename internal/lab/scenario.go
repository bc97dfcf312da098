package lab

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// storage is where the shop keeps sessions, as limpet.yaml and events name it.
type storage string

const (
	inMemory storage = "memory"
	inCookie storage = "cookie"
	inRedis  storage = "redis" // the lab's own small server, which speaks redis' protocol
)

// affinity is how the balancer brings clients back.
type affinity int

const (
	noAffinity affinity = iota
	cookieAffinity
	stickSource  // learned table keyed on the client's address
	stickSession // learned table keyed on the session cookie
)

// A scenario is what a seed makes of a fault: how the system is built, and what happens when.
type scenario struct {
	cause     string // what was planted, "" for a healthy run
	storage   storage
	affinity  affinity
	balance   string // the balancing algorithm for clients without affinity
	instances int
	check     check
	idle      time.Duration // session lifetimes
	absolute  time.Duration

	oddKeys      []int   // instances that sign with a key of their own
	vagueReasons float64 // share of rejections whose reason the shop only calls unknown
	nativeShare  float64 // share of shoppers that use the native app
	dropsCookie  family  // family that does not return the balancer's cookie, "" none
	paymentPosts bool    // the payment provider returns customers by POST, not by GET
	returnStarts bool    // a return without session starts a new, empty session

	steps   []step
	changes []plannedChange // innocent ones; those of steps are with their step
}

// check is the balancer's health check.
type check struct {
	inter, timeout time.Duration
	fall, rise     int
}

// A step is one thing that happens during a run, at a time since its start.
type step struct {
	at       time.Duration
	do       action
	instance int
	lasts    time.Duration
	release  string
	change   *plannedChange // what people wrote down about it, nil: nothing
}

type action int

const (
	slowDown action = iota // an instance answers late, its health page too
	restart                // an instance ends and comes back with another release
	flush                  // the shared store is emptied
	reload                 // the balancer reloads its configuration
)

// A plannedChange becomes a line of changes.jsonl.
type plannedChange struct {
	at                      time.Duration // since start; a step's change takes the step's time
	kind, target, what, ref string
}

func newRand(seed int64, purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return rand.New(rand.NewPCG(uint64(seed), h.Sum64()))
}

// plan makes the scenario of opt's fault and seed.
func plan(opt *DemoOptions) (*scenario, error) {
	p := &planner{opt: opt, rng: newRand(opt.Seed, "plan/"+opt.Fault), span: opt.Duration}
	if opt.Followups > 0 {
		p.span = min(opt.Duration, 10*time.Second) // steps come early: traffic may end early
	}
	sc := p.base()
	if opt.Fault == NoFault {
		if err := p.healthy(sc, opt.Healthy); err != nil {
			return nil, err
		}
	} else {
		f, ok := faults[opt.Fault]
		if !ok {
			return nil, fmt.Errorf("unknown fault %q (known: %s, or none)", opt.Fault, faultNames())
		}
		sc.cause = opt.Fault
		f(p, sc)
	}
	p.innocentChange(sc)
	return sc, nil
}

// A planner draws a scenario's details.
type planner struct {
	opt  *DemoOptions
	rng  *rand.Rand
	span time.Duration // what fractions of the run refer to
}

// base is a system with nothing wrong in it.
func (p *planner) base() *scenario {
	sc := &scenario{
		storage: inMemory, affinity: cookieAffinity, balance: "roundrobin",
		instances:   3 + p.rng.IntN(2),
		check:       check{inter: 250 * time.Millisecond, timeout: 2 * time.Second, fall: 3, rise: 2},
		idle:        min(max(p.opt.Duration/3, 1200*time.Millisecond), 3*time.Second).Round(100 * time.Millisecond),
		absolute:    8 * time.Hour,
		nativeShare: 0.12,
	}
	if p.rng.IntN(3) == 0 {
		sc.balance = "leastconn"
	}
	return sc
}

// at is a moment of the run, given as a fraction of it, moved by up to the spread.
func (p *planner) at(fraction, spread float64) time.Duration {
	return time.Duration((fraction + spread*(p.rng.Float64()-0.5)) * float64(p.span))
}

// between draws a duration.
func (p *planner) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(p.rng.Int64N(int64(hi-lo)))
}

// pick draws one of some texts.
func (p *planner) pick(texts ...string) string { return texts[p.rng.IntN(len(texts))] }

// innocentChange adds a change that has nothing to do with any loss.
func (p *planner) innocentChange(sc *scenario) {
	change := []plannedChange{
		{kind: "flag", what: "spring banner switched on for half of the visitors"},
		{kind: "config", what: "log rotation moved to 03:00"},
		{kind: "deploy", target: "assets", what: "new product pictures"},
		{kind: "config", what: "alert threshold for disk space raised"},
	}[p.rng.IntN(4)]
	change.at = p.at(0.5, 0.7)
	change.ref = fmt.Sprintf("%07x", p.rng.Uint32()>>4)
	sc.changes = append(sc.changes, change)
}
