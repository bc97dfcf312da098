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
	do   func(sc *scenario, span time.Duration)
}

// twists holds what can be added to a case.
var twists = map[string]twisting{
	"reload": {
		text: "The balancer is reloaded once as well, and its change is recorded; nobody loses anything by that.",
		do: func(sc *scenario, span time.Duration) {
			sc.steps = append(sc.steps, step{at: span / 3, do: reload,
				change: &plannedChange{kind: "config", target: "edge", what: "certificate renewed"}})
		},
	},
	"app-without-jar": {
		text: "A native app does not return the balancer's cookie and wanders from instance to instance; its sessions are found everywhere.",
		do: func(sc *scenario, _ time.Duration) {
			sc.affinity, sc.nativeShare, sc.dropsCookie = cookieAffinity, 0.4, familyNative
		},
	},
	"payment-posts": {
		text: "Customers who pay come back by a POST from the payment provider's site, which costs a few of them their session too.",
		also: "samesite-cross-site-post",
		do:   func(sc *scenario, _ time.Duration) { sc.paymentPosts, sc.returnStarts = true, true },
	},
}

// Twists names what can be added to a case.
func Twists() []string { return slices.Sorted(maps.Keys(twists)) }

// twist changes a scenario and returns what it did.
func twist(sc *scenario, name string, span time.Duration) (twisting, error) {
	if name == "" {
		return twisting{}, nil
	}
	t, ok := twists[name]
	if !ok {
		return twisting{}, fmt.Errorf("unknown twist %q (known: %s)", name, strings.Join(Twists(), ", "))
	}
	t.do(sc, span)
	return t, nil
}
