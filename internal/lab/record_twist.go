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
	"restart": {
		text: "One instance is restarted as well, with the release that it had and the key that it had.",
		do: func(sc *scenario, span time.Duration) {
			sc.steps = append(sc.steps, step{at: span / 2, do: restart, release: firstRelease, lasts: span / 50,
				change: &plannedChange{kind: "restart", target: instanceName(0), what: "log level changed"}})
		},
	},
	"roles-change": {
		text: "The store's primary becomes a replica for a moment as well; an instance that does not notice fails to write.",
		also: "store-failover-writes-fail",
		do: func(sc *scenario, span time.Duration) {
			sc.followsRole = []int{1, 2, 3}
			sc.steps = append(sc.steps, step{at: span / 6, do: failOver, lasts: span / 7})
		},
	},
	"scheme-lost": {
		text: "One instance takes all requests for plain http and hands out no cookie to those who sign in there.",
		also: "secure-cookie-proto-unknown",
		do: func(sc *scenario, _ time.Duration) {
			sc.https, sc.schemeLost, sc.affinity = true, []int{0}, noAffinity
		},
	},
	"shared-cache": {
		text: "A cache in front of the balancer keeps product pages with their cookies as well, for a short time.",
		also: "setcookie-cached-leak",
		do: func(sc *scenario, _ time.Duration) {
			sc.rolling, sc.sharedCache = true, true
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
