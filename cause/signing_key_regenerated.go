package cause

import (
	"fmt"
	"time"

	"limpet.dev/session"
)

var _ = register(Cause{
	ID:       "signing-key-regenerated-on-start",
	Title:    "Each start makes a new signing key, and old cookies are refused",
	Category: Deploy,
	Root:     StorageOutage,
	Summary: `
The session travels in the client's cookie, signed or encrypted with a secret that the process makes for itself when it starts: a
fallback for a setting that is missing, a key file on a disk that does not survive the container. When an instance starts anew, every
cookie that it had signed before is refused, and instances that started apart cannot read each other's.`,
	LooksAs: "All users of an instance are signed out when it restarts, even with the same release; signing in helps until the next restart.",
	Remedy: `
Give the secret to all instances from one place (a secret manager, a mounted file), and let the application refuse to start without it.
Remove the fallback that makes one up.`,
	Rollback: `Do not restart what still runs. If the former key was kept, put it back; cookies signed with it work again.`,
	Runbook: `
1. Compare the times of the losses with the process starts: limpet diagnose lists both.
2. Look for a made-up secret in the application's log at its start ("using a random secret", "generated"), and for the setting that is missing.
3. Restart one instance in a quiet hour with a fingerprint of its secret before and after:

       printf %s "$SESSION_SECRET" | sha256sum | cut -c1-8

4. Set one secret for all, restart the instances one after the other, and check that cookies survive the second restart.`,
	Uses:  []Source{Events, HealthLines},
	Tells: []Source{Events},
	Neighbours: map[string]string{
		"signing-key-differs-between-nodes": "there instances refuse each other's cookies at all times, whether or not one started anew",
		"key-rotation-without-fallback":     "there a setting or a release changed, and after one moment all instances read all new cookies",
		"deploy-no-session-drain":           "there the state lived in the memory of the instance that was replaced",
		"namespace-changes-per-build":       "there the release changed, and the old release still finds the session",
	},
	Detect: detectFreshKeys,
	Lab:    Scenario{Fault: "signing-key-regenerated-on-start"},
})

func detectFreshKeys(ev *Evidence) []Clue {
	refused := ev.Clue("refused", "the application says that it could not verify or read the credential", func(b *Break) bool { return badSignature(b.Reason) })
	if refused == nil && !ev.InCookie {
		return nil
	}
	starts := beginnings(ev)
	if len(starts) == 0 {
		return nil
	}
	clues := refused
	if ev.InCookie {
		clues = append(clues, Clue{ID: "in-cookie", Strength: 1, Text: "the session lives in the cookie itself", Source: ev.Declared.StoragePos.String()})
	}
	clues = append(clues, ev.Clue("after-start", "the instance that signed it, or the one that was asked, had started anew before", func(b *Break) bool {
		return startedBefore(starts, b.From, b.At) || startedBefore(starts, b.To, b.At)
	})...)
	clues = append(clues, ev.Clue("older-than-start", "the credential was older than the instance's start", func(b *Break) bool {
		return hadStarted(b.FromStarted, b) || b.FromDown != nil
	})...)
	clues = append(clues, noneBefore(ev, starts[0].At)...)
	if releases, known := newReleases(ev.Starts("")); len(releases) > 0 {
		clues = append(clues, Clue{ID: "release", Strength: 1, Against: true, Text: "the restarted instances run a new release: " + some(releases, 3)})
	} else if known {
		clues = append(clues, Clue{ID: "same-release", Strength: 1, Text: "the restarted instances run the same release as before"})
	}
	return append(clues, storedElsewhere(ev)...)
}

// beginnings returns the starts of processes or, where nothing says so, the times at which instances came back.
func beginnings(ev *Evidence) []Notice {
	if starts := ev.Starts(""); len(starts) > 0 {
		return starts
	}
	var back []Notice
	if ev.Events {
		return nil // processes say when they start: none did
	}
	for _, n := range ev.Notices {
		if n.Kind == session.Health && n.Up {
			back = append(back, n)
		}
	}
	return back
}

func startedBefore(starts []Notice, instance string, at time.Time) bool {
	for _, s := range starts {
		if s.Instance == instance && s.At.Before(at.Add(stampSlack)) {
			return true
		}
	}
	return false
}

// noneBefore says whether anything was refused before the first start.
func noneBefore(ev *Evidence, first time.Time) []Clue {
	before := 0
	for _, b := range ev.All {
		if b.At.Before(first.Add(-startSpread)) {
			before++
		}
	}
	if before == 0 {
		return []Clue{{ID: "none-before", Strength: 1, Text: fmt.Sprintf("nothing was lost before the first start at %s", first.Format("15:04:05.000"))}}
	}
	return []Clue{{ID: "before-too", Strength: min(1, 10*share(before, len(ev.All))), Against: true, Text: "sessions were lost before any instance had started anew", Source: fmt.Sprintf("%d of %d", before, len(ev.All))}}
}

// storedElsewhere speaks against a cause in cookies where the state lives on the server.
func storedElsewhere(ev *Evidence) []Clue {
	if ev.InCookie || ev.Storage == "" {
		return nil
	}
	return []Clue{{ID: "stored", Strength: 1, Against: true, Text: "the state lives on the server (" + ev.Storage + ")"}}
}

// hadStarted reports whether a start came before a break, not right after it.
func hadStarted(start *Notice, b *Break) bool {
	return start != nil && !start.At.After(b.At.Add(stampSlack))
}

// stampSlack is how far the clocks of an instance and of the balancer may differ after correction.
const stampSlack = 150 * time.Millisecond

// startSpread is how much earlier than it says a process may have ended its former life.
const startSpread = 400 * time.Millisecond
