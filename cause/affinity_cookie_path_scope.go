package cause

import (
	"fmt"

	"limpet.dev/session"
	"limpet.dev/topology"
)

var _ = register(Cause{
	ID:       "affinity-cookie-path-scope",
	Title:    "The affinity cookie is made for one path of the site only",
	Category: Routing,
	Root:     RoutingMisconfiguration,
	Summary: `
The balancer's cookie is issued with a Path that does not cover the site (or with none, so that clients take the directory of
the page). Clients send it below that path only; everywhere else each request is dealt out anew, and often gets another
cookie.`,
	LooksAs: "All is well inside one area; whoever goes to another one is signed out there, or finds an empty cart.",
	Remedy: `
Issue the cookie for the whole site: Path=/ . In HAProxy "cookie ... insert" writes path=/ by itself: look for an "attr Path=..."
or a rule that rewrites Set-Cookie; in an ingress, for the cookie-path setting and for paths that are regular expressions.`,
	Rollback: `Harmless either way: clients that hold two copies send both until the narrower one ends.`,
	Runbook: `
1. Look at the Set-Cookie line of the balancer's cookie: which Path does it have?

       curl -s -o /dev/null -D - http://shop.example/ | grep -i '^set-cookie'

2. Compare, in the report, the routes on which the cookie comes back with those on which it never does.
3. Set Path=/ and reload.
4. Old copies of the narrower cookie go on beside the new one until the browser closes: expire them if it matters.`,
	Uses:  []Source{AffinityFlags, Config, Events},
	Tells: []Source{BalancerLog},
	Neighbours: map[string]string{
		"affinity-cookie-not-returned":  "there some clients never send it, on no route",
		"affinity-cookie-not-issued":    "there no cookie is in force on the failing routes",
		"affinity-cookie-expires-first": "there the cookie goes missing with time, on any route",
	},
	Detect: detectPathScope,
	Lab:    Scenario{Fault: "affinity-cookie-path-scope"},
})

func detectPathScope(ev *Evidence) []Clue {
	missing := func(b *Break) bool { return b.Moved && b.Affinity == session.AffinityNone && b.Kind != "withheld" }
	narrow, known := ruleOf(ev, func(a *topology.Affinity) bool { return a.Cookie != "" && a.Path != "" && a.Path != "/" })
	byRoute, prefix := sentByRoute(ev)
	if narrow != nil {
		prefix = narrow.Path
	}
	if prefix == "" {
		return nil
	}
	clues := ev.Clue("not-here", "the request carried the session and no affinity cookie", missing)
	clues = append(clues, ev.Clue("replaced", "the request brought a cookie that another part of the site had replaced meanwhile", func(b *Break) bool {
		return b.Moved && b.Affinity == session.AffinityValid && under(b.Route, prefix)
	})...)
	if clues == nil {
		return nil
	}
	if clues, yes := excluded(ev, clues); yes {
		return clues
	}
	clues = append(clues, byRoute...)
	switch {
	case narrow != nil:
		n := ev.Count(func(b *Break) bool { return missing(b) != under(b.Route, narrow.Path) })
		clues = append(clues, Clue{ID: "path", Strength: share(n, len(ev.Breaks)), Source: narrow.Pos.String(),
			Text: fmt.Sprintf("cookie %s is issued with Path=%s and clients send it there only", narrow.Cookie, narrow.Path)})
	case known:
		clues = append(clues, Clue{ID: "whole-site", Strength: 1, Against: true, Text: "the configuration issues the cookie for the whole site"})
	}
	return append(clues, usual(ev)...)
}

// sentByRoute compares the routes on which broken sessions sent the affinity cookie with those on which they never did, and
// returns the path that the former have in common.
func sentByRoute(ev *Evidence) (clues []Clue, prefix string) {
	sent, common := routesWhere(ev, func(f *RouteFacts) bool { return f.Presented >= 2 && f.Presented > 4*f.None })
	never, _ := routesWhere(ev, func(f *RouteFacts) bool { return f.None >= 2 && f.Presented == 0 })
	if len(sent) == 0 || len(never) == 0 || common == "/" {
		return nil, ""
	}
	fits, all := 0, 0
	for route, f := range ev.Routes {
		all += f.Presented + f.None
		if under(route, common) {
			fits += f.Presented
		} else {
			fits += f.None
		}
	}
	if share(fits, all) < 0.75 {
		return nil, ""
	}
	return []Clue{{ID: "by-route", Strength: share(fits, all), Source: fmt.Sprintf("%d of %d requests of broken sessions fit", fits, all),
		Text: fmt.Sprintf("clients send the cookie below %s (%s) and never on %s", common, some(sent, 3), some(never, 4))}}, common
}

// under reports whether a cookie of that Path goes with a route (RFC 6265, 5.1.4).
func under(route, path string) bool {
	n := len(path)
	return route == path || len(route) > n && route[:n] == path && (path[n-1] == '/' || route[n] == '/')
}
