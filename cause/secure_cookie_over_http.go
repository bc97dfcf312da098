package cause

var _ = register(Cause{
	ID:       "secure-cookie-over-http",
	Title:    "The session cookie is Secure and some pages are plain http",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
The session cookie is Secure, and some pages are served, linked or redirected over plain http. There the browser neither sends the cookie nor keeps a new one.
A listener on port 80 that answers instead of redirecting is enough. Browsers that count the scheme as part of the site (Chromium) also hold
Strict and Lax cookies back between http and https of one host.`,
	LooksAs:  "Users are signed out on some pages and signed in again on the next.",
	Remedy:   `Redirect every http address to https at the edge and send Strict-Transport-Security.`,
	Rollback: `None is needed: https was served before.`,
	Runbook: `
1. Read the scheme of the requests that lack the session:

       limpet cookies session.har

2. Find the listener on port 80 that serves pages, and the links that lead there.
3. Let it answer with a redirect to https only, and send Strict-Transport-Security: max-age=31536000.
4. Open an http address once and watch the session survive.`,
	Uses: []Source{Captures, Config},
	Neighbours: map[string]string{
		"samesite-cross-site-post":   "there the request comes from another site, with whatever scheme",
		"cookie-path-rewrite":        "there the path decides, not the scheme",
		"client-credentials-omitted": "there only scripts leave the cookie out",
	},
	Kinds:  []string{"withheld"},
	Detect: detectSecureCookieOverHttp,
	Lab:    Scenario{Journey: "a real Chromium goes through a real nginx that breaks the cookie"},
})

func detectSecureCookieOverHttp(ev *Evidence) []Clue {
	return keptBack(ev, "the client kept a Secure cookie back on plain http, or counts http and https as two sites", func(b *Break) bool {
		return by("SecureOnly", "OverwriteSecure")(b) || (by(strictRules...)(b) || by(laxRules...)(b)) && !b.Foreign
	})
}
