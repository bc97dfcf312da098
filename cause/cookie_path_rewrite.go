package cause

var _ = register(Cause{
	ID:       "cookie-path-rewrite",
	Title:    "The session cookie's path does not match the public address",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
The proxy changes the beginning of the path (/shop outside, / inside) and the cookie's Path stays that of the inside, or a rewrite rule turns it into
something that no public address begins with. The browser keeps the cookie and never sends it where the application is reached.`,
	LooksAs:  "Nobody stays signed in on that address: each request begins a new session, or the login page comes again and again.",
	Remedy:   `Let the balancer rewrite the path together with the address (proxy_cookie_path, ProxyPassReverseCookiePath), or set Path=/.`,
	Rollback: `Take the directive back as it was and reload.`,
	Runbook: `
1. Compare the cookie's path with the address under which the application is reached:

       limpet cookies -c nginx.conf session.har

2. Find the rule that makes it, or the one that is missing: limpet names file and line.
3. Correct it, reload, and expire the old cookie.
4. Sign in once and watch the next request carry the session.`,
	Uses: []Source{Captures, Config},
	Neighbours: map[string]string{
		"cookie-domain-invalid":      "there the browser refuses the cookie at once",
		"affinity-cookie-path-scope": "there it is the balancer's own cookie",
		"cookie-stripped-by-cdn":     "there the cookie never reaches the browser",
	},
	Kinds:  []string{"withheld"},
	Detect: detectCookiePathRewrite,
	Lab:    Scenario{Journey: "a real Chromium goes through a real nginx that breaks the cookie"},
})

func detectCookiePathRewrite(ev *Evidence) []Clue {
	clues := keptBack(ev, "the client keeps the cookie for another path than that of the request", by("NotOnPath"))
	if clues == nil {
		return nil
	}
	for _, t := range ev.Tiers {
		for i := range t.Listeners {
			for _, r := range t.Listeners[i].Routes {
				for _, e := range r.Cookies {
					if e.Kind == "path" {
						return append(clues, Clue{ID: "directive", Strength: 1, Text: "the balancer rewrites cookie paths from " + e.From + " to " + e.To, Source: e.Pos.String()})
					}
				}
			}
		}
	}
	return clues
}
