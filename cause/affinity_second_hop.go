package cause

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"limpet.dev/session"
)

var _ = register(Cause{
	ID:       "affinity-second-hop",
	Title:    "The balancer brings clients back to something that chooses again",
	Category: Routing,
	Root:     RoutingMisconfiguration,
	Summary: `
Affinity works, but what the balancer takes for an instance is a second balancer: a node port, a service address, an overlay
network, a sidecar. It deals requests out again, and knows nothing of the first one's promise. By the balancer's log every client stays where it
is; by the application's own word it does not.`,
	LooksAs: "Users are signed out at random, while the balancer's log and its affinity cookie look perfect.",
	Remedy: `
Let the balancer that has the affinity reach the instances themselves: pod or task addresses (target type "ip", an endpoint resolver, a headless
service) in place of node ports and service names. Or give the second hop an affinity of its own.`,
	Rollback: `Restore the former targets. At once: one instance behind each target.`,
	Runbook: `
1. Compare the balancer's list of targets with the running instances: fewer targets, or other addresses, mean that something stands between.
2. Ask ten times with one cookie jar and print the instance that the application names:

       for i in $(seq 10); do curl -s -b jar -c jar http://shop.example/whoami; done

3. Ask one target directly, past the balancer, ten times: if several instances answer, it chooses again.
4. Register the instances themselves, and repeat step 2.`,
	Uses:  []Source{Events, Config},
	Tells: []Source{Events, BalancerLog},
	Neighbours: map[string]string{
		"affinity-id-inconsistent-across-lbs": "there the balancer's own choice changes, with the balancer that a client comes through",
		"affinity-absent":                     "there the balancer itself sends a client from instance to instance",
		"session-store-node-local":            "there the state is not found although the request reached the instance that made it",
	},
	Detect: detectSecondHop,
	Lab:    Scenario{Fault: "affinity-second-hop"},
})

func detectSecondHop(ev *Evidence) []Clue {
	behind := func(b *Break) bool { return !b.Moved && b.On != "" && b.KnownOn != "" && b.On != b.KnownOn }
	clues := ev.Clue("behind", "the balancer kept the session where it was, and another instance answered than the one that knew it", behind)
	fan, targets := fanOut(ev)
	if clues == nil && fan < 0.2 {
		return nil
	}
	if clues, yes := excluded(ev, clues); yes {
		return clues
	}
	if fan >= 0.2 {
		clues = append(clues, Clue{ID: "fans-out", Strength: min(1, fan/0.5), Text: "what the balancer calls one instance is several: " + some(targets, 3)})
	} else if len(ev.People.Hops) > 0 {
		clues = append(clues, Clue{ID: "one-to-one", Strength: 1, Against: true, Text: "each of the balancer's instances is one instance of the application"})
	}
	if moved := ev.Count(func(b *Break) bool { return b.Moved }); moved*2 > len(ev.Breaks) {
		clues = append(clues, Clue{ID: "moved", Strength: share(moved, len(ev.Breaks)), Against: true, Text: "the balancer itself sent the request elsewhere", Source: ofBroken(moved, len(ev.Breaks))})
	}
	clues = append(clues, innerBalancer(ev)...)
	return append(clues, usual(ev)...)
}

// fanOut says which share of follow-ups reached another instance than the one that a target leads to most, and where the
// targets lead.
func fanOut(ev *Evidence) (share float64, targets []string) {
	leads := map[uint16]map[uint16]int64{}
	for p, n := range ev.People.Hops {
		if leads[p.From] == nil {
			leads[p.From] = map[uint16]int64{}
		}
		leads[p.From][p.To] += n
	}
	var other, all int64
	for from, to := range leads {
		var most, sum int64
		var names []string
		for id, n := range to {
			most, sum = max(most, n), sum+n
			names = append(names, ev.Names.Instances.Name(id))
		}
		other, all = other+sum-most, all+sum
		if len(names) > 1 {
			slices.Sort(names)
			targets = append(targets, fmt.Sprintf("%s leads to %s", ev.Names.Instances.Name(from), strings.Join(names, ", ")))
		}
	}
	return share64(other, all), targets
}

// innerBalancer names a balancer of ours behind the one that clients talk to, if it has no affinity.
func innerBalancer(ev *Evidence) []Clue {
	for _, n := range ev.Nodes {
		if n.Place == 0 || n.Config == nil {
			continue
		}
		for _, p := range n.Config.Pools {
			if len(p.Instances) > 1 && len(p.Affinity) == 0 {
				return []Clue{{ID: "inner", Strength: 1, Text: fmt.Sprintf("behind it stands %s, whose pool %s has %d instances and no affinity", n.Name, p.Name, len(p.Instances)), Source: p.Pos.String()}}
			}
		}
	}
	names := map[string]bool{}
	for _, m := range ev.Members {
		names[m.Name] = true
	}
	strangers := map[string]bool{}
	for p := range ev.People.Hops {
		if name := ev.Names.Instances.Name(p.To); !names[name] {
			strangers[name] = true
		}
	}
	if len(names) > 0 && len(strangers) > len(names)/2 && !oneToOne(ev.People.Hops) {
		return []Clue{{ID: "unknown-instances", Strength: 1, Text: "the balancer knows none of the instances that answered: " + some(slices.Collect(maps.Keys(strangers)), 4)}}
	}
	return nil
}

// oneToOne reports whether each target is one instance under another name.
func oneToOne(hops map[session.Pair]int64) bool {
	seen := map[uint16]bool{}
	for p := range hops {
		if seen[p.From] {
			return false
		}
		seen[p.From] = true
	}
	return true
}
