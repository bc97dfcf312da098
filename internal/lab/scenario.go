package lab

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"
)

// storage is where the shop keeps sessions, as limpet.yaml and events name it.
type storage string

const (
	inMemory storage = "memory"
	inCookie storage = "cookie"
	inRedis  storage = "redis" // the lab's own small server, which speaks redis' protocol
	inFiles  storage = "file"  // on each instance's own disk
)

// A scenario is what a seed makes of a fault: how the system is built, and what happens when.
type scenario struct {
	cause     string // what was planted, "" for a healthy run
	also      string // the second cause, "" none
	storage   storage
	tier            // the balancers that clients talk to
	inner     *tier // balancers between these and the instances, nil none
	instances int
	spares    int           // instances that are started later
	idle      time.Duration // session lifetimes
	absolute  time.Duration

	oddKeys      []int   // instances that sign with a key of their own
	vagueReasons float64 // share of rejections whose reason the shop only calls unknown
	nativeShare  float64 // share of shoppers that use the native app
	dropsCookie  family  // family that does not return the balancer's cookie, "" none
	reconnects   float64 // share of requests before which a client's connection is given up
	roamers      float64 // share of clients whose address may be another one on each new connection
	sharedExits  bool    // roamers come from the few addresses of one proxy, not from networks of their own
	pauses       float64 // share of actions before which a shopper pauses, and for how long at least
	pause        time.Duration
	paymentPosts bool // the payment provider returns customers by POST, not by GET
	returnStarts bool // a return without session starts a new, empty session

	storeMemory int           // bytes that the shared store may hold, 0: no limit
	storeLife   time.Duration // time to live that shops give their entries, 0: well beyond the idle time
	shortLived  []int         // instances that give it, nil: all
	followsRole []int         // instances whose store client finds the new primary after a role change
	freshKeys   int           // shops sign with a key made at each start: 1 from the first start, 2 from the second
	byRelease   bool          // the release is part of the names under which the store keeps sessions
	lingers     float64       // share of actions after which a shopper rests for a part of the idle time
	https       bool          // clients come over https; TLS ends before the balancer
	schemeLost  []int         // instances that do not believe what they are told about the scheme
	rolling     bool          // every page hands the session cookie out again
	needs       []string      // files of the bundle without which nothing contradicts what happens
	sharedCache bool          // a cache in front of the balancer keeps product pages, cookies and all

	steps   []step
	changes []plannedChange // innocent ones; those of steps are with their step
}

// A step is one thing that happens during a run, at a time since its start.
type step struct {
	at       time.Duration
	do       action
	instance int
	lasts    time.Duration
	release  string
	rate     int            // warm: bytes a second
	change   *plannedChange // what people wrote down about it, nil: nothing
}

type action int

const (
	slowDown action = iota // an instance answers late, its health page too
	restart                // an instance ends and comes back with another release
	flush                  // the shared store is emptied
	reload                 // the balancers reload their configuration
	crash                  // an instance dies, and comes back later or, if the step lasts 0, never
	grow                   // an instance is added
	warm                   // a job fills the shared store with cached pages, at rate
	failOver               // the shared store's primary becomes a replica, and the replica primary
)

// A plannedChange becomes a line of changes.jsonl.
type plannedChange struct {
	at                      time.Duration // since start; a step's change takes the step's time
	kind, target, what, ref string
}

// balancers is how many balancers the scenario has.
func (sc *scenario) balancers() int {
	n := max(1, sc.nodes)
	if sc.inner != nil {
		n += max(1, sc.inner.nodes)
	}
	return n
}

func newRand(seed int64, purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return rand.New(rand.NewPCG(uint64(seed), h.Sum64()))
}

// plan makes the scenario of opt's faults and seed. A *CannotError says that the balancer cannot show them.
func plan(opt *DemoOptions) (*scenario, error) {
	d, _ := dialectOf(cmp.Or(opt.LB, dialects[0].product))
	if d == nil {
		return nil, fmt.Errorf("unknown balancer %q (known: %s)", opt.LB, strings.Join(LBs(), ", "))
	}
	p := &planner{opt: opt, dialect: d, rng: newRand(opt.Seed, "plan/"+opt.Fault), span: opt.Duration}
	if opt.Followups > 0 {
		p.span = min(opt.Duration, 10*time.Second) // steps come early: traffic may end early
	}
	sc := p.base()
	if opt.Fault == NoFault {
		if err := p.healthy(sc, opt.Healthy); err != nil {
			return nil, err
		}
	} else if err := p.plantAll(sc); err != nil {
		return nil, err
	}
	p.innocentChange(sc)
	for _, t := range []*tier{&sc.tier, sc.inner} {
		if t == nil {
			continue
		}
		if why := d.cannot(t); why != "" {
			return nil, &CannotError{opt.Fault, d.title, why}
		}
	}
	return sc, nil
}

// plantAll plants the fault, and the second one if there is one.
func (p *planner) plantAll(sc *scenario) error {
	sc.cause, sc.also = p.opt.Fault, p.opt.Also
	for _, name := range []string{sc.cause, sc.also} {
		if name == "" && name == sc.also {
			continue
		}
		f, ok := faults[name]
		if !ok {
			return fmt.Errorf("unknown fault %q (known: %s, or none)", name, faultNames())
		}
		f.plant(p, sc)
	}
	if sc.also == "" {
		return nil
	}
	if sc.also == sc.cause || !faults[sc.cause].holds(sc) || !faults[sc.also].holds(sc) {
		return &CannotError{sc.cause + " with " + sc.also, p.dialect.title, "each needs the shop built in another way"}
	}
	return nil
}

// A planner draws a scenario's details.
type planner struct {
	opt     *DemoOptions
	dialect *dialect
	rng     *rand.Rand
	span    time.Duration // what fractions of the run refer to
}

// base is a system with nothing wrong in it.
func (p *planner) base() *scenario {
	sc := &scenario{
		storage: inMemory,
		tier: tier{
			affinity: p.able(cookieAffinity, stickSession, hashSource)[0], balance: "roundrobin",
			check: check{inter: 250 * time.Millisecond, timeout: 2 * time.Second, fall: 3, rise: 2},
		},
		instances:   3 + p.rng.IntN(2),
		idle:        min(max(p.opt.Duration/3, 1200*time.Millisecond), 3*time.Second).Round(100 * time.Millisecond),
		absolute:    8 * time.Hour,
		nativeShare: 0.12,
	}
	if p.rng.IntN(3) == 0 {
		sc.balance = "leastconn"
	}
	return sc
}

// able returns those of some kinds of affinity that the balancer has; all of them if it has none, so
// that the plan fails with its reason.
func (p *planner) able(kinds ...affinity) []affinity {
	var able []affinity
	for _, k := range kinds {
		if p.dialect.cannot(&tier{affinity: k}) == "" {
			able = append(able, k)
		}
	}
	if len(able) == 0 {
		return kinds
	}
	return able
}

// affinity draws one of some kinds of affinity that the balancer has.
func (p *planner) affinity(kinds ...affinity) affinity {
	able := p.able(kinds...)
	return able[p.rng.IntN(len(able))]
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
