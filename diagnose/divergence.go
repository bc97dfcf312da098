package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"limpet.dev/session"
)

// diverge compares a broken session's request with that of a comparable healthy session, hop by hop, and marks the first
// hop at which their ways differ (S78). Comparable is the request of a healthy session on the same route whose way is
// alike for longest; among those the one of a like client, nearest in time. Nil: there is none to compare with.
func (d *run) diverge(b *settled) *Divergence {
	broken := d.wayOf(b)
	var best *Divergence
	var rank [4]int64
	for _, w := range d.candidates(b) {
		healthy := d.healthyWay(w)
		hops := compare(broken, healthy)
		at := slices.IndexFunc(hops, func(h Hop) bool { return !h.Same })
		if at < 0 {
			continue
		}
		v := &b.tl.Visits[b.at]
		distance := max(v.Start-w.visit.Start, w.visit.Start-v.Start)
		r := [4]int64{int64(at), oneIf(w.visit.Flags&session.Foreign == v.Flags&session.Foreign), oneIf(w.visit.Agent == v.Agent), -distance}
		if best != nil && slices.Compare(r[:], rank[:]) <= 0 {
			continue
		}
		rank = r
		first := hops[at]
		best = &Divergence{Hop: first.Hop, Name: first.Name, Broken: first.Broken, Healthy: first.Healthy, With: w.tl.Pseudonym.String(), Own: w.tl == b.tl,
			Request: d.line(w.visit), Hops: hops[:at+1]}
	}
	return best
}

func oneIf(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// A healthyVisit is an honoured follow-up to compare with.
type healthyVisit struct {
	tl     *session.Timeline
	before *session.Visit
	visit  *session.Visit
}

// candidates returns the requests to compare a break with: honoured follow-ups of healthy sessions on its route and those
// of its class of routes that moved; without any, all of its class; then all there are. Where no session
// is healthy it is the last good request of the broken one itself.
func (d *run) candidates(b *settled) []healthyVisit {
	if d.healthy == nil {
		d.gatherHealthy()
	}
	v := &b.tl.Visits[b.at]
	class := d.classOf(v.Method, v.Route)
	for _, fits := range []func(w *session.Visit) bool{
		func(w *session.Visit) bool {
			return w.Method == v.Method && w.Route == v.Route || w.Routing == session.Moved && d.classOf(w.Method, w.Route) == class
		},
		func(w *session.Visit) bool { return d.classOf(w.Method, w.Route) == class },
		func(w *session.Visit) bool { return true },
	} {
		var list []healthyVisit
		for _, w := range d.healthy {
			if fits(w.visit) && !(b.Moved && d.byChance(w)) {
				list = append(list, w)
			}
		}
		if len(list) > 0 {
			return list
		}
	}
	if b.good >= 0 {
		return []healthyVisit{{b.tl, &b.tl.Visits[max(0, b.good-1)], &b.tl.Visits[b.good]}}
	}
	return nil
}

// byChance reports whether a request that was held brought nothing by which the balancer could have brought it back,
// although others did: another request like it would have gone elsewhere.
func (d *run) byChance(h healthyVisit) bool {
	if h.visit.Routing != session.Held || h.visit.Flow.Affinity != session.AffinityNone {
		return false
	}
	return d.Population.ByAffinity[session.AffinityValid][session.Held].Total() > 0
}

func (d *run) classOf(m session.Method, route uint16) session.Class {
	if d.Classify == nil {
		return session.Ordinary
	}
	return d.Classify(m, d.Names.Routes.Name(route))
}

// gatherHealthy lists the follow-ups that show what healthy looks like: of sessions that
// stayed where they were, and of sessions that moved and were known all the same. By the log alone only answers
// that prove the state count, if there are any such.
func (d *run) gatherHealthy() {
	d.healthy = []healthyVisit{}
	broken := map[session.Pseudonym]bool{}
	for _, b := range d.breaks {
		broken[b.Session] = true
	}
	for _, strict := range []bool{true, false} {
		add := func(tl *session.Timeline, before, v *session.Visit) {
			if v.Outcome == session.Honoured && (!strict || d.provesState(v)) {
				d.healthy = append(d.healthy, healthyVisit{tl, before, v})
			}
		}
		for i := range d.Whole {
			tl := &d.Whole[i]
			for k := 1; k < len(tl.Visits); k++ {
				add(tl, &tl.Visits[k-1], &tl.Visits[k])
			}
		}
		for i := range d.Moved {
			if tl := &d.Moved[i]; !broken[tl.Pseudonym] {
				add(tl, &tl.Before, &tl.After)
			}
		}
		if len(d.healthy) > 0 {
			return
		}
	}
}

// A way is what one request met from hop to hop. An empty text is a hop of which the evidence shows nothing.
type way [6]struct{ name, text string }

// The hops of a way, in the order in which a request passes them.
const (
	hopCredential = iota
	hopAffinity
	hopTier
	hopInstance
	hopStore
	hopAnswer
)

var hopNames = [...]string{"client", "client", "tier", "instance", "store", "answer"}

// compare holds two ways against each other. What one of them does not show is no difference.
func compare(broken, healthy way) []Hop {
	var hops []Hop
	for i := range broken {
		b, h := broken[i], healthy[i]
		if b.text == "" && h.text == "" {
			continue
		}
		hops = append(hops, Hop{Hop: hopNames[i], Name: cmp.Or(b.name, h.name), Broken: b.text, Healthy: h.text,
			Same: b.text == h.text || b.text == "" || h.text == "" || i == hopTier && b.text == keptText})
	}
	return hops
}

// wayOf is the way of the request in which a session broke.
func (d *run) wayOf(b *settled) way {
	v := &b.tl.Visits[b.at]
	var w way
	w[hopCredential].text, w[hopAffinity].text = presented, affinityPresented(v)
	if v.Outcome == session.Withheld {
		w[hopCredential].text = "the session's credential was left out"
		return w
	}
	routing, was := v.Routing, uint16(0)
	if b.good >= 0 && b.From != "" {
		was = b.tl.Visits[b.good].Instance
		routing = map[bool]session.Routing{true: session.Moved, false: session.Held}[b.Moved]
	}
	d.routed(&w, v, routing, was, b.FromStarted != nil && !b.Moved)
	w[hopStore].name, w[hopStore].text = d.storage(), d.found(v)
	w[hopAnswer].text = "the session was not known any more: " + b.proof
	return w
}

// healthyWay is the way of a healthy session's request.
func (d *run) healthyWay(h healthyVisit) way {
	var w way
	v := h.visit
	w[hopCredential].text, w[hopAffinity].text = presented, affinityPresented(v)
	anew := slices.ContainsFunc(d.Notices, func(n session.Notice) bool {
		return n.Kind == session.Start && n.Instance == v.Instance && n.At > h.before.Start && n.At < v.Start
	})
	d.routed(&w, v, v.Routing, h.before.Instance, anew)
	w[hopStore].name, w[hopStore].text = d.storage(), d.found(v)
	w[hopAnswer].text = "the session was known"
	return w
}

const (
	presented = "the session's credential was sent"
	keptText  = "reached the instance of the request before"
)

// affinityPresented says whether the client sent the balancer's own cookie, "" if that is not known or there is none.
func affinityPresented(v *session.Visit) string {
	switch v.Flow.Affinity {
	case session.AffinityUnknown, session.AffinityOff:
		return ""
	case session.AffinityNone:
		return "the balancer's own cookie was not sent"
	}
	return "the balancer's own cookie was sent"
}

// routed fills in what the balancer did with a request, and which instance answered it.
func (d *run) routed(w *way, v *session.Visit, routing session.Routing, was uint16, anew bool) {
	w[hopTier].name = cmp.Or(d.tierName(), "balancer")
	switch routing {
	case session.Held:
		w[hopTier].text, w[hopInstance].text = keptText, "its process was the one of the request before"
	case session.Moved:
		w[hopTier].text = "sent to another instance than the request before"
	default:
		w[hopTier].text = "sent to the instance where the session began"
	}
	if v.Flow.Redispatched {
		w[hopTier].text += ", after a failed connection"
	}
	if d.answeredElsewhere(v) || routing == session.Held && turnedAway(v) {
		w[hopTier].name = d.innerTier()
		w[hopTier].text = "the instance that was chosen is not the one that answered: something behind the balancer chose again"
	}
	name := d.Names.Instances.Name(v.Instance)
	w[hopInstance].name = name
	switch {
	case anew:
		w[hopInstance].text = "its process had started anew since the request before"
	case routing == session.Moved && name != "":
		w[hopInstance].text = name + " answered"
		if d.takesOver(was, v.Instance) {
			w[hopInstance].text = "" // so it did for others that moved, and knew them
		}
	}
}

// takesOver reports whether sessions that moved from one instance to another were mostly known there.
func (d *run) takesOver(from, to uint16) bool {
	t := d.Population.ByPair[session.Pair{From: from, To: to}]
	return t != nil && t.Honoured*2 > t.Total()
}

// answeredElsewhere reports whether the application that answered is, by its own word, another of the instances that the
// balancer knows than the one it chose.
func (d *run) answeredElsewhere(v *session.Visit) bool {
	known := d.Population.ByInstance
	return v.AppOn != 0 && v.Instance != 0 && v.AppOn != v.Instance && int(v.AppOn) < len(known) && known[v.AppOn].Total() > 0
}

// turnedAway reports whether the application that answered is, by its own word, another one than that which last knew the session.
func turnedAway(v *session.Visit) bool {
	return v.AppOn != 0 && v.KnownOn != 0 && v.AppOn != v.KnownOn
}

// innerTier names what stands between the first balancer and the instances.
func (d *run) innerTier() string {
	if len(d.Tiers) > 1 {
		return d.Tiers[1].Name
	}
	return "behind " + cmp.Or(d.tierName(), "the balancer")
}

// found says what the application found where it keeps its sessions, "" if it said nothing.
func (d *run) found(v *session.Visit) string {
	switch a := v.App; {
	case a&session.AppSeen == 0:
		return ""
	case a&session.AppError != 0:
		return "the store failed" + because(d.Names.Reasons.Name(v.Reason))
	case a&session.AppStale != 0 || v.Outcome == session.Incomplete:
		return "found with older or partial state"
	case a&session.AppMiss != 0 && a&(session.AppHit|session.AppRestore) == 0, a&session.AppCreate != 0 && a&session.AppHit == 0:
		return "not found" + because(d.Names.Reasons.Name(v.Reason))
	}
	return "found"
}

func because(reason string) string {
	if reason == "" || reason == "unknown" {
		return ""
	}
	return " (" + plain(reason) + ")"
}

// mostCompared bounds how many breaks the assessment compares with healthy sessions.
const mostCompared = 500

// askDivergence counts at which hop broken sessions leave the way of healthy ones.
func (d *run) askDivergence() Step {
	s := Step{Step: "Where does a broken session's way first differ from a healthy one's?", Outcome: "unknown", Answer: "nothing was lost"}
	if len(d.breaks) == 0 {
		return s
	}
	s.Answer = "not known: there is no good request to compare with"
	counts, example := map[string]int{}, map[string]*Divergence{}
	compared := 0
	for _, b := range d.breaks[:min(len(d.breaks), mostCompared)] {
		v := d.diverge(b)
		if v == nil {
			continue
		}
		compared++
		place := v.place()
		counts[place]++
		if example[place] == nil {
			example[place] = v
		}
	}
	if compared == 0 {
		return s
	}
	places := make([]string, 0, len(counts))
	for p := range counts {
		places = append(places, p)
	}
	slices.SortFunc(places, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	var words []string
	for _, p := range places {
		words = append(words, fmt.Sprintf("%s: %d of %d", p, counts[p], compared))
		v := example[p]
		s.Evidence = append(s.Evidence, Clue{Text: fmt.Sprintf("%s; broken: %s; healthy: %s", p, v.Broken, v.Healthy), Source: v.Request.Source})
	}
	s.Answer, s.Outcome = strings.Join(words, ", "), "yes"
	return s
}

// place names the hop for a person: "the client", "balancer edge", "instance app2".
func (v *Divergence) place() string {
	switch v.Hop {
	case "client":
		return "the client"
	case "tier":
		return "the balancer " + v.Name
	case "instance":
		return "instance " + v.Name
	case "store":
		return strings.TrimSpace("where sessions are kept " + v.Name)
	}
	return "the answer"
}

// String says the first difference in one sentence.
func (v *Divergence) String() string {
	other, name := "a healthy session", "healthy"
	if v.Own {
		other, name = "its own last good request", "before"
	}
	return fmt.Sprintf("First differs from %s at %s: %s; %s: %s.", other, v.place(), v.Broken, name, v.Healthy)
}
