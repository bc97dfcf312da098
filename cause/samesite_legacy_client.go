package cause

import "strings"

var _ = register(Cause{
	ID:       "samesite-legacy-client",
	Title:    "Old WebKit takes SameSite=None for Strict",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
Browsers on iOS 12 and Safari on macOS 10.14 know SameSite=Strict and Lax, and take every other value for Strict (WebKit bug 198181). Chromium 51 to
66 drops a cookie with None altogether. A session cookie that needs None for the others is lost in these; a Lax cookie is held back by
the same WebKit at the end of a chain of redirects from another site.`,
	LooksAs:  "Signing in fails on old iPhones and Macs only, and on very old Android browsers.",
	Remedy:   `Leave SameSite out for these User-Agents, or set a second cookie without it under another name and accept either.`,
	Rollback: `Send the attribute to everybody again.`,
	Runbook: `
1. Compare client families: broken sessions belong to iOS 12, macOS 10.14 or Chromium before 67, healthy ones do not.
2. See what these clients make of the header:

       limpet cookies 'sid=…; SameSite=None; Secure'

3. Leave the attribute out for them, by User-Agent, in one place (application or edge).
4. Watch the share of broken sessions of that family fall.`,
	Uses: []Source{Captures, Agents, Referers},
	Neighbours: map[string]string{
		"samesite-strict-redirect":   "there all browsers withhold the cookie",
		"third-party-cookie-blocked": "there today's browsers withhold it in frames, old ones do not",
		"samesite-cross-site-post":   "there all browsers withhold it, on POST only",
	},
	Kinds:  []string{"withheld"},
	Detect: detectSamesiteLegacyClient,
	Lab:    Scenario{Journey: "an iPhone with iOS 12 comes back from an identity provider"},
})

func detectSamesiteLegacyClient(ev *Evidence) []Clue {
	clues := keptBack(ev, "the client takes SameSite=None for Strict", by("X.SameSiteNoneMisread"))
	if clues == nil {
		clues = ev.Clue("old-client", "the client is of a kind that misreads SameSite, and came from another site", func(b *Break) bool {
			return b.Kind == "withheld" && b.Foreign && b.Reason == "" && oldWebKit(b.Agent)
		})
	}
	return clues
}

// oldWebKit reports a family that a log shows by name and version of the system only where it is old.
func oldWebKit(agent string) bool {
	return strings.Contains(agent, "iOS 12") || strings.Contains(agent, "10.14")
}
