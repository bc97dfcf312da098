package cause

import (
	"fmt"

	"limpet.dev/topology"
)

var _ = register(Cause{
	ID:       "affinity-source-ip-unreliable",
	Title:    "Clients are known by an address that does not stay theirs",
	Category: Routing,
	Root:     RoutingMisconfiguration,
	Summary: `
The balancer binds clients to instances by their address. Addresses change: phones pass from network to network, companies and providers
send requests out through several proxies, and behind a CDN or another proxy many users share the few addresses of that. With each
change the client goes to another instance.`,
	LooksAs: "Mostly people on the move, or in certain companies, are signed out; some instances have far more load than others.",
	Remedy: `
Bring clients back by a cookie of the balancer's own. Behind a CDN or proxy at least read the client's address from a header that only the
trusted proxy can set.`,
	Rollback: `Restore the former algorithm; clients move once more.`,
	Runbook: `
1. Look at the pool: "balance source", "ip_hash", "stick on src", "sessionAffinity: ClientIP"?
2. Count addresses against sessions in the report: far fewer addresses mean a proxy in front, more mean clients that change theirs.
3. Follow one broken session (limpet session): did its network change at the move?
4. Switch to a cookie, in a quiet hour: everybody moves once.`,
	Uses:  []Source{Config, Events},
	Tells: []Source{BalancerLog, Addresses},
	Neighbours: map[string]string{
		"session-ip-binding":            "there the instance stays the same, and the application rejects the new address",
		"affinity-remap-on-scale":       "there addresses stay and the set of instances changes",
		"affinity-cookie-expires-first": "there the address stays and the table forgets it in a pause",
		"affinity-absent":               "there clients move whatever their address does",
	},
	Detect: detectUnreliableAddress,
	Lab:    Scenario{Fault: "affinity-source-ip-unreliable"},
})

func detectUnreliableAddress(ev *Evidence) []Clue {
	clues := ev.Clue("address-changed", "the client's address had changed since the last good request", func(b *Break) bool { return b.Moved && b.Readdressed })
	if clues == nil {
		return nil
	}
	if clues, yes := excluded(ev, clues); yes {
		return clues
	}
	changed, came := moves(ev.People.ByNewAddress)
	moved, compared := ev.Counts.Moved-changed, ev.Counts.Held+ev.Counts.Moved-came
	text := fmt.Sprintf("of follow-ups from a new address %s moved, of the others %s", rate(changed, came), rate(max(0, moved), compared))
	if c, o := share64(changed, came), share64(moved, compared); c > 0.2 && c > 3*o {
		clues = append(clues, Clue{ID: "contrast", Strength: min(1, c/0.6), Text: text})
	} else if c < 2*o {
		clues = append(clues, Clue{ID: "no-contrast", Strength: 1, Against: true, Text: text})
	}
	byAddress, known := ruleOf(ev, keyedOnAddress)
	switch {
	case byAddress != nil:
		clues = append(clues, Clue{ID: "by-address", Strength: 1, Text: "the balancer brings clients back by their address (" + describeRule(*byAddress) + ")", Source: byAddress.Pos.String()})
	case known:
		clues = append(clues, Clue{ID: "other-key", Strength: 1, Against: true, Text: "no affinity rule is keyed on the client's address"})
	}
	if nodes := equalNodes(ev); len(nodes) > 1 {
		if n := ev.Count(func(b *Break) bool { return b.Node != b.GoodNode && b.GoodNode != "" }); n*10 > len(ev.Breaks)*8 {
			clues = append(clues, Clue{ID: "other-balancer", Strength: 1, Against: true, Text: "the request came through another balancer as well", Source: ofBroken(n, len(ev.Breaks))})
		}
	}
	return append(clues, usual(ev)...)
}

// keyedOnAddress reports whether a rule knows clients by their address.
func keyedOnAddress(a *topology.Affinity) bool {
	return a.Method == topology.MethodSource || a.Method == topology.MethodTable && (a.TableType == "ip" || a.TableType == "ipv6" || a.Carrier == "source address")
}
