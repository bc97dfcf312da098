package cause

var _ = register(Cause{
	ID:       "cookie-stripped-by-cdn",
	Title:    "A cache or CDN takes the cookie out",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
A cache or CDN in front does not forward cookies: it drops Cookie on the way in, because it is told to forward none or only some names, or Set-Cookie
on the way out, because the answer counts as cacheable. The application hands out a session with every request and never sees one again.`,
	LooksAs:  "Nobody stays signed in behind the CDN; on the origin's own address everything works.",
	Remedy:   `Let the CDN forward the session and affinity cookies on these paths, and answer them with Cache-Control: private, no-store.`,
	Rollback: `The former cache behaviour.`,
	Runbook: `
1. Ask the origin and the edge for the same page and compare:

       limpet cookies origin.txt edge.txt

2. See which cookies the CDN's behaviour for this path forwards.
3. Forward the session cookie by name, and keep these answers out of the cache.
4. Sign in through the edge and watch the cookie come and go.`,
	Uses: []Source{Captures, Events, Config},
	Neighbours: map[string]string{
		"cookie-too-large":      "there large cookies only are lost, in the browser",
		"cookie-domain-invalid": "there the Set-Cookie line reaches the browser, which refuses it",
	},
	Kinds:  []string{"withheld", "never-established"},
	Detect: detectCookieStrippedByCdn,
	Lab:    Scenario{Journey: "a customer behind a CDN that forwards no cookies"},
})

func detectCookieStrippedByCdn(ev *Evidence) []Clue {
	clues := keptBack(ev, "the application set the cookie and the client never got it", by("X.StrippedByProxy"))
	for _, t := range ev.Tiers {
		for i := range t.Listeners {
			for _, r := range t.Listeners[i].Routes {
				for _, e := range r.Cookies {
					if e.Kind == "drop" && clues == nil && len(ev.Breaks) > 0 && ev.Breaks[0].Kind == "never-established" {
						return []Clue{{ID: "drop", Strength: 1, Text: "a balancer takes Set-Cookie out of answers", Source: e.Pos.String()}}
					}
				}
			}
		}
	}
	return clues
}
