package cause

import "limpet.dev/session"

var _ = register(Cause{
	ID:       "samesite-strict-redirect",
	Title:    "Browsers withhold a Strict session cookie on the way in from another site",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
The session cookie is SameSite=Strict. Whoever comes from another site, by a link, a redirect of an identity provider, a way back from a
payment page, comes without it, and stays without it through every redirect that follows. The next click inside the site carries it again,
unless the first page has already handed out a new session.`,
	LooksAs:  "Users follow a link from a mail or come back from signing in and find themselves signed out; a reload helps.",
	Remedy:   `Set the session cookie with SameSite=Lax. Where Strict is wanted for what changes things, use a second, Strict cookie for that.`,
	Rollback: `The former attribute; new cookies carry it with the next answer.`,
	Runbook: `
1. Find the request: it comes from another site (Referer, Sec-Fetch-Site: cross-site) and carries no session; the next one does.
2. Look at the attribute:

       limpet cookies 'sid=…; SameSite=Strict'

3. Change it to Lax where the session cookie is set; look for a proxy that writes it (proxy_cookie_flags, Header edit).
4. Come from another site once and watch that the first page knows the session.`,
	Uses: []Source{Captures, Referers, Events},
	Neighbours: map[string]string{
		"samesite-cross-site-post":   "there only a POST from another site fails, a link does not",
		"third-party-cookie-blocked": "there the request is made by a frame or a script, not by the page in the address bar",
		"secure-cookie-over-http":    "there both sides are one host, once with http and once with https",
	},
	Kinds:  []string{"withheld"},
	Detect: detectSamesiteStrictRedirect,
	Lab:    Scenario{Journey: "a real Chromium goes through a real nginx that breaks the cookie"},
})

func detectSamesiteStrictRedirect(ev *Evidence) []Clue {
	return keptBack(ev, "the client kept the session back on a way in from another site, because the cookie is SameSite=Strict", func(b *Break) bool {
		return by(strictRules...)(b) && b.Foreign && b.Method != session.POST
	})
}
