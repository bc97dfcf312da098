package cause

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"limpet.dev/session"
	"limpet.dev/topology"
)

var _ = register(Cause{
	ID:       "health-check-too-aggressive",
	Title:    "The health check takes out instances that are only slow for a moment",
	Category: Health,
	Root:     RoutingMisconfiguration,
	Summary: `
The balancer's health check is so tight that a short peak of latency is enough for it to call an instance dead. Its
clients are sent to other instances, which do not know their sessions; moments later the instance is back, as if nothing had
happened. Nothing was ever really down, and every dashboard is green.`,
	LooksAs: "Everything is green, and users are signed out in small bursts, mostly when the site is busy.",
	Remedy: `
Let the check be patient: more failures before an instance is out (HAProxy: "fall 3" or more), a timeout well above the slowest
normal answer, and a cheap page to probe. Sessions in a shared store would survive the excursions.`,
	Rollback: `The old values; nothing else depends on them.`,
	Runbook: `
1. List the DOWN and UP lines and their reasons: limpet diagnose prices each one in sessions.
2. Compare the check's timeout with the instance's answer times at that hour (99th percentile).
3. Raise "fall" and "timeout check", reload, and count DOWN lines again:

       server app1 10.0.0.1:80 check inter 2s fall 3 rise 2

4. Is the probed page cheap? A static page that touches neither store nor template is best.`,
	Uses: []Source{HealthLines, Config, Events},
	Neighbours: map[string]string{
		"deploy-no-session-drain":          "there the process of the instance starts anew",
		"probe-timeout-kills-node":         "there the orchestrator restarts the slow instance: a process start follows",
		"health-depends-on-shared-backend": "there all instances go down at once, together with the store",
		"failover-without-replication":     "there the instance really fails, with refused connections, and comes back late or never",
	},
	Detect: detectAggressiveCheck,
	Lab:    Scenario{Fault: "health-check-too-aggressive"},
})

func detectAggressiveCheck(ev *Evidence) []Clue {
	out := (*Break).TakenOut
	clues := ev.Clue("taken-out", "the balancer had taken the instance with the state out", out)
	if clues == nil {
		return nil
	}
	if n := ev.Count(func(b *Break) bool { return out(b) && b.FromStarted == nil && !startedAround(ev, b) }); ev.Events || n < len(ev.Breaks) {
		s := share(n, len(ev.Breaks))
		if s >= 0.5 {
			clues = append(clues, Clue{ID: "no-start", Strength: s, Text: "its process did not start anew: it was never really gone", Source: ofBroken(n, len(ev.Breaks))})
		} else {
			clues = append(clues, Clue{ID: "started", Strength: 1 - s, Against: true, Text: "its process did start anew", Source: ofBroken(len(ev.Breaks)-n, len(ev.Breaks))})
		}
	}
	clues = append(clues, sharedState(ev)...)
	clues = append(clues, backSoon(ev)...)
	clues = append(clues, tightCheck(ev)...)
	clues = append(clues, downReasons(ev)...)
	if repeats(ev) {
		clues = append(clues, Clue{ID: "flapping", Strength: 1, Text: "the same instance went down several times"})
	}
	if allAtOnce(ev) {
		clues = append(clues, Clue{ID: "all-down", Strength: 1, Against: true, Text: "all instances went down together"})
	}
	return clues
}

// backSoon says how many of the instances taken out came back, and how soon.
func backSoon(ev *Evidence) []Clue {
	downs := ev.Downs("")
	back := 0
	var longest time.Duration
	for _, d := range downs {
		for _, u := range ev.Notices {
			if u.Kind == session.Health && u.Up && u.Instance == d.Instance && u.At.After(d.At) {
				back++
				longest = max(longest, u.At.Sub(d.At))
				break
			}
		}
	}
	if len(downs) == 0 {
		return nil
	}
	if back*2 > len(downs) {
		return []Clue{{ID: "back-soon", Strength: share(back, len(downs)), Text: fmt.Sprintf("it was back within %s at most", longest.Round(100*time.Millisecond)), Source: fmt.Sprintf("%d of %d times", back, len(downs))}}
	}
	return []Clue{{ID: "not-back", Strength: 1 - share(back, len(downs)), Against: true, Text: "it did not come back in the window", Source: fmt.Sprintf("%d of %d times", len(downs)-back, len(downs))}}
}

// tightCheck judges the check's own settings.
func tightCheck(ev *Evidence) []Clue {
	checks := ev.Checks()
	if len(checks) == 0 {
		return nil
	}
	c := slices.MinFunc(checks, func(a, b topology.HealthCheck) int { return a.Fall - b.Fall })
	text := fmt.Sprintf("the check gives up after %d failed probe(s) with a timeout of %s", c.Fall, c.Timeout)
	switch {
	case c.Fall <= 1:
		return []Clue{{ID: "tight", Strength: 1, Text: text, Source: c.Pos.String()}}
	case c.Fall == 2 && c.Timeout > 0 && c.Timeout <= time.Second:
		return []Clue{{ID: "tight", Strength: 0.6, Text: text, Source: c.Pos.String()}}
	}
	return []Clue{{ID: "patient", Strength: 1, Against: true, Text: text, Source: c.Pos.String()}}
}

// downReasons reads the balancer's own words.
func downReasons(ev *Evidence) []Clue {
	slow, refused, n, source := whyDown(ev)
	switch {
	case slow*2 > n:
		return []Clue{{ID: "probe-timeout", Strength: share(slow, n), Text: "the balancer says that its probe timed out", Source: source}}
	case refused*2 > n:
		return []Clue{{ID: "refused", Strength: share(refused, n), Against: true, Text: "the balancer says that the instance refused connections or was in maintenance", Source: source}}
	}
	return nil
}

// whyDown counts the DOWN lines whose probe timed out, and those whose instance was gone. source is the last of the
// commoner kind.
func whyDown(ev *Evidence) (slow, refused, n int, source string) {
	var late, gone string
	for _, d := range ev.Downs("") {
		l := strings.ToLower(d.Detail)
		n++
		switch {
		case strings.Contains(l, "timeout"):
			slow++
			late = d.Source
		case strings.Contains(l, "refused") || strings.Contains(l, "reset") || strings.Contains(l, "connection problem") || strings.Contains(l, "maintenance"):
			refused++
			gone = d.Source
		}
	}
	if slow >= refused {
		return slow, refused, n, late
	}
	return slow, refused, n, gone
}

// allAtOnce reports whether every instance was down at the same time.
func allAtOnce(ev *Evidence) bool {
	pools := ev.pools()
	if len(pools) == 0 {
		return false
	}
	down := map[string]bool{}
	for _, n := range ev.Notices {
		if n.Kind != session.Health {
			continue
		}
		down[n.Instance] = !n.Up
		all := true
		for _, in := range pools[0].Instances {
			all = all && down[in.Name]
		}
		if all {
			return true
		}
	}
	return false
}
