package cause

import (
	"fmt"
	"slices"
	"strings"

	"limpet.dev/topology"
)

var _ = register(Cause{
	ID:       "affinity-id-inconsistent-across-lbs",
	Title:    "Equal balancers read the same affinity value differently",
	Category: Routing,
	Root:     RoutingMisconfiguration,
	Summary: `
Several equal balancers stand side by side, and each has its own idea of what an affinity value means: instances are numbered in
another order, values are made with a key of each balancer's own, or rings differ. As long as a client comes through one balancer all
is well; as soon as it comes through another, the same value leads to another instance.`,
	LooksAs: "Users are signed out now and then, often after a pause or a change of network; with a single balancer it never happens.",
	Remedy: `
Give all balancers the same values: name instances explicitly and identically ("cookie <name of the server>", not positions), or derive the value from
the address ("dynamic" with one common "dynamic-cookie-key"), from one generated configuration.`,
	Rollback: `Let one balancer take all traffic until the configurations agree; restoring the former configuration brings the fault back.`,
	Runbook: `
1. Compare the balancers' configurations line by line: which value names which instance?

       diff <(ssh edge1 cat /etc/haproxy/haproxy.cfg) <(ssh edge2 cat /etc/haproxy/haproxy.cfg)

2. Send one request with a fixed affinity cookie to each balancer by its own address, and compare the instance that answers.
3. Take all balancers but one out of rotation. If nobody is signed out any more, this is it.
4. Generate the configuration for all of them from one source, and check drift.`,
	Uses:  []Source{Config, AffinityFlags, Events},
	Tells: []Source{BalancerLog},
	Neighbours: map[string]string{
		"affinity-second-hop":           "there the balancer's choice is constant, and something behind it chooses again",
		"affinity-source-ip-unreliable": "there the key itself changes with the client's address",
		"affinity-absent":               "there clients move although they stay with one balancer",
	},
	Detect: detectInconsistentIDs,
	Lab:    Scenario{Fault: "affinity-id-inconsistent-across-lbs"},
})

func detectInconsistentIDs(ev *Evidence) []Clue {
	other := func(b *Break) bool { return b.Moved && b.Node != "" && b.GoodNode != "" && b.Node != b.GoodNode }
	n := ev.Count(other)
	if n == 0 {
		return nil
	}
	ways := map[string]int{}
	for _, b := range ev.Breaks {
		if other(b) {
			ways["from "+b.GoodNode+" to "+b.Node]++
		}
	}
	var list []string
	for w, k := range ways {
		list = append(list, fmt.Sprintf("%s %d times", w, k))
	}
	clues := []Clue{{ID: "other-balancer", Strength: share(n, len(ev.Breaks)), Source: ofBroken(n, len(ev.Breaks)),
		Text: "the request came through another balancer than the last good one: " + some(list, 4)}}
	if clues, yes := excluded(ev, clues); yes {
		return clues
	}
	clues = append(clues, ev.Clue("same-value", "it brought the same affinity value as before, and went elsewhere", func(b *Break) bool { return other(b) && b.SameAffinity })...)
	across, within := ev.People.Across, ev.People.Within
	switch all := across.Moved + within.Moved; {
	case all > 0 && across.Moved*10 >= all*8:
		clues = append(clues, Clue{ID: "only-across", Strength: share64(across.Moved, all), Text: rate(across.Moved, all) + " moves came with a change of balancer; each balancer by itself is constant"})
	case all > 0 && across.Moved*2 < all:
		clues = append(clues, Clue{ID: "within", Strength: share64(within.Moved, all), Against: true, Text: rate(within.Moved, all) + " moves happened within one balancer"})
	}
	clues = append(clues, namesDiffer(ev)...)
	return append(clues, usual(ev)...)
}

// namesDiffer compares what equal balancers call the instances in their affinity values.
func namesDiffer(ev *Evidence) []Clue {
	type meaning struct {
		address string
		pos     topology.Pos
	}
	first := map[string]meaning{}
	compared, nodes := 0, 0
	for _, n := range ev.Nodes {
		if n.Config == nil || n.Place != 0 {
			continue
		}
		nodes++
		for _, p := range n.Config.Pools {
			for _, in := range p.Instances {
				if in.CookieValue == "" {
					continue
				}
				key := p.Name + "\x00" + in.CookieValue
				was, ok := first[key]
				if !ok {
					first[key] = meaning{in.Address, in.Pos}
					continue
				}
				compared++
				if was.address != in.Address {
					return []Clue{{ID: "names-differ", Strength: 1, Source: strings.Join([]string{was.pos.String(), in.Pos.String()}, ", "),
						Text: fmt.Sprintf("affinity value %s means %s on one balancer and %s on another", in.CookieValue, was.address, in.Address)}}
				}
			}
		}
	}
	if nodes > 1 && compared > 0 {
		return []Clue{{ID: "names-agree", Strength: 1, Against: true, Text: "the balancers' configurations give every affinity value the same meaning"}}
	}
	return nil
}

// equalNodes lists the balancers that clients talk to.
func equalNodes(ev *Evidence) []string {
	var names []string
	for _, n := range ev.Nodes {
		if n.Place == 0 && !slices.Contains(names, n.Name) {
			names = append(names, n.Name)
		}
	}
	return names
}
