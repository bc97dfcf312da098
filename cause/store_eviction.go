package cause

import "fmt"

var _ = register(Cause{
	ID:       "store-eviction",
	Title:    "The store is full and throws live sessions out",
	Category: Storage,
	Root:     StorageOutage,
	Summary: `
The store that holds the sessions may only use so much memory, and something fills it: cached pages beside the sessions, a surge of
visitors, robots. It makes room by removing what was not used for longest, and that are sessions of people who are reading,
paying elsewhere or at lunch. The store reports no error; a look-up simply finds nothing.`,
	LooksAs: "Users who paused for a while are signed out long before their time, mostly at busy hours; the busy ones notice nothing.",
	Remedy: `
Give sessions a store of their own, with memory for the busiest hour and a policy that refuses instead of evicting (noeviction), and
an alert before it is full. Bound what else is cached.`,
	Rollback: `Raise the store's memory limit at once; what was evicted is gone.`,
	Runbook: `
1. Ask the store whether it evicts, and how full it is:

       redis-cli info stats | grep evicted_keys
       redis-cli info memory | grep -E 'used_memory_human|maxmemory_human|maxmemory_policy'

2. Compare when evicted_keys grows with the times of the losses in limpet diagnose.
3. See what fills it: redis-cli --bigkeys, or the share of keys with the session prefix.
4. Raise maxmemory, or stop the job that fills it. Then move sessions to a store of their own.`,
	Uses:  []Source{Events, Declaration},
	Tells: []Source{Events},
	Neighbours: map[string]string{
		"store-ttl-wrong":             "there one age divides the lost from the living, whatever the load",
		"store-flushed-with-cache":    "there all sessions go in one instant, busy ones too",
		"store-cleanup-peer-mismatch": "there losses come in regular waves, whatever the load",
	},
	Detect: detectEviction,
	Lab:    Scenario{Fault: "store-eviction"},
})

func detectEviction(ev *Evidence) []Clue {
	a, ok := ageOf(ev)
	said := ev.Clue("evicted", "the application says that the session was evicted", func(b *Break) bool { return b.Reason == "evicted" })
	if !ok && said == nil {
		return nil
	}
	clues := said
	writer := oneWriter(ev, true)
	if ok {
		least := mostlyIdle
		if _, _, shared := oneInstant(ev); shared {
			least = onlyIdle
		}
		if (a.older < least || !fromStore(ev)) && said == nil {
			return nil // busy sessions go as well, or only those that moved
		}
		if a.constant() >= oneAge && a.lost >= enoughRests && said == nil {
			return nil // one age for all
		}
		clues = append(clues, Clue{ID: "idle-first", Strength: 1, Text: "those who had rested for long lost their session, busy ones did not",
			Source: fmt.Sprintf("a lost session had rested longer than %s of the honoured ones", percent(a.older))})
		if writer == nil {
			clues = append(clues, ageClues(&a, false)...)
		}
	}
	clues = append(clues, storeClues(ev)...)
	clues = append(clues, goneThere(ev)...)
	clues = append(clues, writer...)
	if crossed, _, ok := oneInstant(ev); ok {
		clues = append(clues, Clue{ID: "one-instant", Strength: share(crossed, len(ev.Breaks)), Against: true, Text: "all were lost in one instant", Source: ofBroken(crossed, len(ev.Breaks))})
	}
	return append(clues, missClues(ev)...)
}
