package cause

import (
	"fmt"
	"slices"
	"strings"

	"limpet.dev/session"
	"limpet.dev/topology"
)

var _ = register(Cause{
	ID:       "affinity-cookie-not-returned",
	Title:    "Some clients do not send the balancer's cookie back",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
The balancer issues its affinity cookie, but a family of clients does not return it: it keeps no
cookie jar and carries only the session, blocks the cookie, or may not send it because of its attributes. For
these clients every request is a new client, and they are dealt out over all instances.`,
	LooksAs: "One kind of client (an app, one browser, an embedded page) is signed out again and again; everybody else is fine.",
	Remedy: `
Give the balancer's cookie the attributes that these clients need (Secure with SameSite=None where it is
used across sites, no Domain that does not fit), or bring them back by something that they do send: the session
cookie or a header ("stick on" or "balance hash"). Keeping state in a shared store cures it for good.`,
	Rollback: `Restore the former cookie line; clients get the old attributes with their next answer.`,
	Runbook: `
1. See which clients are concerned: limpet diagnose prints the share per client family.
2. Look at the Set-Cookie line of the affinity cookie: Secure, Domain, Path, SameSite.

       curl -s -o /dev/null -D - http://shop.example/ | grep -i '^set-cookie'

3. Ask those who build the client whether it keeps a cookie jar between requests.
4. Change the attribute, or let the client return the cookie, and watch the share of requests without it fall.`,
	Uses:  []Source{AffinityFlags, Agents, Config},
	Tells: []Source{BalancerLog},
	Neighbours: map[string]string{
		"affinity-absent":               "there no affinity cookie is ever issued",
		"affinity-cookie-not-issued":    "there the cookie is never set on that host or route",
		"affinity-cookie-path-scope":    "there the cookie comes back below its Path only",
		"affinity-cookie-expires-first": "there the client stops sending the cookie when its lifetime is over",
	},
	Detect: detectAffinityNotReturned,
	Lab:    Scenario{Fault: "affinity-cookie-not-returned"},
})

func detectAffinityNotReturned(ev *Evidence) []Clue {
	missing := func(b *Break) bool {
		return b.Moved && b.Affinity == session.AffinityNone
	}
	clues := ev.Clue("not-presented", "the request carried the session and no affinity cookie", missing)
	if clues == nil || !issuesAffinity(ev) {
		return nil
	}
	if n := ev.Count(func(b *Break) bool { return missing(b) && b.HadAffinity }); n > 0 {
		clues = append(clues, Clue{ID: "was-set", Strength: share(n, len(ev.Breaks)), Text: "the balancer had set the affinity cookie for this session before", Source: ofBroken(n, len(ev.Breaks))})
	}
	if n := ev.Count(func(b *Break) bool { return missing(b) && b.Presented }); n > 0 {
		clues = append(clues, Clue{ID: "was-sent", Strength: share(n, len(ev.Breaks)), Against: true, Text: "the session had sent the affinity cookie before: its client does return it", Source: ofBroken(n, len(ev.Breaks))})
	}
	if n := ev.Count(func(b *Break) bool { return b.AffinitySet == session.SetInserted }); n > 0 {
		clues = append(clues, Clue{ID: "set-again", Strength: share(n, len(ev.Breaks)), Text: "the answer set the affinity cookie anew", Source: ofBroken(n, len(ev.Breaks))})
	}
	clues = append(clues, oneFamily(ev)...)
	clues = append(clues, sameState(ev)...)
	clues = append(clues, movesSurvive(ev)...)
	clues = append(clues, sharedState(ev)...)
	for _, p := range ev.pools() {
		for _, a := range p.Affinity {
			if a.Cookie != "" {
				clues = append(clues, Clue{ID: "rule", Strength: 1, Text: "the configuration issues cookie " + a.Cookie, Source: a.Pos.String()})
				return append(clues, noOccasion(ev)...)
			}
		}
	}
	return append(clues, noOccasion(ev)...)
}

// issuesAffinity reports whether there is any sign of an affinity cookie that clients could return: it was
// set, somebody returned it, or the configuration issues one.
func issuesAffinity(ev *Evidence) bool {
	if ev.Count(func(b *Break) bool { return b.HadAffinity || b.AffinitySet == session.SetInserted }) > 0 {
		return true
	}
	for _, state := range []session.AffinityState{session.AffinityValid, session.AffinityDown, session.AffinityInvalid} {
		for _, t := range ev.People.ByAffinity[state] {
			if t.Total() > 0 {
				return true
			}
		}
	}
	rules, known := ev.AffinityOf()
	return known && slices.ContainsFunc(rules, func(a topology.Affinity) bool { return a.Cookie != "" })
}

// oneFamily says whether the broken sessions belong to few client families that healthy ones rarely
// belong to.
func oneFamily(ev *Evidence) []Clue {
	counts := map[string]int{}
	for _, b := range ev.Breaks {
		if b.Agent != "" {
			counts[b.Agent]++
		}
	}
	top, n := "", 0
	for a, k := range counts {
		if k > n || k == n && a < top {
			top, n = a, k
		}
	}
	if n == 0 {
		return nil
	}
	var healthy, all int64
	for id, t := range ev.People.ByAgent {
		all += t.Honoured
		if ev.Names.Agents.Name(uint16(id)) == top {
			healthy = t.Honoured
		}
	}
	inBroken := share(n, len(ev.Breaks))
	inHealthy := 0.0
	if all > 0 {
		inHealthy = float64(healthy) / float64(all)
	}
	text := fmt.Sprintf("%s: %s of the broken sessions, %s of the healthy follow-ups", top, percent(inBroken), percent(inHealthy))
	if inBroken > 0.6 && inBroken > 1.5*inHealthy {
		return []Clue{{ID: "one-family", Strength: min(1, inBroken-inHealthy+0.3), Text: text, Source: ofBroken(n, len(ev.Breaks))}}
	}
	return []Clue{{ID: "all-families", Strength: 1 - max(0, inBroken-inHealthy), Against: true, Text: "all kinds of clients are concerned alike; the commonest is " + strings.TrimSpace(text), Source: ofBroken(n, len(ev.Breaks))}}
}

// sameState compares with clients that do return the cookie.
func sameState(ev *Evidence) []Clue {
	valid := ev.People.ByAffinity[session.AffinityValid]
	var total session.Tally
	for _, t := range valid {
		total.Honoured += t.Honoured
		total.Trouble += t.Trouble
	}
	all := total.Honoured + total.Trouble
	if all < 20 {
		return nil
	}
	if float64(total.Trouble)/float64(all) < 0.02 {
		return []Clue{{ID: "others-hold", Strength: 1, Text: fmt.Sprintf("%d requests of clients that returned the cookie were honoured, %d were not", total.Honoured, total.Trouble)}}
	}
	return []Clue{{ID: "others-lose", Strength: 1, Against: true, Text: fmt.Sprintf("clients that did return the cookie lost their session too, %d times in %d", total.Trouble, all)}}
}
