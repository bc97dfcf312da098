package cause

import (
	"fmt"
	"slices"
	"strings"

	"limpet.dev/session"
	"limpet.dev/topology"
)

// What several causes of affinity look at.

// usual are the clues that any cause of routing shares: nothing happened to the instances, moves cost sessions, and the
// state is not where all instances reach it.
func usual(ev *Evidence) []Clue {
	clues := noOccasion(ev)
	clues = append(clues, movesSurvive(ev)...)
	return append(clues, sharedState(ev)...)
}

// excluded leaves of a routing cause's clues the first one only, and what speaks against it, where all instances reach all
// sessions: then a fault in the routing moves requests and loses nothing.
func excluded(ev *Evidence, first []Clue) (clues []Clue, yes bool) {
	against := sharedState(ev)
	if against == nil || len(first) == 0 {
		return nil, false
	}
	return append(append([]Clue(nil), first[0]), against...), true
}

// ruleOf returns the first affinity rule that satisfies f, of any pool with several instances; known is false without a
// configuration of a balancer that clients talk to.
func ruleOf(ev *Evidence, f func(*topology.Affinity) bool) (rule *topology.Affinity, known bool) {
	for _, n := range ev.Nodes {
		if n.Config == nil || n.Place != 0 {
			continue
		}
		for i := range n.Config.Pools {
			p := &n.Config.Pools[i]
			known = known || len(p.Instances) > 1
			for k := range p.Affinity {
				if f(&p.Affinity[k]) {
					return &p.Affinity[k], true
				}
			}
		}
	}
	return nil, known
}

// trouble returns how many of a group of follow-ups moved, and all that could have.
func moves(ts ...session.Tally) (moved, all int64) {
	for _, t := range ts {
		moved += t.Moved
		all += t.Moved + t.Held
	}
	return moved, all
}

// affinityMoves returns the moves among follow-ups for which the balancer said this of its cookie.
func affinityMoves(ev *Evidence, states ...session.AffinityState) (moved, all int64) {
	for _, s := range states {
		m, n := moves(ev.People.ByAffinity[s][:]...)
		moved, all = moved+m, all+n
	}
	return moved, all
}

// rate writes "3 of 120 (2 %)".
func rate(part, whole int64) string {
	if whole == 0 {
		return "0 of 0"
	}
	return fmt.Sprintf("%d of %d (%s)", part, whole, percent(float64(part)/float64(whole)))
}

// routesWhere lists the routes of broken sessions that satisfy f, with the part that they have in common.
func routesWhere(ev *Evidence, f func(*RouteFacts) bool) (routes []string, prefix string) {
	for name, facts := range ev.Routes {
		if name != "" && f(facts) {
			routes = append(routes, name)
		}
	}
	slices.Sort(routes)
	return routes, commonPath(routes)
}

// commonPath is the longest path, by whole segments, that all routes begin with; "/" if there is no longer one.
func commonPath(routes []string) string {
	if len(routes) == 0 {
		return ""
	}
	common := strings.Split(strings.Trim(routes[0], "/"), "/")
	for _, r := range routes[1:] {
		segments := strings.Split(strings.Trim(r, "/"), "/")
		n := 0
		for n < len(common) && n < len(segments) && common[n] == segments[n] {
			n++
		}
		common = common[:n]
	}
	return "/" + strings.Join(common, "/")
}
