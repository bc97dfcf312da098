package cause

import "limpet.dev/session"

var _ = register(Cause{
	ID:       "third-party-cookie-blocked",
	Title:    "Browsers keep the session cookie out of frames and scripts of other sites",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
The application runs in a frame of another site, or another site's script calls it. Its cookie is Lax or says nothing, or the browser blocks third-party
cookies altogether (Safari, private windows, many users' settings) or keeps them apart by the page around (Firefox). Each load begins a new
session.`,
	LooksAs:  "The embedded application shows its login page again and again; opened in a tab of its own it works.",
	Remedy:   `Set the cookie with SameSite=None; Secure; Partitioned inside the frame; or serve both from one site; or pass a token instead of a cookie.`,
	Rollback: `Send the cookie with its former attributes.`,
	Runbook: `
1. See that the request comes from a frame or script of another site (Sec-Fetch-Site: cross-site, Sec-Fetch-Dest: iframe).
2. See what each client makes of the cookie there:

       limpet cookies session.har

3. Set the attributes, or move the application to a host of the page's own site.
4. Load the embedding page in Chrome, Firefox and Safari and watch the session survive a reload.`,
	Uses: []Source{Captures, Referers, Agents},
	Neighbours: map[string]string{
		"samesite-cross-site-post":   "there the page in the address bar is posted to from another site",
		"client-credentials-omitted": "there the script does not ask for cookies at all",
		"samesite-strict-redirect":   "there a plain link fails too",
	},
	Kinds:  []string{"withheld"},
	Detect: detectThirdPartyCookieBlocked,
	Lab:    Scenario{Journey: "a real Chromium goes through a real nginx that breaks the cookie"},
})

func detectThirdPartyCookieBlocked(ev *Evidence) []Clue {
	return keptBack(ev, "the client kept the session out of a frame or script of another site", func(b *Break) bool {
		return by("UserPreferences", "ThirdPartyPhaseout", "X.OtherPartition", "X.PartitionedNeedsSecure")(b) || by(laxRules...)(b) && b.Foreign && b.Method != session.POST
	})
}
