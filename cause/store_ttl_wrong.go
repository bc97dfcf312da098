package cause

import (
	"fmt"
	"time"
)

var _ = register(Cause{
	ID:       "store-ttl-wrong",
	Title:    "The store forgets sessions sooner than they are promised to live",
	Category: Storage,
	Root:     StorageOutage,
	Summary: `
Each session gets a time to live in the store, and that time is shorter than the idle time that users are promised: a wrong unit, a
number too large for its field, a default that nobody set, or one instance with another setting than the rest. Whoever rests longer
than that, and shorter than promised, finds the session gone.`,
	LooksAs: "Users are signed out after the same short pause, always; whoever keeps clicking stays signed in.",
	Remedy: `
Set the store's time to live to the idle time that you promise or longer, in the unit that the library expects, on every
instance, and renew it with each use. Let the application refuse to start with a value that does not fit.`,
	Rollback: `The former value; new and renewed sessions get it at once.`,
	Runbook: `
1. Read a fresh session's time to live from the store, on keys that each instance wrote:

       redis-cli --scan --pattern 'sess:*' | head -3 | xargs -n1 redis-cli pttl

2. Compare it with the idle time in limpet.yaml and with the cookie's Max-Age.
3. Look for the unit (seconds or milliseconds), for values above 2147483647, and for instances that differ.
4. Correct the value, restart the instances concerned, and read the time to live again.`,
	Uses:  []Source{Declaration, Events},
	Tells: []Source{Events},
	Neighbours: map[string]string{
		"store-eviction":              "there no single age divides the lost from the living, and it comes with load",
		"store-cleanup-peer-mismatch": "there losses come in periodic waves",
		"clock-skew":                  "there sessions are refused as expired right after they were made, on one instance",
	},
	Detect: detectShortLife,
	Lab:    Scenario{Fault: "store-ttl-wrong"},
})

func detectShortLife(ev *Evidence) []Clue {
	a, ok := ageOf(ev)
	if !ok || a.older < onlyIdle || !fromStore(ev) {
		return nil
	}
	writer := oneWriter(ev, false)
	if writer == nil && (a.constant() < nearlyOneAge || a.lost < fewestRests) {
		return nil
	}
	clues := promised(ev, &a)
	if clues == nil && writer == nil {
		return nil // one age that contradicts nothing is idle expiry
	}
	clues = append(clues, writer...)
	if writer == nil {
		clues = append(clues, ageClues(&a, true)...)
	}
	clues = append(clues, storeClues(ev)...)
	clues = append(clues, goneThere(ev)...)
	if crossed, _, ok := oneInstant(ev); ok {
		clues = append(clues, Clue{ID: "one-instant", Strength: share(crossed, len(ev.Breaks)), Against: true, Text: "all were lost in one instant", Source: ofBroken(crossed, len(ev.Breaks))})
	}
	return append(clues, missClues(ev)...)
}

// nearlyOneAge is the share of longer rests that must end in a loss for a time to live to be thought of at all.
const nearlyOneAge = 0.6

// promised compares the age at the losses with the declared idle time.
func promised(ev *Evidence, a *age) []Clue {
	if ev.Declared.Idle == 0 {
		return nil
	}
	rests := restsOf(ev.Breaks)
	n := 0
	for _, r := range rests {
		if r < ev.Declared.Idle {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return []Clue{{ID: "before-its-time", Strength: share(n, len(rests)), Source: ev.Declared.StoragePos.String(),
		Text: fmt.Sprintf("sessions are gone after a rest of %s, though %s is promised", a.from.Round(10*time.Millisecond), ev.Declared.Idle)}}
}

// fewestOfOne is the least number of losses of which it says something that one instance served them all.
const fewestOfOne = 6

// oneWriter says whether the sessions that are lost were all used last on one instance, although others serve as many.
func oneWriter(ev *Evidence, against bool) []Clue {
	breaks := ev.Breaks
	if len(breaks) < enoughRests {
		breaks = ev.All
	}
	if len(breaks) < fewestOfOne {
		return nil
	}
	from := map[string]int{}
	for _, b := range breaks {
		from[b.From]++
	}
	most, name := 0, ""
	for n, k := range from {
		if k > most || k == most && n < name {
			most, name = k, n
		}
	}
	var there, all int64
	for id, t := range ev.People.ByInstance {
		all += t.Total()
		if ev.Names.Instances.Name(uint16(id)) == name {
			there = t.Total()
		}
	}
	if name == "" || all == 0 || share(most, len(breaks)) < min(0.9, 0.4+float64(there)/float64(all)) || float64(there) > 0.5*float64(all) {
		return nil
	}
	return []Clue{{ID: "one-writer", Strength: share(most, len(breaks)), Against: against, Source: ofBroken(most, len(breaks)),
		Text: fmt.Sprintf("the lost sessions were used last on %s, which served only %s of the requests", name, percent(float64(there)/float64(all)))}}
}
