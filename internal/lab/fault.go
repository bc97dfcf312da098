package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// faults holds, for each cause that the lab can plant, how a healthy system gets it.
// What varies with the seed: which instance, when, how often, and how the rest is built.
var faults = map[string]func(p *planner, sc *scenario){
	"affinity-absent":                   plantAffinityAbsent,
	"affinity-cookie-not-returned":      plantCookieNotReturned,
	"affinity-reset-on-reload":          plantResetOnReload,
	"deploy-no-session-drain":           plantDeploy,
	"health-check-too-aggressive":       plantAggressiveCheck,
	"samesite-cross-site-post":          plantCrossSitePost,
	"signing-key-differs-between-nodes": plantDifferentKeys,
	"store-flushed-with-cache":          plantFlush,
}

// Faults names what can be planted, sorted.
func Faults() []string {
	names := make([]string, 0, len(faults))
	for name := range faults {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func faultNames() string { return strings.Join(Faults(), ", ") }

// Sessions live in each instance, and nothing brings a client back.
func plantAffinityAbsent(p *planner, sc *scenario) {
	sc.affinity = noAffinity
	sc.balance = p.pick("roundrobin", "leastconn", "random")
}

// The balancer's cookie is configured and set; the native app does not send it back.
func plantCookieNotReturned(p *planner, sc *scenario) {
	sc.nativeShare = 0.22 + 0.16*p.rng.Float64()
	sc.dropsCookie = familyNative
}

// Clients are brought back by a table that lives in the balancer's process only.
func plantResetOnReload(p *planner, sc *scenario) {
	sc.affinity = stickSource
	if p.rng.IntN(2) == 0 {
		sc.affinity = stickSession
	}
	n := 1 + p.rng.IntN(2)
	for i := range n {
		sc.steps = append(sc.steps, step{
			at: p.at(0.4+0.3*float64(i), 0.1), do: reload,
			change: &plannedChange{kind: "config", target: "edge",
				what: p.pick("certificate renewed", "rate limit for /search raised", "configuration reloaded: access list")},
		})
	}
}

// Instances are replaced one after another; what they held in memory goes with them.
func plantDeploy(p *planner, sc *scenario) {
	sc.check = check{inter: 200 * time.Millisecond, timeout: 2 * time.Second, fall: 2, rise: 2}
	release := fmt.Sprintf("r%d", 41+p.rng.IntN(20))
	order := p.rng.Perm(sc.instances)
	if p.rng.IntN(2) == 0 {
		slices.Sort(order)
	}
	gap := 0.6 / float64(sc.instances)
	for i, instance := range order {
		name := instanceName(instance)
		sc.steps = append(sc.steps, step{
			at: p.at(0.22+gap*float64(i), 0.04), do: restart, instance: instance, release: release,
			lasts:  p.between(p.span/16, p.span/11),
			change: &plannedChange{kind: "deploy", target: name, what: "release " + release, ref: "refs/tags/" + release},
		})
	}
}

// The check gives up at the first late answer; latency peaks make it late.
func plantAggressiveCheck(p *planner, sc *scenario) {
	sc.check = check{inter: 200 * time.Millisecond, timeout: p.between(170*time.Millisecond, 250*time.Millisecond).Round(10 * time.Millisecond), fall: 1, rise: 2}
	target := p.rng.IntN(sc.instances)
	peaks := 2 + p.rng.IntN(2)
	for i := range peaks {
		instance := target
		if i > 0 && p.rng.IntN(2) == 0 { // peaks do not always strike the same one
			instance = p.rng.IntN(sc.instances)
		}
		sc.steps = append(sc.steps, step{
			at: p.at(0.28+0.5*float64(i)/float64(peaks), 0.08), do: slowDown, instance: instance,
			lasts: p.between(p.span/14, p.span/9),
		})
	}
}

// The payment provider sends customers back by POST, which a Lax cookie does not follow.
func plantCrossSitePost(p *planner, sc *scenario) {
	sc.paymentPosts = true
	sc.returnStarts = p.rng.IntN(4) != 0
	switch p.rng.IntN(3) {
	case 0:
		sc.storage, sc.affinity = inRedis, noAffinity
	case 1:
		sc.storage, sc.affinity = inCookie, noAffinity
	}
}

// Sessions live in a signed cookie, and not every instance has the same key.
func plantDifferentKeys(p *planner, sc *scenario) {
	sc.storage, sc.affinity = inCookie, noAffinity
	sc.balance = p.pick("roundrobin", "leastconn", "random")
	sc.vagueReasons = []float64{0, 0, 0.3}[p.rng.IntN(3)]
	sc.oddKeys = []int{p.rng.IntN(sc.instances)}
	if p.rng.IntN(3) == 0 { // each its own
		sc.oddKeys = sc.oddKeys[:0]
		for i := range sc.instances {
			sc.oddKeys = append(sc.oddKeys, i)
		}
	}
}

// Sessions live in the store that somebody empties to get rid of cached pages.
func plantFlush(p *planner, sc *scenario) {
	sc.storage = inRedis
	if p.rng.IntN(2) == 0 {
		sc.affinity = noAffinity
	}
	sc.steps = append(sc.steps, step{
		at: p.at(0.5, 0.3), do: flush,
		change: &plannedChange{kind: p.pick("store", "deploy", "config"), target: p.pick("cache", "redis", ""),
			what: p.pick("cache cleared after price import", "cache:clear in the release pipeline", "product cache emptied")},
	})
}

// healthy builds a system that loses nothing, whatever moves.
func (p *planner) healthy(sc *scenario, how string) error {
	if how == "" {
		how = p.pick("memory", "memory-reload", "shared", "shared-deploy", "signed")
	}
	reloadStep := step{at: p.at(0.5, 0.2), do: reload, change: &plannedChange{kind: "config", target: "edge", what: "certificate renewed"}}
	switch how {
	case "memory":
	case "memory-reload": // the balancer's cookie survives a reload
		sc.steps = append(sc.steps, reloadStep)
	case "shared":
		sc.storage, sc.affinity = inRedis, noAffinity
	case "shared-deploy": // instances are replaced; the store keeps what they knew
		plantDeploy(p, sc)
		sc.storage = inRedis
	case "signed":
		sc.storage, sc.affinity = inCookie, noAffinity
		sc.steps = append(sc.steps, reloadStep)
	default:
		return fmt.Errorf("unknown healthy run %q", how)
	}
	return nil
}

func instanceName(i int) string { return fmt.Sprintf("app%d", i+1) }
