package cause

import (
	"fmt"

	"limpet.dev/session"
	"limpet.dev/topology"
)

var _ = register(Cause{
	ID:       "affinity-cookie-not-issued",
	Title:    "Part of the site is served without the affinity cookie",
	Category: Routing,
	Root:     RoutingMisconfiguration,
	Summary: `
The balancer brings clients back by a cookie of its own, but not everywhere: for some path, host or rule the request
takes a way (another pool, another middleware, an alias) on which the cookie is neither issued nor read. There each request is
dealt out anew, also for clients that hold the cookie from elsewhere.`,
	LooksAs: "One area of the site, say the checkout, throws people out although everything else works; going back brings the session back.",
	Remedy: `
Give the other way the same affinity: in HAProxy the same "cookie" line and the same "cookie <value>" on the servers of every
backend that serves these instances, or one backend for all of it.`,
	Rollback: `Send the area through the pool that has the affinity (remove the rule that sends it elsewhere).`,
	Runbook: `
1. List the rules that choose a pool ("use_backend", "location", host rules) and which pools share instances.
2. Compare the affinity of these pools; the one that serves the failing routes has none.
3. Ask for a failing route twice with one cookie jar, and look which instance answers and whether a cookie is set:

       curl -s -c jar -b jar -o /dev/null -D - http://shop.example/checkout

4. Add the affinity there, reload, and watch that route's moves in limpet diagnose fall to nearly none.`,
	Uses:  []Source{AffinityFlags, Config, Events},
	Tells: []Source{BalancerLog},
	Neighbours: map[string]string{
		"affinity-absent":              "there no pool issues an affinity cookie at all",
		"affinity-cookie-not-returned": "there the cookie is issued on that route too, and some clients do not send it back",
		"affinity-cookie-path-scope":   "there the cookie is in force on all routes, but clients hold it for one path only",
	},
	Detect: detectNotIssued,
	Lab:    Scenario{Fault: "affinity-cookie-not-issued"},
})

func detectNotIssued(ev *Evidence) []Clue {
	off := ev.Clue("off-here", "the session had used the balancer's cookie before, and on this route none is in force", func(b *Break) bool {
		return b.Moved && b.Affinity == session.AffinityOff && (b.Presented || b.HadAffinity)
	})
	bare := poolWithoutRule(ev)
	if off == nil && bare == nil {
		return nil
	}
	if clues, yes := excluded(ev, append(off, bare...)); yes {
		return clues
	}
	clues := append(off, bare...)
	clues = append(clues, onlyTheseRoutes(ev)...)
	inForce, seen := affinityMoves(ev, session.AffinityValid, session.AffinityNone, session.AffinityInvalid)
	without, unseen := affinityMoves(ev, session.AffinityOff)
	switch {
	case unseen > 0 && seen == 0:
		clues = append(clues, Clue{ID: "off-everywhere", Strength: 1, Against: true, Text: "no request at all shows an affinity cookie in force"})
	case unseen > 0 && share64(without, unseen) > 2*share64(inForce, seen):
		clues = append(clues, Clue{ID: "contrast", Strength: 1, Text: "where the cookie is not in force " + rate(without, unseen) + " follow-ups move, where it is " + rate(inForce, seen)})
	}
	return append(clues, usual(ev)...)
}

// poolWithoutRule says whether the broken requests went through a pool without affinity while another pool with the same
// instances has one.
func poolWithoutRule(ev *Evidence) []Clue {
	for _, n := range ev.Nodes {
		if n.Config == nil || n.Place != 0 {
			continue
		}
		for i := range n.Config.Pools {
			p := &n.Config.Pools[i]
			other := twinWithRule(n.Config, p)
			if len(p.Affinity) > 0 || other == nil {
				continue
			}
			if k := ev.Count(func(b *Break) bool { return b.Moved && b.Pool == p.Name }); k > 0 {
				return []Clue{{ID: "pool-without-rule", Strength: share(k, len(ev.Breaks)), Source: p.Pos.String(),
					Text: fmt.Sprintf("pool %s, which served %s, has no affinity rule; pool %s has the same instances and one (%s)",
						p.Name, ofBroken(k, len(ev.Breaks)), other.Name, other.Affinity[0].Pos)}}
			}
		}
	}
	return nil
}

// twinWithRule returns another pool of a configuration that shares instances with p and has affinity.
func twinWithRule(c *topology.Config, p *topology.Pool) *topology.Pool {
	addresses := map[string]bool{}
	for _, in := range p.Instances {
		addresses[in.Address] = true
	}
	for i := range c.Pools {
		q := &c.Pools[i]
		if q.Name == p.Name || len(q.Affinity) == 0 {
			continue
		}
		for _, in := range q.Instances {
			if addresses[in.Address] {
				return q
			}
		}
	}
	return nil
}

// onlyTheseRoutes says on which routes no cookie is in force, where there are others.
func onlyTheseRoutes(ev *Evidence) []Clue {
	with, _ := routesWhere(ev, func(f *RouteFacts) bool { return f.Presented+f.None > 0 && f.Off == 0 })
	without, prefix := routesWhere(ev, func(f *RouteFacts) bool { return f.Off > 0 && f.Presented+f.None == 0 })
	if len(with) == 0 || len(without) == 0 {
		return nil
	}
	n := 0
	for _, b := range ev.Breaks {
		if f := ev.Routes[b.Route]; f != nil && f.Off > 0 && f.Presented+f.None == 0 {
			n++
		}
	}
	text := "no affinity cookie is in force on " + some(without, 4)
	if prefix != "/" {
		text += ", all below " + prefix
	}
	return []Clue{{ID: "only-these-routes", Strength: share(n, len(ev.Breaks)), Text: text + "; it is on " + some(with, 4), Source: ofBroken(n, len(ev.Breaks))}}
}

func share64(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
