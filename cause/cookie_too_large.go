package cause

var _ = register(Cause{
	ID:       "cookie-too-large",
	Title:    "The session cookie is larger than browsers keep",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
The application keeps the session, or the tokens of an identity provider, in the cookie itself. Over 4096 bytes of name and value browsers drop the
cookie without a word; many cookies together make a Cookie header over 8 KiB, which balancers refuse (400, 431, 494). Only users with much in
their session are concerned: many groups, claims, organisations, a full cart.`,
	LooksAs:  "Some users are sent to the login page again and again, although signing in succeeds; others see an error page of the balancer.",
	Remedy:   `Keep the data on the server and only an identifier in the cookie; or split it into several cookies and watch the sum.`,
	Rollback: `Fewer scopes or claims in the token.`,
	Runbook: `
1. Measure the Set-Cookie line of a user who is concerned:

       limpet cookies session.har

2. Say what fills it: groups, claims, nested tokens.
3. Move the session to a store, or ask the provider for fewer claims.
4. Watch that no Set-Cookie comes near 4096 bytes, and no Cookie header near 8 KiB.`,
	Uses: []Source{Captures, Events},
	Neighbours: map[string]string{
		"cookie-stripped-by-cdn":     "there it does not depend on the size",
		"third-party-cookie-blocked": "there all users in frames are concerned",
	},
	Kinds:  []string{"withheld"},
	Detect: detectCookieTooLarge,
	Lab:    Scenario{Journey: "a real Chromium goes through a real nginx that breaks the cookie"},
})

func detectCookieTooLarge(ev *Evidence) []Clue {
	return keptBack(ev, "the client refused the cookie: it is too large", by("NameValuePairExceedsMaxSize", "X.Evicted"))
}
