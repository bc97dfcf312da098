package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"limpet.dev/cause"
	"limpet.dev/session"
	"limpet.dev/topology"
)

const mostStories = 8

// stories tells the worst broken sessions of each cause, request by request, after those
// that were asked for.
func (d *run) stories() {
	d.report.Stories = d.asked()
	worst := slices.Clone(d.breaks)
	slices.SortStableFunc(worst, func(a, b *settled) int {
		switch {
		case a.weight > b.weight:
			return -1
		case a.weight < b.weight:
			return 1
		}
		return a.At.Compare(b.At)
	})
	perCause := map[string]int{}
	for _, b := range worst {
		if len(d.report.Stories) == mostStories {
			return
		}
		if perCause[b.cause]++; perCause[b.cause] > 3 || d.told(b) {
			continue
		}
		d.report.Stories = append(d.report.Stories, d.story(b))
	}
}

// asked tells the sessions whose pseudonym begins with Tell: those with a follow-up that was
// not plainly honoured, as only their visits are kept.
func (d *run) asked() []Story {
	told := []Story{}
	if d.Tell == "" {
		return told
	}
	for i := range d.Troubled {
		tl := &d.Troubled[i]
		if len(told) == mostStories || !strings.HasPrefix(tl.Pseudonym.String(), d.Tell) {
			continue
		}
		b := &settled{Break: cause.Break{Session: tl.Pseudonym}, tl: tl, at: -1}
		if k := slices.IndexFunc(d.breaks, func(b *settled) bool { return b.tl == tl }); k >= 0 {
			b = d.breaks[k]
		}
		told = append(told, d.story(b))
	}
	return told
}

func (d *run) story(b *settled) Story {
	s := Story{Session: b.Session.String(), Cause: b.cause, Loss: b.loss, Why: b.why, Store: d.storage(), Omitted: int64(b.tl.Omitted), Tiers: []string{}, Instances: []string{}}
	for _, t := range d.Tiers {
		s.Tiers = append(s.Tiers, t.Name)
	}
	chosenAgain := slices.ContainsFunc(b.tl.Visits, func(v session.Visit) bool { return v.Routing == session.Held && turnedAway(&v) })
	for i := range b.tl.Visits {
		v := &b.tl.Visits[i]
		step := StoryStep{RequestLine: d.line(v), Routing: v.Routing.String(), Outcome: v.Outcome.String(), Affinity: affinityWords(v.Flow), Break: i == b.at}
		if chosenAgain && v.AppOn != 0 { // what the balancer calls one instance is several: the application's word tells them apart
			step.Instance = d.Names.Instances.Name(v.AppOn)
		} else if chosenAgain && i == b.good && b.KnownOn != "" {
			step.Instance = b.KnownOn
		}
		if step.Break {
			step.Note = b.why
		} else if v.SetNew {
			step.Note = "a credential was handed out"
		}
		if step.Instance != "" && !slices.Contains(s.Instances, step.Instance) {
			s.Instances = append(s.Instances, step.Instance)
		}
		s.Requests = append(s.Requests, step)
	}
	slices.Sort(s.Instances)
	if b.at >= 0 {
		s.Divergence = d.diverge(b)
	}
	return s
}

// told says whether a broken session's story is in the report already.
func (d *run) told(b *settled) bool {
	_, ok := d.report.Story(b.Session.String())
	return ok
}

// Story tells the session with that pseudonym, if it broke and its visits were kept.
func (r *Report) Story(pseudonym string) (Story, bool) {
	for _, s := range r.Stories {
		if strings.EqualFold(s.Session, pseudonym) {
			return s, true
		}
	}
	return Story{}, false
}

func (d *run) tierName() string {
	if len(d.Tiers) > 0 {
		return d.Tiers[0].Name
	}
	return ""
}

// tiers draws each balancer: listeners, pools, instances, with what was seen of them.
func (d *run) tiers() {
	d.report.Tiers = []Tier{}
	for _, t := range d.Tiers {
		out := Tier{Name: t.Name, Product: t.Product, Listeners: []TierListener{}, Pools: []TierPool{}}
		if t.Config != nil {
			for _, l := range t.Config.Listeners {
				tl := TierListener{Name: l.Name, Pos: l.Pos.String(), Pools: []string{}}
				for _, r := range l.Routes {
					if !slices.Contains(tl.Pools, r.Pool) {
						tl.Pools = append(tl.Pools, r.Pool)
					}
				}
				out.Listeners = append(out.Listeners, tl)
			}
			for i := range t.Config.Pools {
				out.Pools = append(out.Pools, d.tierPool(&t.Config.Pools[i]))
			}
		}
		d.report.Tiers = append(d.report.Tiers, out)
	}
}

func (d *run) tierPool(p *topology.Pool) TierPool {
	out := TierPool{Name: p.Name, Affinity: affinityOf(p), Balance: p.Balance.Algorithm, Check: checkOf(p), Pos: p.Pos.String(), Instances: []TierInstance{}}
	for _, in := range p.Instances {
		ti := TierInstance{Name: in.Name}
		for id := range d.Population.ByInstance {
			if id > 0 && d.Names.Instances.Name(uint16(id)) == in.Name {
				ti.Requests = d.Population.ByInstance[id].Total()
			}
		}
		for _, b := range d.breaks {
			if b.From == in.Name {
				ti.Breaks++
			}
		}
		for _, n := range d.notices {
			if n.Kind == session.Health && !n.Up && n.Instance == in.Name {
				ti.Downs++
			}
		}
		out.Instances = append(out.Instances, ti)
	}
	return out
}

func affinityOf(p *topology.Pool) string {
	if len(p.Affinity) == 0 {
		return "none"
	}
	words := make([]string, 0, len(p.Affinity))
	for _, a := range p.Affinity {
		w := string(a.Method)
		if a.Carrier != "" {
			w += " (" + a.Carrier + ")"
		}
		words = append(words, w)
	}
	return strings.Join(words, ", then ")
}

func checkOf(p *topology.Pool) string {
	for _, in := range p.Instances {
		if c := in.Check; c != nil {
			return fmt.Sprintf("%s every %s, out after %s to %s, back after %s to %s", c.Kind, short(c.Interval), short(time.Duration(c.RemoveMin)), short(time.Duration(c.RemoveMax)), short(time.Duration(c.ReturnMin)), short(time.Duration(c.ReturnMax)))
		}
	}
	return "none"
}

func short[T ~int64](t T) string { return time.Duration(t).Round(time.Millisecond).String() }

// sessionMap says where state lives and how requests are routed: declared, observed or contradicted.
func (d *run) sessionMap() {
	d.report.SessionMap = []MapEntry{}
	carrier := "not known"
	if d.Declared.Cookie != "" {
		carrier = "cookie " + d.Declared.Cookie
	}
	storage := d.storage()
	if storage == "" {
		storage = "not known"
	}
	names := d.Tiers
	if len(names) == 0 && d.Log {
		names = []TierConfig{{Name: "balancer"}}
	}
	if len(names) == 0 && d.Events {
		names = []TierConfig{{Name: "application"}}
	}
	for _, t := range names {
		e := MapEntry{Carrier: carrier, Storage: storage, Tier: t.Name, Affinity: "not known", Status: "observed", Evidence: []Clue{}}
		if t.Config != nil {
			if p := d.pool(); p != nil {
				e.Affinity = affinityOf(p)
				e.Evidence = append(e.Evidence, Clue{Text: "pool " + p.Name + ": affinity " + e.Affinity, Source: p.Pos.String()})
				e.Status = "declared"
			}
		}
		d.observe(&e)
		d.report.SessionMap = append(d.report.SessionMap, e)
	}
}

// observe holds a declared entry against what was seen.
func (d *run) observe(e *MapEntry) {
	n := d.counts.Held + d.counts.Moved
	if n == 0 {
		return
	}
	rate := float64(d.counts.Held) / float64(n)
	e.Evidence = append(e.Evidence, Clue{Text: fmt.Sprintf("%.1f %% of follow-ups reached the instance of the request before", 100*rate), Source: fmt.Sprintf("%d of %d", d.counts.Held, n)})
	bound := e.Affinity != "none" && e.Affinity != "not known"
	if e.Status == "declared" {
		switch {
		case bound && rate < 0.9:
			e.Status = "contradicted"
			e.Evidence = append(e.Evidence, Clue{Text: "the configuration binds clients to instances, and the log shows them bouncing"})
		case bound || rate < 0.9:
			e.Status = "observed"
		}
	}
	if e.Affinity == "not known" {
		e.Affinity = map[bool]string{true: "clients stay on their instance", false: "clients move between instances"}[rate >= 0.9]
	}
	seen := ""
	if d.Names.Stores.Len() > 1 {
		seen = d.storage()
	}
	if seen != "" && d.Declared.Storage != "" && seen != d.Declared.Storage {
		e.Status = "contradicted"
		e.Evidence = append(e.Evidence, Clue{Text: fmt.Sprintf("declared is storage %s, the application's events say %s", d.Declared.Storage, seen), Source: d.Declared.StoragePos.String()})
	}
}
