package cause

var _ = register(Cause{
	ID:       "cookie-name-collision",
	Title:    "Two services on one host set the same session cookie",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
Several applications share a host name, behind one balancer or on different ports, and each keeps its session in a cookie of the same default name
(connect.sid, JSESSIONID, PHPSESSID). Ports do not separate cookies. Each application overwrites the other's session and finds an id that it does
not know, or whose signature it cannot read.`,
	LooksAs:  "Opening one application signs users out of the other, back and forth.",
	Remedy:   `Give each application's cookie a name of its own, or a Path that only its own routes match.`,
	Rollback: `None needed: the old name is only left behind.`,
	Runbook: `
1. See who sets the cookie: the same name and scope, from routes of different applications.

       limpet cookies session.har

2. Rename the cookie of the application with fewer users; with __Host- in front nothing else can set it.
3. Expire the old name once.
4. Use both applications in one browser and watch both sessions survive.`,
	Uses: []Source{Captures, Events},
	Neighbours: map[string]string{
		"cookie-duplicate-scope":            "there both cookies are presented at once, in different scopes",
		"signing-key-differs-between-nodes": "there the instances of one application cannot read each other's cookies",
	},
	Kinds:  []string{"withheld"},
	Detect: detectCookieNameCollision,
	Lab:    Scenario{Journey: "a real Chromium goes through a real nginx that breaks the cookie"},
})

func detectCookieNameCollision(ev *Evidence) []Clue {
	return keptBack(ev, "another application of the host had overwritten the session's cookie", by("X.Overwritten"))
}
