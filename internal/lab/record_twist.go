package lab

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A twisting makes a case look like another cause than the planted one.
type twisting struct {
	text string // what it adds to the story
	also string // the cause that it adds, "" if it costs no session
	do   func(p *planner, sc *scenario)
}

// twists holds what can be added to a case.
var twists = map[string]twisting{
	"reload": {
		text: "The balancer is reloaded once as well, and its change is recorded; nobody loses anything by that.",
		do: func(p *planner, sc *scenario) {
			sc.steps = append(sc.steps, step{at: p.span / 3, do: reload,
				change: &plannedChange{kind: "config", target: "edge", what: "certificate renewed"}})
		},
	},
	"app-without-jar": {
		text: "A native app does not return the balancer's cookie and wanders from instance to instance; its sessions are found everywhere.",
		do: func(_ *planner, sc *scenario) {
			sc.affinity, sc.nativeShare, sc.dropsCookie = cookieAffinity, 0.4, familyNative
		},
	},
	"restart": {
		text: "One instance is restarted as well, with the release that it had and the key that it had.",
		do: func(p *planner, sc *scenario) {
			sc.steps = append(sc.steps, step{at: p.span / 2, do: restart, release: firstRelease, lasts: p.span / 50,
				change: &plannedChange{kind: "restart", target: instanceName(0), what: "log level changed"}})
		},
	},
	"roles-change": {
		text: "The store's primary becomes a replica for a moment as well; an instance that does not notice fails to write.",
		also: "store-failover-writes-fail",
		do: func(p *planner, sc *scenario) {
			sc.followsRole = []int{1, 2, 3}
			sc.steps = append(sc.steps, step{at: p.span / 6, do: failOver, lasts: p.span / 7})
		},
	},
	"scheme-lost": {
		text: "One instance takes all requests for plain http and hands out no cookie to those who sign in there.",
		also: "secure-cookie-proto-unknown",
		do: func(_ *planner, sc *scenario) {
			sc.https, sc.schemeLost, sc.affinity = true, []int{0}, noAffinity
		},
	},
	"shared-cache": {
		text: "A cache in front of the balancer keeps product pages with their cookies as well, for a short time.",
		also: "setcookie-cached-leak",
		do: func(_ *planner, sc *scenario) {
			sc.rolling, sc.sharedCache = true, true
		},
	},
	"payment-posts": {
		text: "Customers who pay come back by a POST from the payment provider's site, which costs a few of them their session too.",
		also: "samesite-cross-site-post",
		do:   func(_ *planner, sc *scenario) { sc.paymentPosts, sc.returnStarts = true, true },
	},
}

// harmless is the prefix of twists that build a fault of affinity into a shop whose sessions all instances share:
// requests wander, and nobody loses anything by that.
const harmless = "harmless-"

func harmlessTwist(name string) twisting {
	return twisting{
		text: "Affinity has a fault as well (" + name + "), which moves requests about; it costs nothing, since all instances reach all sessions.",
		do: func(p *planner, sc *scenario) {
			storage, strike := sc.storage, p.span/2
			for _, s := range sc.steps {
				strike = s.at
			}
			planted := len(sc.steps)
			faults[name].plant(p, sc)
			sc.storage = storage
			for i := range sc.steps[planted:] { // together with what does harm
				sc.steps[planted+i].at = max(0, strike-60*time.Millisecond)
			}
		},
	}
}

// Twists names what can be added to a case.
func Twists() []string {
	names := slices.Collect(maps.Keys(twists))
	for name := range affinityFaults {
		names = append(names, harmless+name)
	}
	slices.Sort(names)
	return names
}

// twist changes a scenario and returns what it did.
func twist(opt *DemoOptions, sc *scenario, name string) (twisting, error) {
	if name == "" {
		return twisting{}, nil
	}
	t, ok := twists[name]
	if fault, found := strings.CutPrefix(name, harmless); found && affinityFaults[fault] != nil {
		t, ok = harmlessTwist(fault), true
	}
	if !ok {
		return twisting{}, fmt.Errorf("unknown twist %q (known: %s)", name, strings.Join(Twists(), ", "))
	}
	d, _ := dialectOf(opt.LB)
	t.do(&planner{opt: opt, dialect: d, rng: newRand(opt.Seed, "twist/"+name), span: opt.Duration}, sc)
	return t, nil
}
