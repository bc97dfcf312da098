package cause

import (
	"fmt"

	"limpet.dev/topology"
)

var _ = register(Cause{
	ID:       "affinity-reset-on-reload",
	Title:    "A reload of the balancer forgets who belongs where",
	Category: Routing,
	Root:     RoutingMisconfiguration,
	Summary: `
The balancer remembers in a table of its own which client belongs to which instance. A reload or a restart
starts with an empty table, so everybody is dealt out anew, although no instance was added, removed or
even unwell. Most clients land where nobody knows them.`,
	LooksAs: "At one moment, everywhere, a large part of all users is signed out; a minute later all is well, until the next reload.",
	Remedy: `
Let the new process take the table over: a "peers" section with the local process in it, named in the stick-table.
Or let the affinity live in the client: "cookie SRV insert indirect nocache", which survives every reload.`,
	Rollback: `Stop reloading (pause whatever triggers it) until the table is handed over.`,
	Runbook: `
1. Compare the moment of the losses with the balancer's start lines and with what triggers reloads.
2. Look at the table before and after a reload:

       echo "show table be_app" | socat stdio /run/haproxy/admin.sock

3. Does the stick-table name "peers", and is the local process (its host name or -L) in that section?
4. Add the peers section, reload twice in a quiet hour, and compare the number of entries.`,
	Uses:  []Source{HealthLines, Config},
	Tells: []Source{BalancerLog},
	Neighbours: map[string]string{
		"affinity-remap-on-scale": "there an instance was added or removed, and about one client in n+1 moved",
		"deploy-no-session-drain": "there only the clients of restarted instances lose their sessions",
		"affinity-absent":         "there clients move all the time, not only at a reload",
	},
	Detect: detectResetOnReload,
	Lab:    Scenario{Fault: "affinity-reset-on-reload"},
})

func detectResetOnReload(ev *Evidence) []Clue {
	table, tableKnown := learnedTable(ev)
	atReload := ev.Clue("at-reload", "the balancer started anew between the last good request and the lost one", func(b *Break) bool { return b.Moved && b.Reloaded != nil })
	burst := movedAtOnce(ev)
	if atReload == nil && (burst == nil || table == nil) {
		return nil
	}
	clues := append(atReload, burst...)
	if atReload == nil {
		clues = append(clues, Clue{ID: "no-start-line", Strength: 1, Against: true, Text: "the log has no start line of the balancer near the losses"})
	}
	switch {
	case table != nil && !table.Local && !table.Shared:
		clues = append(clues, Clue{ID: "table", Strength: 1, Text: "affinity is a table in the balancer's memory, and no peers section hands it to the next process", Source: table.Pos.String()})
	case table != nil:
		clues = append(clues, Clue{ID: "table-kept", Strength: 1, Against: true, Text: "the affinity table is handed on through peers", Source: table.Pos.String()})
	case tableKnown:
		clues = append(clues, Clue{ID: "no-table", Strength: 1, Against: true, Text: "the configuration keeps no affinity table"})
	}
	if n := ev.Count(func(b *Break) bool { return b.TakenOut() || b.FromStarted != nil }); n > 0 {
		clues = append(clues, Clue{ID: "from-gone", Strength: share(n, len(ev.Breaks)), Against: true, Text: "the instance with the state had been taken out or restarted", Source: ofBroken(n, len(ev.Breaks))})
	} else {
		clues = append(clues, Clue{ID: "from-healthy", Strength: 1, Text: "the instances that had the state stayed up and were not restarted"})
	}
	if n, moment := bestChange(ev, memberChanges(ev)); n*2 > len(ev.Breaks) {
		clues = append(clues, Clue{ID: "members-changed", Strength: share(n, len(ev.Breaks)), Against: true, Text: "the set of instances changed: " + moment.name + " " + moment.word, Source: ofBroken(n, len(ev.Breaks))})
	}
	clues = append(clues, movesSurvive(ev)...)
	clues = append(clues, sharedState(ev)...)
	if c, ok := ev.ChangeNear(ev.Breaks[0].At, changeWindow, "config", "restart", "scale"); ok {
		clues = append(clues, changeClue(c))
	}
	return clues
}

// learnedTable returns the table by which the pool binds clients; known is false without a configuration.
func learnedTable(ev *Evidence) (table *topology.Affinity, known bool) {
	rules, known := ev.AffinityOf()
	for i := range rules {
		if rules[i].Method == topology.MethodTable {
			return &rules[i], true
		}
	}
	return nil, known
}

// movedAtOnce says whether the moves of the cluster crowd around few moments.
func movedAtOnce(ev *Evidence) []Clue {
	if len(ev.Breaks) < 4 {
		return nil
	}
	n := 0
	for _, b := range ev.Breaks {
		if b.Moved && !b.LastGood.IsZero() {
			n++
		}
	}
	if share(n, len(ev.Breaks)) < 0.5 {
		return nil
	}
	crossed, at := mostCrossed(ev.Breaks)
	s := share(crossed, len(ev.Breaks))
	if s < 0.6 {
		return nil
	}
	return []Clue{{ID: "one-moment", Strength: s, Text: fmt.Sprintf("the losses share one moment, %s: their last good request lies before it, the lost one after it", at.Format("15:04:05.000")), Source: ofBroken(crossed, len(ev.Breaks))}}
}
