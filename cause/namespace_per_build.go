package cause

import (
	"fmt"

	"limpet.dev/session"
)

var _ = register(Cause{
	ID:       "namespace-changes-per-build",
	Title:    "Each release looks for sessions under other names",
	Category: Deploy,
	Root:     StorageOutage,
	Summary: `
The name under which a session is stored holds something that changes with each build: a release number, a commit, a hash of the
assets. The new release looks where nothing is; the sessions are still there, under the old release's names, until they expire. While both releases
run, users flip between being known and being strangers.`,
	LooksAs: "With every release everybody is signed out, although sessions live in a shared store; during the roll-out the same user is known and unknown in turn.",
	Remedy: `
Take the build out of the prefix (and out of the cookie's name). Where two releases must not read each other's state, version the state
inside the record, and read the older form.`,
	Rollback: `The previous release: it finds its sessions again, as long as they have not expired.`,
	Runbook: `
1. Pause the roll-out: instances of the old release still find the sessions.
2. List the prefixes under which sessions stand:

       redis-cli --scan | sed 's/[^:]*$//' | sort | uniq -c | sort -rn | head

3. Look for a build number, a commit or an application version in the session library's prefix, also by default.
4. Fix the prefix, release, and check that limpet diagnose shows sessions that survive the change of release.`,
	Uses:  []Source{Events, Declaration, Changes},
	Tells: []Source{Events},
	Neighbours: map[string]string{
		"deploy-no-session-drain":          "there the state lived in the memory of the instance that was replaced",
		"store-flushed-with-cache":         "there the sessions are gone for the old release too",
		"signing-key-regenerated-on-start": "there the application says that it cannot verify the credential",
		"store-serialization-incompatible": "there the application says that it cannot decode the record that it found",
	},
	Detect: detectBuildNames,
	Lab:    Scenario{Fault: "namespace-changes-per-build"},
})

func detectBuildNames(ev *Evidence) []Clue {
	clues := ev.Clue("other-release", "the instance asked ran another release than the one that had known the session", otherRelease)
	if clues == nil {
		if clues = ev.Clue("back-and-empty", "the instance asked had been out and came back before", func(b *Break) bool { return !ev.Events && wasBack(ev, b) }); clues == nil {
			return nil
		}
	}
	clues = append(clues, contradiction(ev, "same-release", "both instances ran the same release", func(b *Break) bool {
		return b.FromRelease != "" && b.FromRelease == b.Release
	})...)
	clues = append(clues, ev.Clue("found-again", "an instance of the former release found the session again: it was never gone", func(b *Break) bool {
		return b.FoundRelease != "" && b.FoundRelease == b.FromRelease && b.FoundRelease != b.Release
	})...)
	clues = append(clues, storeClues(ev)...)
	clues = append(clues, contradiction(ev, "signature", "the application could not verify the credential", func(b *Break) bool { return badSignature(b.Reason) })...)
	clues = append(clues, contradiction(ev, "store-errors", "the store gave errors", func(b *Break) bool { return b.Result&session.AppError != 0 })...)
	if starts := ev.Starts(""); len(starts) > 0 {
		clues = append(clues, noneBefore(ev, starts[0].At)...)
	}
	if honoured, all := ev.MovesHonoured(); all >= 10 && honoured > 0 {
		clues = append(clues, Clue{ID: "some-moves", Strength: min(1, 2*float64(honoured)/float64(all)), Text: "sessions survive a move between other instances", Source: fmt.Sprintf("%d of %d moves were honoured", honoured, all)})
	}
	if c, ok := ev.ChangeNear(ev.Breaks[0].At, changeWindow, "deploy"); ok {
		clues = append(clues, changeClue(c))
	}
	return clues
}

// wasBack reports whether the instance asked had been taken out and had come back before a break.
func wasBack(ev *Evidence, b *Break) bool {
	for _, n := range ev.Notices {
		if n.Kind == session.Health && n.Up && n.Instance == b.To && n.At.Before(b.At) {
			return true
		}
	}
	return false
}
