package cause

import (
	"fmt"

	"limpet.dev/session"
)

var _ = register(Cause{
	ID:       "samesite-cross-site-post",
	Title:    "Browsers withhold the session cookie when another site posts back",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
Another site (an identity provider, a payment page) sends the user back with a POST. The session cookie is
SameSite=Lax, or says nothing and is treated as Lax, so the browser withholds it on that one request. The application sees a
stranger; often it answers with a new, empty session, which overwrites the good one.`,
	LooksAs: "Users come back from paying or signing in elsewhere and find themselves signed out, or their cart empty.",
	Remedy: `
Do not touch the session on the route that is posted to: take the data and answer with a redirect (303), so that the browser comes
back with its cookie. Or set the session cookie with SameSite=None; Secure for that flow.`,
	Rollback: `The former attribute; new cookies carry it with the next answer.`,
	Runbook: `
1. Find the route: limpet diagnose names method, path and the share of requests that came from another site.
2. Look at the cookie's attribute:

       curl -s -o /dev/null -D - https://shop.example/login | grep -i '^set-cookie'

3. Make that route answer with a 303 to a page of your own, without opening a session.
4. Walk through the flow once in a browser and watch that the session cookie survives the way back.`,
	Kinds: []string{"withheld"},
	Uses:  []Source{Referers, Events},
	Neighbours: map[string]string{
		"samesite-strict-redirect":   "there a plain link or redirect from another site fails too",
		"client-credentials-omitted": "there only scripts leave the cookie out",
		"secure-cookie-over-http":    "there the cookie is missing on plain http, wherever the request came from",
	},
	Detect: detectCrossSitePost,
	Lab:    Scenario{Fault: "samesite-cross-site-post"},
})

func detectCrossSitePost(ev *Evidence) []Clue {
	clues := ev.Clue("withheld-post", "the client held a live session and posted from another site without presenting it", func(b *Break) bool {
		return b.Foreign && b.Method == session.POST && !otherRule(b)
	})
	if clues == nil {
		return nil
	}
	routes := map[string]int{}
	for _, b := range ev.Breaks {
		routes[b.Route]++
	}
	for r, n := range routes {
		if share(n, len(ev.Breaks)) > 0.8 {
			clues = append(clues, Clue{ID: "one-route", Strength: share(n, len(ev.Breaks)), Text: "always on the same route: " + r, Source: ofBroken(n, len(ev.Breaks))})
		}
	}
	if n := ev.Count(func(b *Break) bool { return b.SetNew }); n > 0 {
		clues = append(clues, Clue{ID: "overwritten", Strength: share(n, len(ev.Breaks)), Text: "the answer handed out a new, empty session over the good one", Source: ofBroken(n, len(ev.Breaks))})
	}
	if t := ev.People.ForeignPost; t.Total() > 0 {
		presented := t.Honoured
		text := fmt.Sprintf("of the posts from other sites %d came with the session, %d without", presented, int64(len(ev.Breaks)))
		if float64(presented) < 0.2*float64(len(ev.Breaks)+int(presented)) {
			clues = append(clues, Clue{ID: "never-presented", Strength: 1, Text: text})
		} else {
			clues = append(clues, Clue{ID: "sometimes-presented", Strength: 1, Against: true, Text: text})
		}
	}
	return clues
}
