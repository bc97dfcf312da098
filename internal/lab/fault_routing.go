package lab

import (
	"fmt"
	"slices"
	"time"
)

// routingFaults are causes in how balancers bring clients back, in their checks, and in what happens to instances. Those
// of affinity that is there and does not hold stand in fault_affinity.go.
var routingFaults = map[string]*fault{
	"affinity-absent": {
		plant:  plantAffinityAbsent,
		holds:  func(sc *scenario) bool { return sc.affinity == noAffinity && sc.storage == inMemory },
		claims: func(_ *stage, l *loss) bool { return l.moved() },
	},
	"affinity-cookie-not-returned": {
		plant:  plantCookieNotReturned,
		holds:  func(sc *scenario) bool { return sc.affinity == cookieAffinity && sc.storage == inMemory },
		claims: func(st *stage, l *loss) bool { return l.moved() && l.family == st.sc.dropsCookie },
	},
	"affinity-reset-on-reload": {
		plant: plantResetOnReload,
		holds: func(sc *scenario) bool {
			return (sc.affinity == stickSource || sc.affinity == stickSession) && sc.storage == inMemory
		},
		claims: func(st *stage, l *loss) bool { return l.moved() && st.happened(l, reload, "") },
	},
	"deploy-no-session-drain": {
		plant:  plantDeploy,
		holds:  func(sc *scenario) bool { return sc.storage == inMemory },
		claims: func(st *stage, l *loss) bool { return st.happened(l, restart, l.from) },
	},
	"failover-without-replication": {
		plant:  plantDeath,
		holds:  func(sc *scenario) bool { return sc.storage == inMemory },
		claims: func(st *stage, l *loss) bool { return st.happened(l, crash, l.from) },
	},
	"health-check-too-aggressive": {
		plant:  plantAggressiveCheck,
		holds:  func(sc *scenario) bool { return sc.storage == inMemory && sc.check.fall == 1 },
		claims: func(st *stage, l *loss) bool { return l.moved() && st.happened(l, slowDown, l.from) },
	},
}

// Sessions live in each instance, and nothing brings a client back.
func plantAffinityAbsent(p *planner, sc *scenario) {
	sc.affinity = noAffinity
	sc.balance = p.pick("roundrobin", "leastconn", "random")
}

// The balancer's cookie is configured and set; the native app does not send it back.
func plantCookieNotReturned(p *planner, sc *scenario) {
	sc.affinity = cookieAffinity
	sc.nativeShare = 0.22 + 0.16*p.rng.Float64()
	sc.dropsCookie = familyNative
}

// Clients are brought back by a table that lives in the balancer's process only.
func plantResetOnReload(p *planner, sc *scenario) {
	sc.affinity = p.affinity(stickSource, stickSession)
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

// An instance dies; nobody else has its sessions. It comes back late, or never.
func plantDeath(p *planner, sc *scenario) {
	sc.check = check{inter: 200 * time.Millisecond, timeout: 2 * time.Second, fall: 2 + p.rng.IntN(2), rise: 2}
	if p.rng.IntN(3) == 0 { // any other way to bring clients back serves as well
		sc.affinity = p.affinity(cookieAffinity, stickSession, stickSource)
	}
	order := p.rng.Perm(sc.instances)
	deaths := 1 + p.rng.IntN(2)
	for i := range deaths {
		s := step{at: p.at(0.3+0.35*float64(i), 0.12), do: crash, instance: order[i], lasts: p.between(p.span/5, p.span/3)}
		if i == deaths-1 && p.rng.IntN(2) == 0 {
			s.lasts = 0 // never
		}
		sc.steps = append(sc.steps, s)
	}
}
