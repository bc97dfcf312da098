package lab

import (
	"fmt"
	"strings"
	"time"
)

// affinityFaults are causes in an affinity that is configured and does not hold.
var affinityFaults = map[string]*fault{
	"affinity-cookie-not-issued": {
		plant: plantNotIssued,
		holds: func(sc *scenario) bool {
			return sc.affinity == cookieAffinity && sc.storage == inMemory && sc.plainPath != ""
		},
		claims: func(st *stage, l *loss) bool { return l.moved() && strings.HasPrefix(l.path, st.sc.plainPath) },
	},
	"affinity-cookie-path-scope": {
		plant: plantPathScope,
		holds: func(sc *scenario) bool {
			return sc.affinity == cookieAffinity && sc.storage == inMemory && sc.cookie.path != ""
		},
		claims: func(_ *stage, l *loss) bool { return l.moved() },
	},
	"affinity-cookie-expires-first": {
		plant: plantExpiresFirst,
		holds: func(sc *scenario) bool {
			return sc.storage == inMemory && (sc.tableExpire > 0 || sc.affinity == cookieAffinity && sc.cookie.maxAge > 0)
		},
		claims: func(_ *stage, l *loss) bool { return l.moved() },
	},
	"affinity-id-inconsistent-across-lbs": {
		plant: plantInconsistentIDs,
		holds: func(sc *scenario) bool {
			return sc.nodes > 1 && sc.affinity == cookieAffinity && sc.storage == inMemory && len(sc.cookie.shift) > 0
		},
		claims: func(_ *stage, l *loss) bool { return l.moved() },
	},
	"affinity-remap-on-scale": {
		plant:  plantRemap,
		holds:  func(sc *scenario) bool { return sc.affinity == hashSource && sc.storage == inMemory },
		claims: func(st *stage, l *loss) bool { return l.moved() && st.happened(l, grow, "") },
	},
	"affinity-second-hop": {
		plant:  plantSecondHop,
		holds:  func(sc *scenario) bool { return sc.inner != nil && sc.storage == inMemory },
		claims: func(_ *stage, l *loss) bool { return l.moved() },
	},
	"affinity-source-ip-unreliable": {
		plant: plantUnreliableAddress,
		holds: func(sc *scenario) bool {
			return (sc.affinity == hashSource || sc.affinity == stickSource) && sc.storage == inMemory && sc.roamers > 0
		},
		claims: func(_ *stage, l *loss) bool { return l.moved() && l.roamed },
	},
}

// Part of the site goes through a pool without the cookie.
func plantNotIssued(p *planner, sc *scenario) {
	sc.affinity = cookieAffinity
	sc.plainPath = p.pick("/checkout", "/account", "/cart", "/preferences", "/api")
	if sc.plainPath == "/api" {
		sc.nativeShare = 0.25
	}
}

// The balancer's cookie is made for one corner of the site.
func plantPathScope(p *planner, sc *scenario) {
	sc.affinity = cookieAffinity
	sc.cookie.path = p.pick("/cart", "/checkout", "/account", "/product")
}

// What brings clients back dies before the session: a cookie after its Max-Age, or a table's entry in a pause.
func plantExpiresFirst(p *planner, sc *scenario) {
	sc.idle = max(p.span*2/3, 2*time.Second).Round(100 * time.Millisecond)
	sc.affinity = p.affinity(cookieAffinity, stickSource, stickSession)
	if sc.affinity == cookieAffinity {
		sc.cookie.maxAge = time.Duration(1+p.rng.IntN(2)) * time.Second
		return
	}
	sc.tableExpire = p.between(p.span/14, p.span/9).Round(10 * time.Millisecond)
	sc.tableExpire = max(sc.tableExpire, 550*time.Millisecond) // above the usual pause between two clicks
	sc.pause, sc.pauses = sc.tableExpire*5/4, 0.03+0.12*p.rng.Float64()
}

// Equal balancers number the instances each in its own way, and clients come to one or the other.
func plantInconsistentIDs(p *planner, sc *scenario) {
	sc.affinity = cookieAffinity
	sc.nodes = 2 + p.rng.IntN(2)
	sc.reconnects = 0.02 + 0.3*p.rng.Float64()*p.rng.Float64()
	sc.cookie.shift = make([]int, sc.nodes)
	if odd := p.rng.IntN(2) == 0; odd { // one was set up in another order
		sc.cookie.shift[p.rng.IntN(sc.nodes)] = 1 + p.rng.IntN(sc.instances-1)
		return
	}
	for i := range sc.cookie.shift {
		sc.cookie.shift[i] = i % sc.instances
	}
}

// The instance is computed from the client's address and the number of instances; that number grows.
func plantRemap(p *planner, sc *scenario) {
	sc.affinity, sc.consistent = hashSource, p.rng.IntN(2) == 0
	sc.spares = 1 + p.rng.IntN(2)
	for i := range sc.spares {
		sc.steps = append(sc.steps, step{
			at: p.at(0.35+0.3*float64(i), 0.12), do: grow, instance: sc.instances + i,
			change: &plannedChange{kind: "scale", target: instanceName(sc.instances + i),
				what: p.pick("autoscaler: one more instance", fmt.Sprintf("%d instances instead of %d", sc.instances+i+1, sc.instances+i), "capacity for the evening")},
		})
	}
}

// Clients are brought back, but to something that chooses again.
func plantSecondHop(p *planner, sc *scenario) {
	sc.affinity = p.affinity(cookieAffinity, stickSession, stickSource, hashSource)
	sc.inner = &tier{
		nodes: 1 + p.rng.IntN(3), affinity: noAffinity, balance: p.pick("roundrobin", "leastconn", "random"),
		check: sc.check, behind: true, silent: p.rng.IntN(2) == 0,
	}
}

// Clients are brought back by their address, and some clients' changes.
func plantUnreliableAddress(p *planner, sc *scenario) {
	sc.affinity = p.affinity(hashSource, stickSource)
	sc.consistent = p.rng.IntN(2) == 0
	sc.roamers = []float64{0.06, 0.15, 0.4, 0.9}[p.rng.IntN(4)]
	sc.sharedExits = p.rng.IntN(2) == 0
	sc.reconnects = 0.05 + 0.15*p.rng.Float64()
}
