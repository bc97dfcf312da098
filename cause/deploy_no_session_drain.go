package cause

import (
	"fmt"
	"slices"
	"time"

	"limpet.dev/session"
)

var _ = register(Cause{
	ID:       "deploy-no-session-drain",
	Title:    "Instances are replaced while users' sessions still live in them",
	Category: Deploy,
	Root:     RoutingMisconfiguration,
	Summary: `
A deployment restarts the instances one after the other. Each one holds sessions in its memory, and nothing
waits for them: the balancer is not told to stop sending new clients there, and the process ends with all that it knew.
The users of each restarted instance are signed out, once each, in waves.`,
	LooksAs: "With every deployment, users are signed out in waves; each user once, in the order in which instances are replaced.",
	Remedy: `
Drain before stopping: set the server to drain, wait for the sessions to end or for the idle time, then restart. Or
move sessions to a store that survives the instance.`,
	Rollback: `Pause the roll-out: the instances that are still old keep their sessions.`,
	Runbook: `
1. Pause the roll-out.
2. Compare the waves of losses with the process starts: limpet diagnose lists both.
3. Drain the next instance before it is stopped, and wait:

       echo "set server be_app/app2 state drain" | socat stdio /run/haproxy/admin.sock

4. Restart it, set it to ready, and check that no session was lost before going on.
5. For good: sessions in a shared store, or a roll-out that drains by itself.`,
	Uses:  []Source{Events, HealthLines, Changes},
	Tells: []Source{Events, BalancerLog},
	Neighbours: map[string]string{
		"health-check-too-aggressive":  "there an instance goes down and up without its process having started anew",
		"failover-without-replication": "there nobody planned it: one instance fails, and comes back late or never",
		"affinity-remap-on-scale":      "there users of healthy instances move too",
	},
	Detect: detectDeploy,
	Lab:    Scenario{Fault: "deploy-no-session-drain"},
})

func detectDeploy(ev *Evidence) []Clue {
	restarted := ev.Clue("restarted", "the instance with the state started anew between the last good request and the lost one", func(b *Break) bool {
		return b.FromStarted != nil || startedAround(ev, b)
	})
	goneDown := ev.Clue("taken-out", "the instance with the state had been taken out of the balancer", func(b *Break) bool { return b.TakenOut() })
	starts := ev.Starts("")
	if restarted == nil && (goneDown == nil || ev.Events && len(starts) > 0) {
		return nil
	}
	clues := append(restarted, goneDown...)
	if restarted == nil && ev.Events {
		clues = append(clues, Clue{ID: "no-start", Strength: 1, Against: true, Text: "no process start was seen"})
	}
	clues = append(clues, rollOut(ev)...)
	if releases, known := newReleases(starts); len(releases) > 0 {
		clues = append(clues, Clue{ID: "release", Strength: 1, Text: "the restarted instances run a new release: " + some(releases, 3)})
	} else if known {
		clues = append(clues, Clue{ID: "same-release", Strength: 1, Against: true, Text: "the restarted instances run the same release as before"})
	}
	if ev.Storage == "memory" {
		clues = append(clues, Clue{ID: "memory", Strength: 1, Text: "the state lives in the memory of the instance that made it"})
	} else if ev.SharedStorage() || ev.InCookie {
		clues = append(clues, Clue{ID: "outlives", Strength: 1, Against: true, Text: "the state outlives an instance"})
	}
	if c, ok := ev.ChangeNear(ev.Breaks[0].At, changeWindow, "deploy", "restart"); ok {
		clues = append(clues, changeClue(c))
	}
	clues = append(clues, contradiction(ev, "signature", "the application could not verify the credential", func(b *Break) bool { return badSignature(b.Reason) })...)
	clues = append(clues, wasGone(ev)...)
	return append(clues, downLong(ev)...)
}

// wasGone says whether the instances that went out were really gone, by the balancer's own words.
func wasGone(ev *Evidence) []Clue {
	slow, refused, n, source := whyDown(ev)
	switch {
	case refused*2 > n:
		return []Clue{{ID: "gone", Strength: share(refused, n), Text: "the balancer says that the instance refused connections or was in maintenance: its process was gone", Source: source}}
	case slow*2 > n:
		return []Clue{{ID: "only-slow", Strength: share(slow, n), Against: true, Text: "the balancer says that its probe timed out: the process was there", Source: source}}
	}
	return nil
}

// startedAround reports whether the instance with the state started near the break: it may still
// be starting when its users are already elsewhere.
func startedAround(ev *Evidence, b *Break) bool {
	for _, s := range ev.Starts(b.From) {
		if within(s.At, b.LastGood, b.At.Add(startSlack)) || b.TakenOut() && notBackSince(ev, b, s) {
			return true
		}
	}
	return false
}

// notBackSince reports whether the balancer had not yet taken the instance back since its start: a
// session that just began there is lost when it goes elsewhere for that moment.
func notBackSince(ev *Evidence, b *Break, start Notice) bool {
	if !within(start.At, b.At.Add(-startSlack), b.At) {
		return false
	}
	for _, u := range ev.Notices {
		if u.Kind == session.Health && u.Up && u.Instance == b.From && within(u.At, start.At, b.At) {
			return false
		}
	}
	return true
}

const startSlack = 20 * time.Second

// rollOut says whether several instances went out one after the other.
func rollOut(ev *Evidence) []Clue {
	first := map[string]time.Time{}
	note := func(ns []Notice) {
		for _, n := range ns {
			if t, ok := first[n.Instance]; n.Instance != "" && (!ok || n.At.Before(t)) {
				first[n.Instance] = n.At
			}
		}
	}
	note(ev.Starts(""))
	downOnly := len(first) == 0
	if downOnly {
		note(ev.Downs(""))
	}
	if len(first) < 2 {
		if len(first) == 1 {
			return []Clue{{ID: "one-instance", Strength: 1, Against: true, Text: "only one instance was concerned"}}
		}
		return nil
	}
	names := make([]string, 0, len(first))
	for n := range first {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int { return first[a].Compare(first[b]) })
	inOrder := slices.IsSorted(names)
	id := "rolling"
	if downOnly {
		id = "rolling-down"
		if repeats(ev) {
			return []Clue{{ID: "repeats", Strength: 1, Against: true, Text: "the same instance went down several times"}}
		}
	}
	text := fmt.Sprintf("%d instances went out one after the other", len(names))
	if inOrder {
		text += ", in the order of their names"
	}
	return []Clue{{ID: id, Strength: 1, Text: text}}
}

// repeats reports whether one instance was taken out more than once.
func repeats(ev *Evidence) bool {
	seen := map[string]int{}
	for _, d := range ev.Downs("") {
		if seen[d.Instance]++; seen[d.Instance] > 1 {
			return true
		}
	}
	return false
}

// newReleases returns the releases that process starts brought in; known is false where nothing tells
// the release before from the one after.
func newReleases(starts []Notice) (releases []string, known bool) {
	var all []string
	for _, s := range starts {
		if s.Release == "" {
			continue
		}
		if !slices.Contains(all, s.Release) {
			all = append(all, s.Release)
		}
		if s.Was == "" {
			continue
		}
		known = true
		if s.Release != s.Was && !slices.Contains(releases, s.Release) {
			releases = append(releases, s.Release)
		}
	}
	if !known && len(all) > 1 {
		return all, true
	}
	return releases, known
}

// downLong compares how long instances stayed out with what a health check alone would take.
func downLong(ev *Evidence) []Clue {
	var n, short int
	for _, d := range ev.Downs("") {
		for _, u := range ev.Notices {
			if u.Kind == session.Health && u.Up && u.Instance == d.Instance && u.At.After(d.At) {
				n++
				if len(startsBetween(ev, d.Instance, d.At.Add(-startSlack), u.At)) == 0 {
					short++
				}
				break
			}
		}
	}
	if n == 0 || len(ev.Starts("")) == 0 {
		return nil
	}
	if short*2 > n {
		return []Clue{{ID: "down-without-start", Strength: share(short, n), Against: true, Text: "instances went down and up again without a process start", Source: fmt.Sprintf("%d of %d times", short, n)}}
	}
	return nil
}

func startsBetween(ev *Evidence, instance string, from, to time.Time) []Notice {
	var in []Notice
	for _, s := range ev.Starts(instance) {
		if within(s.At, from, to) {
			in = append(in, s)
		}
	}
	return in
}
