package cause

import (
	"fmt"
	"time"

	"limpet.dev/session"
)

var _ = register(Cause{
	ID:       "store-flushed-with-cache",
	Title:    "Clearing a cache emptied the session store",
	Category: Storage,
	Root:     StorageOutage,
	Summary: `
Sessions share a store with cached data, and somebody or something emptied it: a deployment step that clears the cache, a
flush command, a shared database number. In one instant every session is gone, on every instance, while the
store itself stays up.`,
	LooksAs: "Everybody is signed out in the same second, wherever they are; signing in again works at once and lasts.",
	Remedy: `
Keep sessions apart from caches: another store, another database with its own rights, or at least a prefix and a clean-up that
deletes by prefix. Forbid FLUSHALL and FLUSHDB to the application's user.`,
	Rollback: `None: what was flushed is gone, unless the store kept a snapshot. Stop whatever flushes before it runs again.`,
	Runbook: `
1. Find the instant: limpet diagnose names it to the millisecond. What ran then?
2. Ask the store how often it was flushed:

       redis-cli info commandstats | grep -i flush

3. Look for cache-clearing steps in deployments and timers.
4. Separate sessions from caches, or take the right to flush away, and run the step again in a quiet hour.`,
	Uses:  []Source{Events, Declaration},
	Tells: []Source{Events},
	Neighbours: map[string]string{
		"store-restart-volatile":        "there connections to the store broke first, and its uptime restarted",
		"store-eviction":                "there the oldest idle sessions go first, with load, not all in one instant",
		"key-rotation-without-fallback": "there the application says that it cannot read the credential",
		"affinity-remap-on-scale":       "there only sessions that changed their instance are lost",
		"store-failover-writes-fail":    "there reads go on, writes fail, and what was written before is still there",
	},
	Detect: detectFlush,
	Lab:    Scenario{Fault: "store-flushed-with-cache"},
})

func detectFlush(ev *Evidence) []Clue {
	crossed, at, ok := oneInstant(ev)
	s := share(crossed, len(ev.Breaks))
	if !ok {
		return nil
	}
	if a, ok := ageOf(ev); ok && a.older > onlyIdle {
		return nil // whoever was busy lived on
	}
	clues := []Clue{{ID: "one-instant", Strength: s, Text: fmt.Sprintf("all that was last good before %s was gone after it", at.Format("15:04:05.000")), Source: ofBroken(crossed, len(ev.Breaks))}}
	if held := heldAcross(ev, at); held > 0.2 {
		clues = append(clues, Clue{ID: "same-instance", Strength: held, Text: "the instance that had honoured the session did not know it any more", Source: percent(held) + " of the sessions broken at that moment"})
	} else {
		clues = append(clues, Clue{ID: "only-moved", Strength: 1 - held, Against: true, Text: "only sessions that changed their instance were lost"})
	}
	clues = append(clues, allInstances(ev)...)
	switch {
	case ev.SharedStorage():
		clues = append(clues, Clue{ID: "shared", Strength: 1, Text: "the state lives in a store that all instances share (" + ev.Storage + ")", Source: ev.Declared.StoragePos.String()})
	case ev.Storage == "memory":
		clues = append(clues, Clue{ID: "memory", Strength: 1, Against: true, Text: "the state lives in the memory of the instances"})
	}
	if n := ev.Count(func(b *Break) bool { return badSignature(b.Reason) }); n > 0 {
		clues = append(clues, Clue{ID: "signature", Strength: share(n, len(ev.Breaks)), Against: true, Text: "the application could not verify the credential", Source: ofBroken(n, len(ev.Breaks))})
	}
	if n := ev.Count(func(b *Break) bool { return b.Result&session.AppError != 0 || b.Reason == "timeout" }); n > 0 {
		clues = append(clues, Clue{ID: "store-errors", Strength: share(n, len(ev.Breaks)), Against: true, Text: "the store gave errors", Source: ofBroken(n, len(ev.Breaks))})
	}
	if n := ev.Count(func(b *Break) bool { return b.FromStarted != nil }); n > 0 {
		clues = append(clues, Clue{ID: "restarted", Strength: share(n, len(ev.Breaks)), Against: true, Text: "the instance had started anew", Source: ofBroken(n, len(ev.Breaks))})
	}
	clues = append(clues, laterFine(ev, at)...)
	if c, ok := ev.ChangeNear(at, changeWindow, "store", "deploy", "config"); ok {
		clues = append(clues, changeClue(c))
	}
	return clues
}

// oneInstant returns the moment that most breaks of the run share, if most of the cluster share it, or else
// the cluster's own. A flush strikes in several ways (some sessions would have moved, some not), so that small
// clusters belong to it too.
func oneInstant(ev *Evidence) (crossed int, at time.Time, ok bool) {
	all, at := mostCrossed(ev.All)
	crossed = ev.Count(func(b *Break) bool { return crosses(b, at) })
	if all >= 3 && share(crossed, len(ev.Breaks)) >= 0.6 {
		return crossed, at, true
	}
	if len(ev.Breaks) < 3 {
		return 0, at, false
	}
	crossed, at = mostCrossed(ev.Breaks)
	return crossed, at, share(crossed, len(ev.Breaks)) >= 0.6
}

// heldAcross returns how many of the sessions that broke at a moment had stayed on their instance.
func heldAcross(ev *Evidence, at time.Time) float64 {
	held, all := 0, 0
	for _, b := range ev.All {
		if crosses(b, at) {
			all++
			if !b.Moved {
				held++
			}
		}
	}
	return share(held, all)
}

// allInstances says over how many instances the losses are spread.
func allInstances(ev *Evidence) []Clue {
	seen := map[string]bool{}
	for _, b := range ev.Breaks {
		seen[b.To] = true
	}
	served := 0
	for _, t := range ev.People.ByInstance {
		if t.Total() > 0 {
			served++
		}
	}
	if served < 2 {
		return nil
	}
	if len(seen) == served {
		return []Clue{{ID: "everywhere", Strength: 1, Text: fmt.Sprintf("all %d instances were concerned", served)}}
	}
	return []Clue{{ID: "not-everywhere", Strength: 1 - share(len(seen), served), Against: true, Text: fmt.Sprintf("only %d of %d instances were concerned", len(seen), served)}}
}

// laterFine says whether sessions begun after the instant lived on.
func laterFine(ev *Evidence, at time.Time) []Clue {
	later := 0
	for _, b := range ev.All {
		if b.Created.After(at.Add(2 * time.Second)) {
			later++
		}
	}
	if later*5 > len(ev.All) {
		return []Clue{{ID: "later-too", Strength: share(later, len(ev.All)), Against: true, Text: "sessions begun after that moment were lost as well", Source: fmt.Sprintf("%d sessions", later)}}
	}
	return []Clue{{ID: "later-fine", Strength: 1 - share(later, len(ev.All)), Text: "sessions begun after that moment lived on"}}
}
