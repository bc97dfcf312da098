package cause

import (
	"fmt"
	"slices"
	"time"

	"limpet.dev/session"
)

var _ = register(Cause{
	ID:       "failover-without-replication",
	Title:    "An instance died, and nobody else had its sessions",
	Category: Health,
	Root:     RoutingMisconfiguration,
	Summary: `
An instance really failed: its process or its machine was gone, connections were refused. The balancer did right and sent its
clients to the others, but those have no copy of its sessions. Bringing clients back to one instance is all that this system has; it has no answer to the
loss of that instance.`,
	LooksAs: "Within seconds all users of one instance are signed out, everybody else notices nothing.",
	Remedy: `
Keep sessions where they outlive an instance: a shared store, or replication to a second instance. And find out why the instance died.`,
	Rollback: `Nothing to undo: lost memory does not come back. Keep the instance out until it is sound.`,
	Runbook: `
1. Look at the instance's end: exit code, out-of-memory killer, machine events, the balancer's first refused connection.

       journalctl -u shop --since -1h; dmesg | grep -i oom

2. Make sure that no deployment or restart was planned at that time; if there was one, see deploy-no-session-drain.
3. Count the sessions that it held (limpet diagnose prices the event), and tell the owners.
4. Move sessions to a shared store; then kill an instance on purpose, in a test environment, and see that nobody notices.`,
	Uses: []Source{HealthLines, Events, Changes},
	Neighbours: map[string]string{
		"deploy-no-session-drain":     "there instances are replaced on purpose, one after the other, mostly with a new release",
		"health-check-too-aggressive": "there the process lives on, slow, and comes back without a start",
		"probe-timeout-kills-node":    "there slow answers come first, and the process is back within seconds",
	},
	Detect: detectDeath,
	Lab:    Scenario{Fault: "failover-without-replication"},
})

func detectDeath(ev *Evidence) []Clue {
	clues := ev.Clue("taken-out", "the balancer had given the instance with the state up", func(b *Break) bool { return b.TakenOut() || b.FromStarted != nil })
	if clues == nil {
		return nil
	}
	if clues, yes := excluded(ev, clues); yes {
		return clues
	}
	clues = append(clues, ev.Clue("redispatched", "a connection to it failed, and the request went to another instance", func(b *Break) bool { return b.Redispatched })...)
	clues = append(clues, wasGone(ev)...)
	clues = append(clues, howBack(ev)...)
	clues = append(clues, howMany(ev)...)
	starts := ev.Starts("")
	if releases, known := newReleases(starts); len(releases) > 0 {
		clues = append(clues, Clue{ID: "release", Strength: 1, Against: true, Text: "a new release came with it: " + some(releases, 3)})
	} else if known {
		clues = append(clues, Clue{ID: "same-release", Strength: 1, Text: "what came back runs the same release as before"})
	}
	if c, ok := ev.ChangeNear(ev.Breaks[0].At, changeWindow, "deploy", "restart"); ok && slices.Contains(gone(ev), c.Target) {
		clue := changeClue(c)
		clue.ID, clue.Against = "planned", true
		clues = append(clues, clue)
	}
	clues = append(clues, movesSurvive(ev)...)
	return append(clues, sharedState(ev)...)
}

// gone lists the instances that the broken sessions had been on when they were given up.
func gone(ev *Evidence) []string {
	var names []string
	for _, b := range ev.Breaks {
		if (b.TakenOut() || b.FromStarted != nil) && b.From != "" && !slices.Contains(names, b.From) {
			names = append(names, b.From)
		}
	}
	return names
}

// howBack says whether the instances came back, and how: a process that starts anew long after it went, or never,
// has failed; one that is back without a start was never gone.
func howBack(ev *Evidence) []Clue {
	var never, late, without int
	var longest time.Duration
	names := gone(ev)
	for _, name := range names {
		downs := ev.Downs(name)
		up := backUp(ev, name)
		starts := ev.Starts(name)
		switch {
		case len(starts) > 0:
			if len(downs) > 0 {
				longest = max(longest, starts[len(starts)-1].At.Sub(downs[0].At))
			}
			late++
		case up:
			without++
		case len(downs) > 0 || neverAgain(ev, name):
			never++
		}
	}
	switch n := len(names); {
	case n == 0:
		return nil
	case never*2 >= n && never > 0:
		return []Clue{{ID: "never-back", Strength: share(never, n), Text: "it never came back: " + some(names, 3)}}
	case without*2 > n && ev.Events:
		return []Clue{{ID: "back-without-start", Strength: share(without, n), Against: true, Text: "it was back without a process start", Source: fmt.Sprintf("%d of %d instances", without, n)}}
	case late*2 >= n && late > 0:
		return []Clue{{ID: "started-anew", Strength: share(late, n), Text: fmt.Sprintf("its process started anew, up to %s after it had been given up", longest.Round(100*time.Millisecond))}}
	}
	return nil
}

func backUp(ev *Evidence, instance string) bool {
	for _, n := range ev.Notices {
		if n.Kind == session.Health && n.Up && n.Instance == instance {
			return true
		}
	}
	return false
}

// neverAgain reports whether an instance got no request in the last part of the window.
func neverAgain(ev *Evidence, instance string) bool {
	for _, m := range ev.Members {
		if m.Name == instance {
			return ev.To.Sub(m.Last) > ev.To.Sub(ev.From)/10
		}
	}
	return false
}

// howMany says how many of the instances were concerned.
func howMany(ev *Evidence) []Clue {
	seen := map[string]bool{}
	for _, n := range ev.Notices {
		if n.Kind == session.Health && !n.Up || n.Kind == session.Start && n.Was != "" {
			seen[n.Instance] = true
		}
	}
	all := len(ev.Members)
	if all < 2 || len(seen) == 0 {
		return nil
	}
	text := fmt.Sprintf("%d of %d instances were concerned", len(seen), all)
	if len(seen)*3 <= all*2 {
		return []Clue{{ID: "few", Strength: 1, Text: text}}
	}
	return []Clue{{ID: "most", Strength: 1, Against: true, Text: text}}
}
