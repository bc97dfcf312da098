package cause

import (
	"fmt"
	"time"
)

var _ = register(Cause{
	ID:       "signing-key-differs-between-nodes",
	Title:    "Instances cannot read what another one signed",
	Category: Deploy,
	Root:     StorageOutage,
	Summary: `
The session travels in the client's cookie, signed or encrypted by the instance that wrote it, and the instances do not all
have the same secret. Whatever instance reads a cookie of another one finds its signature wrong and treats the user as a
stranger, often clearing the cookie as well.`,
	LooksAs: "Users are signed out whenever their request reaches another instance; signing in helps until the next change.",
	Remedy: `
Give every instance the same secret, from one place (a secret manager, one file), and let the application refuse to start without
it. Affinity would hide the fault, not cure it.`,
	Rollback: `Run a single instance, or only instances that share a secret, until the secret is the same everywhere.`,
	Runbook: `
1. Compare a fingerprint of the secret on all instances (never the secret itself):

       printf %s "$SESSION_SECRET" | sha256sum | cut -c1-8

2. Take a cookie that one instance issued to another one directly; is it refused?
3. Set the one secret everywhere and restart the instances one after the other, the ones that differ first.
4. Check that credentials now survive a change of instance: limpet diagnose shows moves that are honoured.`,
	Uses: []Source{Events},
	Neighbours: map[string]string{
		"session-store-node-local":         "there the id is unknown rather than its signature wrong",
		"signing-key-regenerated-on-start": "there everything fails that is older than an instance's start",
		"key-rotation-without-fallback":    "there one moment divides what can be read from what cannot, for all instances alike",
		"affinity-absent":                  "there the state lives in the memory of one instance",
	},
	Detect: detectSigningKey,
	Lab:    Scenario{Fault: "signing-key-differs-between-nodes"},
})

func detectSigningKey(ev *Evidence) []Clue {
	refused := ev.Clue("refused", "the application says that it could not verify or read the credential", func(b *Break) bool { return badSignature(b.Reason) })
	if refused == nil && !ev.InCookie {
		return nil
	}
	clues := refused
	if ev.InCookie {
		clues = append(clues, Clue{ID: "in-cookie", Strength: 1, Text: "the session lives in the cookie itself", Source: ev.Declared.StoragePos.String()})
	}
	moved := ev.Clue("moved", "it happened at a change of instance", func(b *Break) bool { return b.Moved })
	if moved == nil {
		return append(clues, Clue{ID: "same-instance", Strength: 1, Against: true, Text: "the instance that issued the credential refused it itself"})
	}
	clues = append(clues, moved...)
	clues = append(clues, byPair(ev)...)
	clues = append(clues, quietBefore(ev)...)
	if n := ev.Count(func(b *Break) bool { return hadStarted(b.FromStarted, b) || hadStarted(b.ToStarted, b) }); share(n, len(ev.Breaks)) > 0.5 {
		clues = append(clues, Clue{ID: "after-start", Strength: share(n, len(ev.Breaks)), Against: true, Text: "an instance had started anew in between", Source: ofBroken(n, len(ev.Breaks))})
	} else {
		clues = append(clues, Clue{ID: "at-all-times", Strength: 1 - share(n, len(ev.Breaks)), Text: "no instance had started anew in between"})
	}
	return clues
}

// quietBefore speaks against a standing difference where sessions moved and were honoured for a while before the first loss.
func quietBefore(ev *Evidence) []Clue {
	s, moved, all := &ev.People.Series, 0, 0
	for i, st := range s.Steps {
		all += int(st.Moved)
		if !time.Unix(0, s.Start+int64(i+1)*s.Step).After(ev.All[0].At) {
			moved += int(st.Moved)
		}
	}
	if moved < 20 || moved*6 < all {
		return nil
	}
	return []Clue{{ID: "quiet-before", Strength: 1, Against: true, Text: "before the first loss sessions moved and were known everywhere", Source: fmt.Sprintf("%d moves", moved)}}
}

// byPair says whether pairs of instances either always or never understand each other.
func byPair(ev *Evidence) []Clue {
	var clear, n int
	var never []string
	for pair, t := range ev.People.ByPair {
		judged := t.Honoured + t.Trouble
		if judged < 3 {
			continue
		}
		n++
		good := float64(t.Honoured) / float64(judged)
		if good < 0.15 || good > 0.85 {
			clear++
		}
		if good < 0.15 {
			never = append(never, ev.Names.Instances.Name(pair.From)+" to "+ev.Names.Instances.Name(pair.To))
		}
	}
	if n < 2 || len(never) == 0 {
		return nil
	}
	return []Clue{{ID: "by-pair", Strength: share(clear, n), Text: fmt.Sprintf("pairs of instances either understand each other or never do; never: %s", some(never, 4)), Source: fmt.Sprintf("%d of %d pairs", clear, n)}}
}
