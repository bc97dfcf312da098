package cause

var _ = register(Cause{
	ID:       "client-credentials-omitted",
	Title:    "Scripts or API clients call without the session cookie",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
A script calls another origin (app. calls api., another port) with fetch or XMLHttpRequest in the default mode: no cookie is sent, and the cookies of the
answer are not kept. Or an API client has no cookie jar. Pages that the user navigates to carry the session; the calls of the same user do not.`,
	LooksAs:  "The page shows the user's name, and everything that it loads by script says that nobody is signed in.",
	Remedy:   "Let the script ask with credentials: \"include\" (withCredentials), and answer with Access-Control-Allow-Credentials: true and the very origin.",
	Rollback: `Take the header back.`,
	Runbook: `
1. Compare the calls with the navigations of the same client: only the calls lack the cookie.

       limpet cookies session.har

2. Switch the script to credentials: include, and name its origin in Access-Control-Allow-Origin; a star does not do.
3. Let every instance answer the preflight question.
4. Load the page and watch the calls carry the session.`,
	Uses: []Source{Captures, Referers},
	Neighbours: map[string]string{
		"secure-cookie-over-http":    "there navigations on plain http lack the cookie too",
		"third-party-cookie-blocked": "there the caller is another site, and asks with credentials",
	},
	Kinds:  []string{"withheld"},
	Detect: detectClientCredentialsOmitted,
	Lab:    Scenario{Journey: "a real Chromium goes through a real nginx that breaks the cookie"},
})

func detectClientCredentialsOmitted(ev *Evidence) []Clue {
	return keptBack(ev, "a script called without credentials", by("X.CredentialsOmitted"))
}
