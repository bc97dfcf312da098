package cause

import (
	"fmt"

	"limpet.dev/session"
	"limpet.dev/topology"
)

var _ = register(Cause{
	ID:       "affinity-absent",
	Title:    "The balancer brings nobody back to their instance",
	Category: Routing,
	Root:     RoutingMisconfiguration,
	Summary: `
Each instance keeps its sessions to itself, and the balancer has no rule that brings a
client back to the instance that knows it. Requests are dealt out one after the other, so
most of them reach an instance that never heard of the session.`,
	LooksAs: "Users are signed out at random, often right after signing in; reloading the page sometimes helps for one click.",
	Remedy: `
Bring clients back by a cookie of the balancer's own, or keep sessions in a store that all
instances share. In HAProxy: "cookie SRV insert indirect nocache" in the backend, and "cookie <name>" on
every server.`,
	Rollback: `Remove the directive again; clients simply lose the balancer's cookie. At once: run a single instance.`,
	Runbook: `
1. Look at the pool in the configuration: is there a "cookie" or "stick" directive, or a hashing "balance"?
2. Make two requests with one cookie jar and compare which instance answered:

       curl -s -c jar -b jar -o /dev/null -D - http://shop.example/cart

3. Take all instances but one out of the pool. If nobody is signed out any more, this is it.
4. Add the affinity directive, reload, and watch "held" in limpet diagnose rise to nearly all.`,
	Uses:  []Source{Config, Events},
	Tells: []Source{Declaration},
	Neighbours: map[string]string{
		"session-store-node-local":          "there the state lives in files or an embedded database of one instance: the cure is a shared store",
		"affinity-cookie-not-returned":      "there the configuration has an affinity cookie, and some clients do not send it back",
		"signing-key-differs-between-nodes": "there the application says that it cannot verify the credential, or the session lives in the cookie",
		"affinity-cookie-path-scope":        "there the balancer has a cookie, which comes only below its Path",
		"affinity-second-hop":               "there the balancer keeps clients where they are, and what stands behind it spreads them again",
	},
	Detect: detectAffinityAbsent,
	Lab:    Scenario{Fault: "affinity-absent"},
})

func detectAffinityAbsent(ev *Evidence) []Clue {
	moved := ev.Clue("moved", "the request that failed went to another instance than the one before it", func(b *Break) bool { return b.Moved })
	if moved == nil {
		return nil
	}
	clues := moved
	rules, known := ev.AffinityOf()
	switch {
	case known && len(rules) == 0:
		c := Clue{ID: "no-rule", Strength: 1, Text: "the pool has no affinity rule at all"}
		if ps := ev.pools(); len(ps) > 0 {
			c.Text = fmt.Sprintf("pool %s has %d instances and no affinity rule", ps[0].Name, len(ps[0].Instances))
			c.Source = ps[0].Pos.String()
		}
		clues = append(clues, c)
	case known:
		clues = append(clues, Clue{ID: "rule", Strength: 1, Against: true, Text: "the configuration has an affinity rule: " + describeRule(rules[0]), Source: rules[0].Pos.String()})
	}
	clues = append(clues, affinityOff(ev)...)
	clues = append(clues, noOccasion(ev)...)
	clues = append(clues, steadyMoves(ev)...)
	clues = append(clues, movesSurvive(ev)...)
	if ev.InCookie {
		clues = append(clues, Clue{ID: "in-cookie", Strength: 1, Against: true, Text: "the session lives in the cookie itself, so any instance that can verify it would know it"})
	}
	if n := ev.Count(func(b *Break) bool { return badSignature(b.Reason) }); n > 0 {
		clues = append(clues, Clue{ID: "signature", Strength: share(n, len(ev.Breaks)), Against: true, Text: "the application could not verify the credential", Source: ofBroken(n, len(ev.Breaks))})
	}
	clues = append(clues, sharedState(ev)...)
	switch {
	case ev.Storage == "memory":
		clues = append(clues, Clue{ID: "memory", Strength: 1, Text: "the state lives in the memory of the instance that made it"})
	case NodeLocal(ev.Storage):
		clues = append(clues, Clue{ID: "disk", Strength: 1, Against: true, Text: "the state lives on each instance's own disk (" + ev.Storage + "): a shared store is the cure"})
	case ev.Storage == "":
		clues = append(clues, Clue{ID: "undeclared", Strength: 1, Against: true, Text: "nothing says that the state lives in the memory of instances; on a disk, a shared store would be the cure"})
	}
	return clues
}

// affinityOff says what the log shows of the balancer's cookie.
func affinityOff(ev *Evidence) []Clue {
	off := ev.Count(func(b *Break) bool { return b.Affinity == session.AffinityOff })
	none := ev.Count(func(b *Break) bool { return b.Affinity == session.AffinityNone && b.HadAffinity })
	var clues []Clue
	if off > 0 {
		clues = append(clues, Clue{ID: "log-off", Strength: share(off, len(ev.Breaks)), Text: "the balancer's log shows no affinity cookie in force", Source: ofBroken(off, len(ev.Breaks))})
	}
	if none > 0 {
		clues = append(clues, Clue{ID: "log-cookie", Strength: share(none, len(ev.Breaks)), Against: true, Text: "the balancer issues an affinity cookie", Source: ofBroken(none, len(ev.Breaks))})
	}
	return clues
}

// noOccasion says how many breaks came without any change of health, start or reload.
func noOccasion(ev *Evidence) []Clue {
	n := ev.Count(func(b *Break) bool {
		return !b.TakenOut() && b.FromStarted == nil && b.Reloaded == nil
	})
	s := share(n, len(ev.Breaks))
	if s < 0.5 {
		return []Clue{{ID: "occasion", Strength: 1 - s, Against: true, Text: "an instance or the balancer changed its state just before", Source: ofBroken(len(ev.Breaks)-n, len(ev.Breaks))}}
	}
	return []Clue{{ID: "no-occasion", Strength: s, Text: "nothing happened to the instance with the state: it stayed up, and the balancer was not reloaded", Source: ofBroken(n, len(ev.Breaks))}}
}

// movesSurvive speaks against routing where most moves are honoured: then state is found wherever a request goes.
func movesSurvive(ev *Evidence) []Clue {
	honoured, all := ev.MovesHonoured()
	if all < 10 || honoured*2 < all {
		return nil
	}
	return []Clue{{ID: "moves-honoured", Strength: float64(honoured) / float64(all), Against: true, Text: "most sessions survive a change of instance", Source: fmt.Sprintf("%d of %d moves were honoured", honoured, all)}}
}

// sharedState speaks against routing where all instances reach the state.
func sharedState(ev *Evidence) []Clue {
	if !ev.SharedStorage() {
		return nil
	}
	return []Clue{{ID: "shared", Strength: 1, Against: true, Text: "the state lives in a store that all instances share (" + ev.Storage + ")"}}
}

// steadyMoves says whether requests move all the time.
func steadyMoves(ev *Evidence) []Clue {
	compared := ev.Counts.Held + ev.Counts.Moved
	if compared == 0 {
		return nil
	}
	rate := float64(ev.Counts.Moved) / float64(compared)
	text := fmt.Sprintf("%s of follow-ups reach another instance than the one before", percent(rate))
	if rate > 0.3 {
		return []Clue{{ID: "scatter", Strength: min(1, rate/0.5), Text: text, Source: fmt.Sprintf("%d of %d follow-ups", ev.Counts.Moved, compared)}}
	}
	return []Clue{{ID: "mostly-held", Strength: 1 - rate/0.3, Against: true, Text: "only " + text, Source: fmt.Sprintf("%d of %d follow-ups", ev.Counts.Moved, compared)}}
}

func describeRule(a topology.Affinity) string {
	if a.Carrier == "" {
		return string(a.Method)
	}
	return fmt.Sprintf("%s (%s)", a.Method, a.Carrier)
}

// badSignature reports whether a reason says that a credential could not be verified or read.
func badSignature(reason string) bool {
	switch reason {
	case "bad-signature", "unreadable", "invalid-signature", "decrypt-failed", "key-not-found":
		return true
	}
	return false
}
