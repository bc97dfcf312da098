package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"limpet.dev/session"
	"limpet.dev/topology"
)

// Health checks are held against real traffic in both directions: a probe that fails while sessions are served (S50), and one
// that succeeds while session operations fail (S51).

// healthKey names a change of health.
type healthKey struct {
	instance string
	at       time.Time
}

// How much real traffic contradicts a probe.
const (
	fewestServed   = 3   // honoured follow-ups while the probe failed
	servedShare    = 0.9 // of all that the instance answered then
	fewestFailures = 3   // session operations that failed while the probe succeeded
)

// priceProbes counts, for each removal of an instance, the follow-ups that it answered while its check failed.
func (d *run) priceProbes() {
	d.probed = map[healthKey]*Served{}
	for i := range d.Notices {
		n := &d.Notices[i]
		if n.Kind != session.Health || n.Up || n.Instance == 0 || len(n.Past) == 0 {
			continue
		}
		name := d.Names.Instances.Name(n.Instance)
		window := d.failingFor(name, n.Detail)
		s := &Served{}
		for _, b := range n.Past {
			if b.At >= n.At-int64(window) && b.At <= n.At {
				f := n.Served.Since(b.Fare)
				s.From, s.Honoured, s.Followups = at(b.At), f.Known, f.All
				break
			}
		}
		if s.From.IsZero() {
			s.From = at(n.At)
		}
		d.untilBack(i, s)
		d.probed[healthKey{name, at(n.At)}] = s
	}
}

// failingFor is how long the check of an instance had been failing, at least, when the instance was taken out. A check that
// waits for its timeout fails that long; only where process starts are seen is it known that connections were not refused.
func (d *run) failingFor(instance, detail string) time.Duration {
	c := d.checkFor(instance)
	switch {
	case c == nil:
		return 0
	case d.Events && !strings.Contains(strings.ToLower(detail), "refused"): // a refused probe fails at once
		return max(c.RemoveMin, c.Timeout)
	}
	return c.RemoveMin
}

// untilBack adds what happened between a removal and the return.
func (d *run) untilBack(i int, s *Served) {
	n := &d.Notices[i]
	end := d.counts.Last
	for k := range d.Notices[i+1:] {
		if m := &d.Notices[i+1+k]; m.Kind == session.Health && m.Instance == n.Instance && m.Up {
			s.WhileOut, end = m.Served.Since(n.Served).Known, m.At
			break
		}
	}
	name := d.Names.Instances.Name(n.Instance)
	for _, m := range d.notices {
		if m.Kind == session.Start && m.Instance == name && m.At.After(s.From) && !m.At.After(at(end).Add(noticeSlack)) {
			s.Restarted = true
		}
	}
}

// contradicts reports whether real requests succeeded while the probe failed, on an instance that was not really gone.
func (s *Served) contradicts() bool {
	return !s.Restarted && s.Honoured+s.WhileOut >= fewestServed && float64(s.Honoured) >= servedShare*float64(s.Followups)
}

// checkFor returns the health check of an instance, nil if no configuration has one.
func (d *run) checkFor(instance string) *topology.HealthCheck {
	for _, t := range d.Tiers {
		if t.Config == nil {
			continue
		}
		for i := range t.Config.Pools {
			for _, in := range t.Config.Pools[i].Instances {
				if in.Name == instance && in.Check != nil {
					return in.Check
				}
			}
		}
	}
	return nil
}

// earlyFailover lists the instances that were taken out although they served sessions at that moment.
func (d *run) earlyFailover() {
	type sum struct {
		times                     int
		honoured, of, while, lost int64
		window                    time.Duration
	}
	by := map[string]*sum{}
	for _, h := range d.report.Health {
		if h.To != "down" || h.Served == nil || !h.Served.contradicts() {
			continue
		}
		s := by[h.Instance]
		if s == nil {
			s = &sum{}
			by[h.Instance] = s
		}
		s.times++
		s.honoured += h.Served.Honoured
		s.of += h.Served.Followups
		s.while += h.Served.WhileOut
		s.lost += h.Lost
		s.window = max(s.window, h.At.Sub(h.Served.From))
	}
	for _, name := range sortedNames(by) {
		s := by[name]
		f := Finding{
			Rule: "early-failover", Severity: "warning",
			Title: fmt.Sprintf("%s was taken out %s while it served sessions: %d of %d follow-ups of the last %s before were honoured, and %d more before it was back", name,
				times(s.times), s.honoured, s.of, s.window.Round(time.Millisecond), s.while),
			Feels: "users are moved away from an instance that works, and signed out where state does not travel",
			Fix:   "more patience: a higher fall or a longer timeout; limpet explain health-check-too-aggressive",
		}
		if s.lost > 0 {
			f.Severity = "error"
		}
		if c := d.checkFor(name); c != nil {
			f.File, f.Line = c.Pos.File, c.Pos.Line
		}
		d.report.Findings = append(d.report.Findings, f)
	}
}

// failing is the session operations of one instance that failed.
type failing struct {
	operations  int
	sessions    int
	first, last int64
}

// misreportedHealth lists the instances whose session operations failed while their check succeeded: the balancer had no reason
// to take them out, and did not.
func (d *run) misreportedHealth() {
	failed := d.failures()
	for _, name := range sortedNames(failed) {
		f := failed[name]
		c := d.checkFor(name)
		if f.operations < fewestFailures || c == nil && !d.hasNotice(session.Health) || d.downWithin(name, f) {
			continue
		}
		finding := Finding{
			Rule: "health-misreported", Severity: "error",
			Title: fmt.Sprintf("the health check of %s succeeded while its session operations failed: %d operations of %d sessions between %s and %s", name,
				f.operations, f.sessions, at(f.first).Format("15:04:05.000"), at(f.last).Format("15:04:05.000")),
			Feels: "users get errors or are signed out on an instance that every dashboard shows as healthy",
			Fix:   "let readiness depend on being able to use sessions where that concerns this instance alone; a store that all instances share must not take all of them out at once",
		}
		if c != nil {
			finding.File, finding.Line = c.Pos.File, c.Pos.Line
			finding.Title += fmt.Sprintf(" (it asks %s)", strings.TrimSpace(c.Kind+" "+c.Method+" "+c.Path))
		}
		d.report.Findings = append(d.report.Findings, finding)
	}
}

// failures gathers the failed session operations by instance.
func (d *run) failures() map[string]*failing {
	failed := map[string]*failing{}
	for i := range d.Troubled {
		seen := map[string]bool{}
		for k := range d.Troubled[i].Visits {
			v := &d.Troubled[i].Visits[k]
			name := d.Names.Instances.Name(v.Instance)
			if v.App&session.AppError == 0 || name == "" {
				continue
			}
			f := failed[name]
			if f == nil {
				f = &failing{first: v.Start}
				failed[name] = f
			}
			f.operations++
			f.first, f.last = min(f.first, v.Start), max(f.last, v.Start)
			if !seen[name] {
				seen[name] = true
				f.sessions++
			}
		}
	}
	return failed
}

// downWithin reports whether the balancer had an instance down at some moment of its failures, or took it out because of them.
func (d *run) downWithin(instance string, f *failing) bool {
	slack := time.Duration(0)
	if c := d.checkFor(instance); c != nil {
		slack = c.RemoveMax
	}
	down := false
	for _, n := range d.notices {
		if n.Kind != session.Health || n.Instance != instance {
			continue
		}
		if n.At.Before(at(f.first)) {
			down = !n.Up
			continue
		}
		if !n.Up && !n.At.After(at(f.last).Add(slack)) {
			return true
		}
	}
	return down
}

// askProbes says whether health checks and real traffic agreed.
func (d *run) askProbes() Step {
	s := Step{Step: "Did health checks agree with real requests?", Outcome: "unknown", Answer: "not known: no check and no change of health was seen"}
	wrong := slices.DeleteFunc(slices.Clone(d.report.Findings), func(f Finding) bool { return f.Rule != "early-failover" && f.Rule != "health-misreported" })
	switch {
	case len(wrong) > 0:
		s.Outcome, s.Answer = "no", "no: "+wrong[0].Title
		for _, f := range wrong {
			s.Evidence = append(s.Evidence, Clue{Text: f.Rule + ": " + f.Title, Source: topology.Pos{File: f.File, Line: f.Line}.String()})
		}
		if len(wrong) > 1 {
			s.Answer = fmt.Sprintf("no, on %d instances: %s", len(wrong), wrong[0].Title)
		}
	case d.hasNotice(session.Health):
		s.Outcome, s.Answer = "yes", "yes: no instance was taken out while it served sessions, and none was left in while session operations failed"
	}
	return s
}

func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
