package cause

import (
	"fmt"

	"limpet.dev/session"
)

var _ = register(Cause{
	ID:       "setcookie-cached-leak",
	Title:    "A cache hands one user's session cookie to others",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
A cache in front of the application keeps an answer together with its Set-Cookie, and gives both to whoever asks next. Those visitors then
carry the first one's session: they see a stranger's cart and account, and what they do happens in that session. It takes
an answer that is cached although it sets a cookie: a page meant for everybody, with a session that is renewed on each page.`,
	LooksAs: "Users find themselves in somebody else's account or cart. Treat it as a leak of personal data: it is one.",
	Remedy: `
Keep no answer that sets a cookie (no proxy_ignore_headers Set-Cookie, no override at the CDN), let pages that set cookies say
Cache-Control: private, and set no cookie on pages meant for everybody.`,
	Rollback: `Switch the cache off for these pages and purge it, then end all sessions that were shared: their credentials are in strangers' browsers.`,
	Runbook: `
1. Stop the leak first: bypass the cache for pages, and purge it.
2. Ask twice without cookies and compare: the same Set-Cookie twice, with Age or X-Cache: HIT, is the proof.

       curl -s -o /dev/null -D - https://shop.example/product/1 | grep -iE '^(set-cookie|age|x-cache)' | sed 's/=[^;]*/=…/'

3. End the sessions that limpet diagnose lists as mixed up, and tell whoever is responsible for data protection.
4. Find why the cache kept the answer: a setting that ignores Set-Cookie, an override by path, a page that says public.`,
	Kinds: []string{"mixed-up"},
	Uses:  []Source{Config, Events, Agents},
	Neighbours: map[string]string{
		"cookie-name-collision": "there two services overwrite each other's cookie in one browser, and no answer comes from a cache",
		"session-ip-binding":    "there one client changes its address; it is not two clients",
	},
	Detect: detectCachedCookie,
	Lab:    Scenario{Fault: "setcookie-cached-leak"},
})

func detectCachedCookie(ev *Evidence) []Clue {
	clues := []Clue{{ID: "two-clients", Strength: 1, Text: "two clients presented one credential in turn", Source: ofBroken(len(ev.Breaks), len(ev.Breaks))}}
	clues = append(clues, ev.Clue("public-page", "the credential had been handed out with a page that everybody may ask for", func(b *Break) bool {
		return b.Handed != nil && b.Handed.Method == session.GET && (b.Handed.Class == session.Ordinary || b.Handed.Class == session.AssetRoute)
	})...)
	for _, t := range ev.Tiers {
		for _, l := range t.Listeners {
			for _, r := range l.Routes {
				if c := r.Cache; c != nil && c.IgnoresSetCookie.File != "" && c.DropsSetCookie.File == "" {
					clues = append(clues, Clue{ID: "ignores", Strength: 1, Text: fmt.Sprintf("the balancer's cache %s keeps answers that set a cookie", c.Zone), Source: c.IgnoresSetCookie.String()})
					return clues
				}
			}
		}
	}
	return clues
}
