package cause

import (
	"fmt"
	"slices"
	"time"

	"limpet.dev/session"
	"limpet.dev/topology"
)

var _ = register(Cause{
	ID:       "affinity-cookie-expires-first",
	Title:    "What brings clients back ends before their session does",
	Category: Routing,
	Root:     RoutingMisconfiguration,
	Summary: `
The affinity cookie, or the table entry that stands for it, has a lifetime of its own (Max-Age, maxidle, maxlife, a table's
expire), and it is shorter than the session's. A client that pauses, or simply stays, for longer than that is dealt out anew, although its
session is still there, on the instance that it no longer reaches.`,
	LooksAs: "People who read for a while, or stay for long, are signed out with their next click, well before the promised time.",
	Remedy: `
Let the affinity outlive the session: a lifetime above the session's absolute one, or none (a cookie that ends with the browser). For a
table: "expire" above the session's idle time.`,
	Rollback: `Put the former value back; clients with long-lived affinity simply stay where they are.`,
	Runbook: `
1. Read the lifetime of the affinity: maxidle and maxlife of "cookie", "Max-Age" or "Expires" of its Set-Cookie, "expire" of the table.
2. Compare it with the session's idle and absolute lifetime in the application.
3. Sign in, wait a little longer than the affinity lives, click: another instance answers. Wait a little less: the same one.
4. Lengthen it, reload, and look whether losses after pauses end.`,
	Uses:  []Source{AffinityFlags, Config, Events, Declaration},
	Tells: []Source{BalancerLog},
	Neighbours: map[string]string{
		"affinity-cookie-not-returned":  "there the cookie is missing from the first, without a pause",
		"affinity-cookie-path-scope":    "there it is missing by route, not by time",
		"store-ttl-wrong":               "there the session is gone on the very instance that made it",
		"affinity-source-ip-unreliable": "there the client's address changed in the pause",
	},
	Detect: detectExpiresFirst,
	Lab:    Scenario{Fault: "affinity-cookie-expires-first"},
})

func detectExpiresFirst(ev *Evidence) []Clue {
	gone := ev.Clue("gone", "the session had sent the affinity cookie before, also on such a route, and did not any more", func(b *Break) bool {
		f := ev.Routes[b.Route]
		return b.Moved && b.Affinity == session.AffinityNone && b.Presented && f != nil && f.Presented > 0
	})
	flagged := ev.Clue("flagged", "the balancer says that the affinity cookie was too old", func(b *Break) bool {
		return b.Affinity == session.AffinityIdle || b.Affinity == session.AffinityOld
	})
	pause := afterPause(ev)
	limit, known := ruleOf(ev, func(a *topology.Affinity) bool { return lifeOf(a) > 0 })
	if gone == nil && flagged == nil && (pause == nil || limit == nil) {
		return nil // sessions rest before many kinds of loss: a pause alone says nothing
	}
	if clues, yes := excluded(ev, append(append(gone, flagged...), pause...)); yes {
		return clues
	}
	clues := append(append(gone, flagged...), pause...)
	switch {
	case limit != nil:
		clues = append(clues, shortLived(ev, limit)...)
	case known:
		clues = append(clues, Clue{ID: "unlimited", Strength: 1, Against: true, Text: "no affinity rule has a lifetime"})
	}
	clues = append(clues, allAtOneMoment(ev)...)
	return append(clues, usual(ev)...)
}

// lifeOf is the shortest lifetime of an affinity rule, 0 none.
func lifeOf(a *topology.Affinity) time.Duration {
	switch {
	case a.Idle == 0:
		return a.Absolute
	case a.Absolute == 0:
		return a.Idle
	}
	return min(a.Idle, a.Absolute)
}

// afterPause says whether broken sessions had paused for longer than healthy ones do. Not each is lost at once: the first
// request after the pause may reach the right instance by chance.
func afterPause(ev *Evidence) []Clue {
	var pauses []time.Duration
	for _, b := range ev.Breaks {
		if b.Moved && b.Pause > 0 {
			pauses = append(pauses, b.Pause)
		}
	}
	if len(pauses) < 2 || share(len(pauses), len(ev.Breaks)) < 0.5 {
		return nil
	}
	slices.Sort(pauses)
	least := pauses[len(pauses)/5]
	longer, all := heldAfter(ev, least)
	if all < 20 || share64(longer, all) > 0.08 {
		return nil
	}
	return []Clue{{ID: "after-pause", Strength: 1 - 6*share64(longer, all), Source: ofBroken(len(pauses)-len(pauses)/5, len(ev.Breaks)),
		Text: fmt.Sprintf("four in five of the lost sessions had paused for %s or longer; before %s follow-ups that were honoured where they were there was such a pause", least.Round(10*time.Millisecond), rate(longer, all))}}
}

// heldAfter counts the follow-ups that were honoured where they were after a pause of at least so long, and all of them.
func heldAfter(ev *Evidence, pause time.Duration) (longer, all int64) {
	for bucket, n := range ev.People.Gaps {
		all += n
		if time.Duration(session.GapFloor(bucket)) >= pause {
			longer += n
		}
	}
	return longer, all
}

// shortLived holds the affinity's lifetime against the session's, and against the pauses and ages of the broken sessions.
func shortLived(ev *Evidence, rule *topology.Affinity) []Clue {
	life := lifeOf(rule)
	n := ev.Count(func(b *Break) bool {
		return b.Pause >= life*9/10 || rule.Absolute > 0 && b.older(rule.Absolute*9/10)
	})
	text := fmt.Sprintf("the affinity (%s) lives for %s", rule.Carrier, life)
	if d := ev.Declared.Idle; d > 0 && life < d {
		text += fmt.Sprintf(", a session that is not used for %s", d)
	}
	switch s := share(n, len(ev.Breaks)); {
	case ev.Declared.Idle > 0 && life >= ev.Declared.Idle && rule.Absolute == 0:
		return []Clue{{ID: "long-enough", Strength: 1, Against: true, Text: text + ", no shorter than the session", Source: rule.Pos.String()}}
	case s < 0.5:
		return []Clue{{ID: "not-yet", Strength: 1 - s, Against: true, Text: text + "; the lost sessions had neither paused nor lived so long", Source: rule.Pos.String()}}
	default:
		return []Clue{{ID: "short-lived", Strength: s, Text: fmt.Sprintf("%s; %s had paused, or lived, for at least that", text, ofBroken(n, len(ev.Breaks))), Source: rule.Pos.String()}}
	}
}

// older reports whether a session was at least so old when it broke; one whose beginning was not seen counts as old.
func (b *Break) older(than time.Duration) bool {
	return b.Created.IsZero() || b.At.Sub(b.Created) >= than || b.Nth > 8
}

// allAtOneMoment speaks against causes that strike each session in its own time.
func allAtOneMoment(ev *Evidence) []Clue {
	n, at := mostCrossed(ev.Breaks)
	if s := share(n, len(ev.Breaks)); len(ev.Breaks) >= 4 && s >= 0.8 {
		return []Clue{{ID: "one-moment", Strength: s, Against: true, Text: "the losses share one moment, " + at.Format("15:04:05.000"), Source: ofBroken(n, len(ev.Breaks))}}
	}
	return nil
}
