package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"limpet.dev/session"
	"limpet.dev/topology"
)

// presentationFaults says, for each inconsistent way of presenting a credential, what is seen and what to do (S33).
var presentationFaults = [len(session.Presentations)]struct{ rule, title, feels, fix string }{
	session.Missing: {"credential-missing", "left the session's credential out between two requests that had it",
		"single actions fail or are taken for a stranger's, while the pages before and after work",
		"look at which routes it concerns: a cookie Path that does not cover them, scripts that call without credentials, another host name"},
	session.Duplicate: {"credential-duplicate", "sent the session's credential twice in one request",
		"which of the two the application takes is chance: users are signed out at random, or see an older state",
		"one Domain and one Path for the cookie everywhere; delete the other one under exactly the attributes it was set with"},
	session.Changed: {"credential-changed", "presented another credential than the one they held, which no answer had handed out",
		"users change into another session in the middle of a visit, possibly somebody else's",
		"look for a proxy or cache between client and balancer that exchanges cookies, and for applications that share a cookie name"},
	session.StaleOne: {"credential-stale", "went on with an old credential although an answer had replaced it",
		"users lose what happened since, or are signed out when the old one is refused",
		"let the old credential live for some seconds after a rotation; see whether the Set-Cookie of the rotation is refused or stripped"},
	session.Reordered: {"credential-reordered", "went back to an old credential after having presented the new one",
		"users flip between two states of their session",
		"two cookies of that name under different paths or domains, or scripts that cached the old one: keep one"},
}

// presentation lists what clients presented inconsistently. Behind another proxy connections do not tell clients apart:
// then what rests on them is said with less weight.
func (d *run) presentation() {
	for p := range d.Population.Odd {
		o := &d.Population.Odd[p]
		if o.Requests == 0 {
			continue
		}
		say := presentationFaults[p]
		f := Finding{Rule: say.rule, Severity: "warning", Feels: say.feels, Fix: say.fix,
			Title: fmt.Sprintf("clients of %s %s: %s", counted(o.Sessions, "session"), say.title, counted(o.Requests, "request"))}
		if families := d.families(o.ByAgent); families != "" {
			f.Title += ", from " + families
		}
		if k := o.Kept[0]; k.Visit.Line > 0 {
			v := d.line(&k.Visit)
			f.Title += fmt.Sprintf("; first %s at %s", strings.TrimSpace(v.Method+" "+v.Path), v.At.Format("15:04:05.000"))
			if int(k.Visit.Input) < len(d.Inputs) {
				f.File, f.Line = d.Inputs[k.Visit.Input].Path, int(k.Visit.Line)
			}
		}
		if addresses, sessions := d.Population.Addresses.Count(), d.counts.Sessions; session.Presentation(p) != session.Duplicate && sessions >= 50 && addresses*20 <= sessions {
			f.Severity = "info"
			f.Title += fmt.Sprintf(" (%d addresses for %d sessions: several clients may share a connection here)", addresses, sessions)
		}
		d.report.Findings = append(d.report.Findings, f)
	}
}

// families names the client families that did something, most first.
func (d *run) families(by map[uint16]int64) string {
	ids := make([]uint16, 0, len(by))
	for id := range by {
		if id != 0 {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b uint16) int {
		return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(d.Names.Agents.Name(a), d.Names.Agents.Name(b)))
	})
	var words []string
	for _, id := range ids[:min(len(ids), 4)] {
		words = append(words, fmt.Sprintf("%s (%d)", d.Names.Agents.Name(id), by[id]))
	}
	return strings.Join(words, ", ")
}

// askPresentation says whether each client presented its credential as it should.
func (d *run) askPresentation() Step {
	s := Step{Step: "Did each client present its credential consistently?", Outcome: "unknown", Answer: "not known: the input does not show which credential each request presents"}
	if !d.Log && d.Events {
		s.Answer = "not known: application events show only requests that present a session; a client that stops presenting one leaves none"
		s.Evidence = append(s.Evidence, Clue{Text: "no balancer log: sessions whose client left the credential out cannot be seen", Source: "name the log; the line to add: " + d.logline()})
		return s
	}
	if d.counts.Followups == 0 {
		return s
	}
	var words []string
	for p, name := range session.Presentations {
		if o := &d.Population.Odd[p]; o.Requests > 0 {
			words = append(words, fmt.Sprintf("%s: %s of %s", name, counted(o.Requests, "request"), counted(o.Sessions, "session")))
		}
	}
	for _, f := range d.report.Findings {
		if strings.HasPrefix(f.Rule, "credential-") {
			s.Evidence = append(s.Evidence, Clue{Text: f.Title, Source: topology.Pos{File: f.File, Line: f.Line}.String()})
		}
	}
	if s.Outcome, s.Answer = "yes", "yes"; len(words) > 0 {
		s.Outcome, s.Answer = "no", "no: "+strings.Join(words, ", ")
	}
	return s
}

func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
