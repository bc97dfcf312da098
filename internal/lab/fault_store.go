package lab

import "time"

// Sessions live in files on each instance's own disk, and nothing brings a client back.
func plantNodeLocal(p *planner, sc *scenario) {
	sc.storage, sc.affinity = inFiles, noAffinity
	sc.balance = p.pick("roundrobin", "leastconn", "random")
}

// The shared store holds cached pages beside sessions, and is too small for both: each time that a job fills the cache
// anew, what was not used for longest has to go. How long that is depends on how fast the job writes.
func plantEviction(p *planner, sc *scenario) {
	sc.storage, sc.storeMemory = inRedis, 96<<10
	if p.rng.IntN(2) == 0 {
		sc.affinity = noAffinity
	}
	sc.lingers = 0.22
	waves := 2 + p.rng.IntN(2)
	for i := range waves {
		// An entry goes when it was not used for as long as the job takes to write the whole memory full. A wave
		// must last longer than that to reach anybody, and one wave is faster than the next.
		age := time.Duration((0.18 + 0.12*float64(i) + 0.06*p.rng.Float64()) * float64(sc.idle))
		sc.steps = append(sc.steps, step{
			at: p.at(0.22+0.66*float64(i)/float64(waves), 0.05), do: warm,
			rate: int(float64(sc.storeMemory) / age.Seconds()), lasts: age + p.between(p.span/40, p.span/24),
			change: p.sometimes(&plannedChange{kind: p.pick("deploy", "flag"), target: "catalogue", what: p.pick("price import", "search pages warmed up", "catalogue refreshed")}),
		})
	}
}

// Shops give their entries in the shared store less time than a session is promised: all of them, or one of them.
func plantShortLife(p *planner, sc *scenario) {
	sc.storage = inRedis
	if p.rng.IntN(2) == 0 {
		sc.affinity = noAffinity
	}
	sc.lingers = 0.22
	sc.storeLife = time.Duration((0.22 + 0.2*p.rng.Float64()) * float64(sc.idle)).Round(10 * time.Millisecond)
	if p.rng.IntN(2) == 0 {
		sc.shortLived = []int{p.rng.IntN(sc.instances)}
	} else {
		sc.needs = []string{"limpet.yaml"} // what is promised stands there only
	}
}

// The shared store's primary becomes a replica. Some shops have its address written down and go on asking it: what they
// read is there, what they write is refused.
func plantFailover(p *planner, sc *scenario) {
	sc.storage = inRedis
	if p.rng.IntN(2) == 0 {
		sc.affinity = noAffinity
	}
	sc.vagueReasons = []float64{0, 0, 0.3}[p.rng.IntN(3)]
	static := 1 + p.rng.IntN(sc.instances)
	sc.followsRole = p.rng.Perm(sc.instances)[static:]
	sc.steps = append(sc.steps, step{
		at: p.at(0.4, 0.2), do: failOver, lasts: p.between(p.span/5, p.span/3),
		change: p.sometimes(&plannedChange{kind: "store", target: "redis", what: p.pick("planned failover for a kernel update", "replica promoted")}),
	})
}

// Sessions are signed with a key that each process makes when it starts. Either the balancer brings clients back, so that
// only a restart shows it, or the first processes still had a key in common from before.
func plantFreshKeys(p *planner, sc *scenario) {
	sc.storage, sc.freshKeys = inCookie, 1
	sc.vagueReasons = []float64{0, 0, 0.3}[p.rng.IntN(3)]
	if p.rng.IntN(3) == 0 {
		sc.affinity, sc.freshKeys = noAffinity, 2
	}
	n := 1 + p.rng.IntN(sc.instances)
	for i, instance := range p.rng.Perm(sc.instances)[:n] {
		sc.steps = append(sc.steps, step{
			at: p.at(0.3+0.5*float64(i)/float64(n), 0.06), do: restart, instance: instance, release: firstRelease,
			lasts:  p.between(p.span/60, p.span/30),
			change: p.sometimes(&plannedChange{kind: "restart", target: instanceName(instance), what: p.pick("memory limit raised", "restarted: log level", "host updated")}),
		})
	}
}

// The release is part of the names under which the shared store keeps sessions.
func plantBuildNames(p *planner, sc *scenario) {
	plantDeploy(p, sc)
	sc.storage, sc.byRelease = inRedis, true
	if p.rng.IntN(2) == 0 {
		sc.affinity = noAffinity
	}
}

// TLS ends before the balancer. The shop, or one instance of it, takes all requests for plain http and therefore never
// hands out its cookie, which is for https only.
func plantSchemeLost(p *planner, sc *scenario) {
	sc.storage, sc.https = inRedis, true
	if p.rng.IntN(2) == 0 {
		sc.affinity = noAffinity
	}
	sc.schemeLost = p.rng.Perm(sc.instances)
	if p.rng.IntN(2) == 0 {
		sc.schemeLost = sc.schemeLost[:1]
	}
}

// sometimes returns the change, or nil: people do not write everything down.
func (p *planner) sometimes(c *plannedChange) *plannedChange {
	if p.rng.IntN(3) == 0 {
		return nil
	}
	return c
}

// firstRelease is what runs before anything is deployed.
const firstRelease = "r40"

// A cache in front of the balancer keeps product pages for everybody, with the session cookie that the shop hands out again
// with each page.
func plantCachedCookie(p *planner, sc *scenario) {
	sc.storage, sc.rolling, sc.sharedCache = inRedis, true, true
	if p.rng.IntN(2) == 0 {
		sc.affinity = noAffinity
	}
}
