package lab

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A fault is how a healthy system gets a cause that the lab can plant. What varies with the seed: which
// instance, when, how often, and how the rest is built.
type fault struct {
	plant func(p *planner, sc *scenario)

	// holds reports whether a scenario still shows the fault, after a second one was planted too.
	holds func(sc *scenario) bool

	// claims reports whether a lost session is this fault's doing. It is asked where two are planted.
	claims func(st *stage, l *loss) bool
}

// faults holds what can be planted, by cause. Each group of causes has a file of its own.
var faults = func() map[string]*fault {
	all := map[string]*fault{}
	for _, group := range []map[string]*fault{routingFaults, affinityFaults, stateFaults} {
		maps.Copy(all, group)
	}
	return all
}()

// Faults names what can be planted, sorted.
func Faults() []string { return slices.Sorted(maps.Keys(faults)) }

func faultNames() string { return strings.Join(Faults(), ", ") }

// A CannotError says why a fault cannot be planted.
type CannotError struct{ Fault, LB, Why string }

func (e *CannotError) Error() string {
	return fmt.Sprintf("%s cannot be planted on %s: %s", e.Fault, e.LB, e.Why)
}

// plantableSeeds is how many seeds Plantable tries: variants that a balancer cannot express must not be drawn.
const plantableSeeds = 16

// Plantable says why a cause cannot be planted on a balancer of LBs, "" if it can.
func Plantable(fault, lb string) (whyNot string) {
	if _, ok := faults[fault]; !ok {
		return "the shop has no part that could fail like this"
	}
	for seed := range int64(plantableSeeds) {
		opt := DemoOptions{Fault: fault, LB: lb, Seed: seed}
		opt.setDefaults()
		_, err := plan(&opt)
		if cannot, ok := errors.AsType[*CannotError](err); ok {
			return cannot.Why
		} else if err != nil {
			return err.Error()
		}
	}
	return ""
}

// A loss is a session life's break as client and shop saw it.
type loss struct {
	kind     string
	at, good time.Time // the break; when an instance last knew the session
	from, to string    // instance that last knew it, instance asked; to is "" where nobody was
	reason   string
	family   family
	path     string
	created  time.Time
	roamed   bool // the client's address had changed
}

func (l *loss) moved() bool { return l.to != "" && l.from != l.to }

// blame returns the cause of a loss.
func (st *stage) blame(l *loss) string {
	switch {
	case st.sc.cause == "":
		return unplanned
	case st.sc.also == "":
		return st.sc.cause
	}
	// The fault that claims fewer kinds of losses is asked first: what the other claims may hold for all.
	for _, name := range []string{st.sc.also, st.sc.cause} {
		if faults[name].claims(st, l) {
			return name
		}
	}
	return st.sc.cause
}

// happened reports whether a step of one kind (to an instance, "" any) struck between the last good request and the loss,
// or was still going on.
func (st *stage) happened(l *loss, do action, instance string) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return slices.ContainsFunc(st.struck, func(s struckStep) bool {
		here := instance == "" || instanceName(s.step.instance) == instance
		return s.step.do == do && here && !s.at.After(l.at) && s.at.Add(s.step.lasts+stepWake).After(l.good)
	})
}

// stepWake is how long a step's consequences may outlast it.
const stepWake = time.Second

// A struckStep is a step that was carried out.
type struckStep struct {
	step step
	at   time.Time
}

func instanceName(i int) string { return fmt.Sprintf("app%d", i+1) }
