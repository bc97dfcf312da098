package lab

// stateFaults are causes in stores, keys, releases and clients.
var stateFaults = map[string]*fault{
	"samesite-cross-site-post": {
		plant:  plantCrossSitePost,
		holds:  func(sc *scenario) bool { return sc.paymentPosts },
		claims: func(_ *stage, l *loss) bool { return l.kind == "withheld" },
	},
	"namespace-changes-per-build": {
		plant:  plantBuildNames,
		holds:  func(sc *scenario) bool { return sc.storage == inRedis && sc.byRelease },
		claims: func(st *stage, l *loss) bool { return l.kind == "lost" && st.happened(l, restart, "") },
	},
	"secure-cookie-proto-unknown": {
		plant:  plantSchemeLost,
		holds:  func(sc *scenario) bool { return sc.https && len(sc.schemeLost) > 0 },
		claims: func(_ *stage, l *loss) bool { return l.kind == "never-established" },
	},
	"session-store-node-local": {
		plant:  plantNodeLocal,
		holds:  func(sc *scenario) bool { return sc.affinity == noAffinity && sc.storage == inFiles },
		claims: func(_ *stage, l *loss) bool { return l.moved() },
	},
	"setcookie-cached-leak": {
		plant:  plantCachedCookie,
		holds:  func(sc *scenario) bool { return sc.rolling && sc.sharedCache },
		claims: func(_ *stage, l *loss) bool { return l.kind == "mixed-up" },
	},
	"signing-key-differs-between-nodes": {
		plant:  plantDifferentKeys,
		holds:  func(sc *scenario) bool { return sc.storage == inCookie && len(sc.oddKeys) > 0 },
		claims: func(_ *stage, l *loss) bool { return l.moved() },
	},
	"signing-key-regenerated-on-start": {
		plant:  plantFreshKeys,
		holds:  func(sc *scenario) bool { return sc.storage == inCookie && sc.freshKeys > 0 },
		claims: func(st *stage, l *loss) bool { return l.kind == "lost" && st.happened(l, restart, "") },
	},
	"store-eviction": {
		plant:  plantEviction,
		holds:  func(sc *scenario) bool { return sc.storage == inRedis && sc.storeMemory > 0 },
		claims: func(st *stage, l *loss) bool { return l.kind == "lost" && st.happened(l, warm, "") },
	},
	"store-failover-writes-fail": {
		plant:  plantFailover,
		holds:  func(sc *scenario) bool { return sc.storage == inRedis },
		claims: func(st *stage, l *loss) bool { return l.reason == reasonReadOnly },
	},
	"store-flushed-with-cache": {
		plant:  plantFlush,
		holds:  func(sc *scenario) bool { return sc.storage == inRedis },
		claims: func(st *stage, l *loss) bool { return st.happened(l, flush, "") },
	},
	"store-ttl-wrong": {
		plant:  plantShortLife,
		holds:  func(sc *scenario) bool { return sc.storage == inRedis && sc.storeLife > 0 },
		claims: func(st *stage, l *loss) bool { return l.kind == "lost" && l.at.Sub(l.good) >= st.sc.storeLife*9/10 },
	},
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
