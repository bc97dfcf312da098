package cause

var _ = register(Cause{
	ID:       "cookie-duplicate-scope",
	Title:    "Two session cookies of one name with different scopes",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
The client holds two cookies of the session's name: one for the host and one for the domain, or one for the site and one for a path. It sends
both, the longer path first and then the older one. Most servers read the first and never see the second, so the session that was
just made is not the one that is looked up. It begins with a release that changes Domain or Path of the cookie; going back makes it worse,
because the other one stays.`,
	LooksAs:  "Some users cannot stay signed in, whatever they do, until they delete their cookies; new users are fine.",
	Remedy:   `Expire the old scope with every answer for as long as its cookies may live, or give the session cookie a new name.`,
	Rollback: `None: going back to the old scope makes two cookies again. Keep expiring the one that is not wanted.`,
	Runbook: `
1. Find a request that carries the name twice:

       limpet cookies session.har

2. Read from the Set-Cookie lines which two scopes there are, and which code sets each.
3. Send, beside the right cookie, the one that expires the other (same name, Domain and Path, Max-Age=0).
4. Watch that no request carries the name twice any more.`,
	Uses: []Source{Captures, Config},
	Neighbours: map[string]string{
		"cookie-name-collision": "there two services set the same cookie in the same scope, in turn",
		"cookie-path-rewrite":   "there one cookie is set and its path never matches",
	},
	Kinds:  []string{"withheld"},
	Detect: detectCookieDuplicateScope,
	Lab:    Scenario{Journey: "a real Chromium goes through a real nginx that breaks the cookie"},
})

func detectCookieDuplicateScope(ev *Evidence) []Clue {
	return keptBack(ev, "two cookies of the session's name were presented, and the server took the other one", by("X.Shadowed"))
}
