package cause

import (
	"fmt"
	"time"

	"limpet.dev/session"
	"limpet.dev/topology"
)

var _ = register(Cause{
	ID:       "affinity-remap-on-scale",
	Title:    "Adding or removing an instance moves clients of the others",
	Category: Routing,
	Root:     RoutingMisconfiguration,
	Summary: `
Which instance a client belongs to is computed from a key and the set of instances. When an instance is added or removed, the
result changes for part of the clients (about one in n+1 with a consistent hash, most of them with a plain one), although the
instance that has their state is healthy.`,
	LooksAs: "Each time the site scales up or down, a part of all users is signed out at once.",
	Remedy: `
Keep the choice, do not recompute it: a cookie of the balancer's own, or a store that all instances share. Failing that, a consistent hash
("hash-type consistent") and fewer changes of scale.`,
	Rollback: `Going back to the former number of instances moves the same clients once more: better stay.`,
	Runbook: `
1. Compare the moments of the losses with scaling events and with the first request of each instance.
2. Look at the pool: "balance source", "balance hdr(...)", "hash", a ring? Is the hash consistent?
3. Count: how many of the sessions alive at that moment moved, and from which instances? From all, although they stayed up: this is it.
4. Change to a cookie in a quiet hour; scale up once, and look whether anybody moves.`,
	Uses:  []Source{Config, Events, Changes},
	Tells: []Source{BalancerLog},
	Neighbours: map[string]string{
		"affinity-reset-on-reload":      "there nearly all clients move, and the set of instances is what it was",
		"deploy-no-session-drain":       "there only the clients of the instances that went away lose their sessions",
		"affinity-source-ip-unreliable": "there the client's key changes, not the set of instances",
	},
	Detect: detectRemap,
	Lab:    Scenario{Fault: "affinity-remap-on-scale"},
})

func detectRemap(ev *Evidence) []Clue {
	changes := memberChanges(ev)
	n, moment := bestChange(ev, changes)
	if n == 0 {
		return nil
	}
	clues := []Clue{{ID: "at-change", Strength: share(n, len(ev.Breaks)), Source: ofBroken(n, len(ev.Breaks)),
		Text: fmt.Sprintf("%s %s; the sessions were good before and lost after that", moment.name, moment.word)}}
	if clues, yes := excluded(ev, clues); yes {
		return clues
	}
	hash, known := ruleOf(ev, func(a *topology.Affinity) bool {
		return a.WhenScaled == topology.Moves || a.WhenScaled == topology.MovesSome
	})
	switch {
	case hash != nil:
		clues = append(clues, Clue{ID: "computed", Strength: 1, Source: hash.Pos.String(),
			Text: fmt.Sprintf("the instance is computed from the %s and the set of instances; when that changes a client %s", hash.Carrier, hash.WhenScaled)})
	case known:
		clues = append(clues, Clue{ID: "kept", Strength: 1, Against: true, Text: "the configuration keeps clients where they are when the set of instances changes"})
	}
	if k := ev.Count(func(b *Break) bool { return b.TakenOut() || b.FromStarted != nil }); k > 0 {
		clues = append(clues, Clue{ID: "from-gone", Strength: share(k, len(ev.Breaks)), Against: true, Text: "the instance with the state had been taken out or restarted", Source: ofBroken(k, len(ev.Breaks))})
	} else {
		clues = append(clues, Clue{ID: "from-healthy", Strength: 1, Text: "the instances that had the state stayed up and were not restarted"})
	}
	if c, ok := ev.ChangeNear(ev.Breaks[0].At, changeWindow, "scale"); ok {
		clues = append(clues, changeClue(c))
	}
	clues = append(clues, movesSurvive(ev)...)
	return append(clues, sharedState(ev)...)
}

// A memberChange is a moment at which the set of instances changed.
type memberChange struct {
	name, word string
	at         time.Time
}

// memberChanges finds the moments at which instances got their first or last request, well within the window. An
// instance that went down or started anew is no change of the set.
func memberChanges(ev *Evidence) []memberChange {
	var changes []memberChange
	margin := ev.To.Sub(ev.From) / 8
	for _, m := range ev.Members {
		if m.First.Sub(ev.From) > margin {
			changes = append(changes, memberChange{m.Name, "got its first request at " + m.First.Format("15:04:05.000"), m.First})
		}
		if ev.To.Sub(m.Last) > margin && !notedDown(ev, m.Name) {
			changes = append(changes, memberChange{m.Name, "got its last request at " + m.Last.Format("15:04:05.000"), m.Last})
		}
	}
	return changes
}

func notedDown(ev *Evidence, instance string) bool {
	for _, n := range ev.Notices {
		if n.Instance == instance && (n.Kind == session.Health && !n.Up || n.Kind == session.Start && n.Was != "") {
			return true
		}
	}
	return false
}

// bestChange counts the moves that lie across a change of the set. The balancer may know of it a little before the first
// request shows it.
func bestChange(ev *Evidence, changes []memberChange) (n int, best memberChange) {
	most := 0
	for _, b := range ev.Breaks {
		for _, c := range changes {
			if b.Moved && crosses(b, c.at.Add(memberSlack)) || b.Moved && crosses(b, c.at) {
				n++
				break
			}
		}
	}
	for _, c := range changes {
		if k := ev.Count(func(b *Break) bool { return b.Moved && (crosses(b, c.at) || crosses(b, c.at.Add(memberSlack))) }); k > most {
			most, best = k, c
		}
	}
	return n, best
}

// memberSlack is how long after its first request a change may still be taking effect: old connections go on for a while.
const memberSlack = 250 * time.Millisecond
