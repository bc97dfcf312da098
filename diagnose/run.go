package diagnose

import (
	"fmt"
	"slices"
	"time"

	"limpet.dev/cause"
	"limpet.dev/session"
)

// Run makes the report. ev's timelines and counts are settled in place.
func Run(ev *Evidence) *Report {
	d := &run{Evidence: ev, counts: ev.Counts, signs: map[session.Signs]int64{}, report: &Report{Schema: Schema}}
	d.gatherNotices()
	d.settle()
	clusters := d.gather()
	d.explain(clusters)

	r := d.report
	r.Inputs, r.KeyID, r.KeyIsRandom, r.Seed = ev.Inputs, ev.KeyID, ev.KeyRandom, ev.Seed
	if r.Inputs == nil {
		r.Inputs = []Input{}
	}
	if d.counts.First != 0 {
		r.Window = Window{at(d.counts.First), at(d.counts.Last)}
	}
	r.Hypotheses = d.hypotheses(clusters)
	d.totals()
	d.losses()
	r.Verdict = d.verdict()
	d.listBreaks()
	d.listMoves()
	d.shares()
	d.priceProbes()
	d.health()
	d.findings()
	d.changes()
	d.series()
	d.stories()
	d.tiers()
	d.sessionMap()
	d.assess()
	d.listSigns()
	d.notes()
	d.summary()
	return r
}

// gatherNotices brings the balancer's and the applications' notices into one list, in order of time.
func (d *run) gatherNotices() {
	for _, n := range d.Notices {
		d.notices = append(d.notices, cause.Notice{
			At: at(n.At), Kind: n.Kind, Instance: d.Names.Instances.Name(n.Instance), Up: n.Up, Release: d.Names.Releases.Name(n.Release),
			Detail: n.Detail, Source: d.source(n.Input, n.Line),
		})
	}
	slices.SortStableFunc(d.notices, func(a, b cause.Notice) int { return a.At.Compare(b.At) })
	// A balancer says once for each of its proxies that it starts; that is one start.
	d.notices = slices.CompactFunc(d.notices, func(a, b cause.Notice) bool {
		return a.Kind == session.Lifecycle && b.Kind == session.Lifecycle && a.Up == b.Up && a.At.Sub(b.At).Abs() < time.Second
	})
	// The first start of each process, and of the balancer, opens its life; only later ones end what was before.
	opening := func(n *cause.Notice) bool {
		return d.counts.First == 0 || n.At.UnixNano() < d.counts.First+int64(time.Second)
	}
	// A stop after which no requests come ends what was seen and explains none of it; messages have whole seconds.
	closing := func(n *cause.Notice) bool {
		return n.Kind == session.Lifecycle && !n.Up && d.counts.Last != 0 && n.At.UnixNano() > d.counts.Last-int64(time.Second)
	}
	release := map[string]string{}
	d.opening = map[string]string{}
	balancer := false
	kept := d.notices[:0]
	for _, n := range d.notices {
		if closing(&n) {
			continue
		}
		first := false
		switch n.Kind {
		case session.Start:
			was, seen := release[n.Instance]
			n.Was, first = was, !seen
			if !seen {
				d.opening[n.Instance] = n.Release
			}
			release[n.Instance] = n.Release
		case session.Lifecycle:
			first = !balancer && n.Up
			balancer = true
		}
		if !first || !opening(&n) {
			kept = append(kept, n)
		}
	}
	d.notices = kept
}

func (d *run) totals() {
	c, t := &d.counts, &d.report.Totals
	*t = Totals{
		Requests: c.Requests, Sessions: c.Sessions, Followups: c.Followups, FirstSeen: c.FirstSeen, Held: c.Held, Moved: c.Moved,
		Honoured: c.Honoured, Lost: c.Lost, Incomplete: c.Incomplete, Withheld: c.Withheld, Unserved: c.Unserved, Unknown: c.Unknown,
		Ends:      Ends{Logout: c.EndsLogout, Idle: c.EndsIdle, Absolute: c.EndsAbsolute, Rotation: c.EndsRotation},
		Unmatched: Unmatched{Log: d.LogOnly, Events: d.EventOnly},
		Breaks:    int64(len(d.breaks)), BrokenSessions: int64(len(d.breaks)),
		ContinuityRate: 1, SessionsWhole: 1,
	}
	users := map[uint64]bool{}
	var recovery []float64
	for _, b := range d.breaks {
		if b.LoggedIn {
			t.LoggedInBroken++
		}
		if b.Cart > 0 {
			t.CartsLost++
		}
		if b.tl.User != 0 {
			users[b.tl.User] = true
		}
		if b.cause == Unexplained {
			t.Unexplained++
		}
		if ms := b.recoveredMs(); ms >= 0 {
			recovery = append(recovery, ms)
		}
	}
	t.UsersBroken = int64(len(users))
	t.Recovered, t.NotRecovered = int64(len(recovery)), t.Breaks-int64(len(recovery))
	t.Recovery = recoveryOf(recovery)
	if c.Followups > 0 {
		t.ContinuityRate = float64(c.Honoured) / float64(c.Followups)
	}
	if c.Sessions > 0 {
		t.SessionsWhole = 1 - float64(t.BrokenSessions)/float64(c.Sessions)
	}
	if t.Breaks == 0 && c.Followups > 0 {
		t.BreakRateUpper = min(1, 3/float64(c.Followups))
	}
	t.AuthRequests = c.Followups + c.Logins
	t.AuthErrors = c.Lost + c.Withheld
	t.BadPasswords = c.BadPasswords
	if t.AuthRequests > 0 {
		t.AuthErrorRate = float64(t.AuthErrors) / float64(t.AuthRequests)
	}
}

// recoveredMs is how long after the break the client had a working session again, -1 never.
func (b *settled) recoveredMs() float64 {
	if b.tl.Recovered == 0 || b.tl.Recovered < b.At.UnixNano() {
		return -1
	}
	return float64(b.tl.Recovered-b.At.UnixNano()) / 1e6
}

func recoveryOf(ms []float64) Recovery {
	if len(ms) == 0 {
		return Recovery{}
	}
	slices.Sort(ms)
	sum := 0.0
	for _, v := range ms {
		sum += v
	}
	quantile := func(q float64) float64 { return ms[min(len(ms)-1, int(q*float64(len(ms))))] }
	return Recovery{Mean: sum / float64(len(ms)), P50: quantile(0.5), P95: quantile(0.95), Max: ms[len(ms)-1]}
}

// How much of each list a report holds.
const (
	mostBreaks = 10_000
	mostMoves  = 1_000
)

func (d *run) listBreaks() {
	r := d.report
	r.Breaks = []Break{}
	for _, b := range d.breaks[:min(len(d.breaks), mostBreaks)] {
		r.Breaks = append(r.Breaks, d.breakOf(b))
	}
	r.BreaksKept = Kept{int64(len(r.Breaks)), int64(len(d.breaks))}
}

func (d *run) breakOf(b *settled) Break {
	v := &b.tl.Visits[b.at]
	out := Break{
		Session: b.Session.String(), At: b.At, Kind: b.Kind, Cause: b.cause, Family: string(b.family), Loss: b.loss, From: b.From, To: b.To,
		Tier: d.tierName(), Why: b.why, RecoveredMs: b.recoveredMs(), Request: d.line(v), Source: b.Source, LoggedIn: b.LoggedIn, Cart: b.Cart,
		Client: b.Net, Agent: b.Agent, Weight: b.weight, Proof: b.proof,
	}
	if b.good >= 0 {
		out.Before = d.line(&b.tl.Visits[b.good])
	}
	return out
}

// line shows a visit as a report may.
func (d *run) line(v *session.Visit) RequestLine {
	return RequestLine{At: v.At(), Method: v.Method.String(), Path: d.Names.Routes.Name(v.Route), Status: int(v.Status),
		Instance: d.Names.Instances.Name(v.Instance), Source: d.source(v.Input, v.Line)}
}

func (d *run) listMoves() {
	r := d.report
	r.Moved = []Move{}
	lost := map[string]bool{}
	for _, b := range d.breaks {
		lost[b.Session.String()] = true
	}
	all := slices.Clone(d.Moved)
	slices.SortFunc(all, func(a, b session.Timeline) int {
		switch {
		case a.After.Start != b.After.Start:
			return int(min(1, max(-1, a.After.Start-b.After.Start)))
		}
		return slices.Compare(a.Pseudonym[:], b.Pseudonym[:])
	})
	for i := range all[:min(len(all), mostMoves)] {
		tl := &all[i]
		id := tl.Pseudonym.String()
		r.Moved = append(r.Moved, Move{Session: id, Before: d.line(&tl.Before), After: d.line(&tl.After), Moves: int64(tl.Moves),
			Why: affinityWords(tl.After.Flow), Lost: lost[id]})
	}
	r.MovedKept = Kept{int64(len(r.Moved)), d.MovedTotal}
}

// affinityWords says what the balancer made of its own cookie.
func affinityWords(f session.Flow) string {
	words := [...]string{"", "no affinity cookie in force", "no affinity cookie presented", "affinity cookie followed",
		"the affinity cookie names no instance", "the affinity cookie names an instance that is out", "the affinity cookie was idle for too long",
		"the affinity cookie was too old", "a rule overrode the affinity cookie"}[f.Affinity]
	if f.Redispatched {
		if words != "" {
			words += "; "
		}
		words += "sent to another instance after a failed connection"
	}
	return words
}

func (d *run) shares() {
	a := &d.report.Affinity
	if n := d.counts.Held + d.counts.Moved; n > 0 {
		a.HeldRate = float64(d.counts.Held) / float64(n)
	}
	list := func(ts []session.Tally, names *session.Names) []Share {
		shares := []Share{}
		for id, t := range ts {
			if t.Total() > 0 && id > 0 {
				shares = append(shares, Share{names.Name(uint16(id)), t.Held, t.Moved, t.Trouble})
			}
		}
		slices.SortFunc(shares, func(x, y Share) int {
			if x.Held+x.Moved != y.Held+y.Moved {
				return int(min(1, max(-1, y.Held+y.Moved-x.Held-x.Moved)))
			}
			return cmpString(x.Name, y.Name)
		})
		return shares[:min(len(shares), 50)]
	}
	p := d.Population
	a.ByInstance, a.ByRoute, a.ByClient = list(p.ByInstance, d.Names.Instances), list(p.ByRoute, d.Names.Routes), list(p.ByAgent, d.Names.Agents)
}

func (d *run) series() {
	s, out := &d.Population.Series, &d.report.Series
	*out = Series{Followups: []int64{}, Honoured: []int64{}, Moved: []int64{}, Breaks: []int64{}}
	if s.Step == 0 {
		return
	}
	merge := 1
	for len(s.Steps)/merge > 240 {
		merge *= 2
	}
	out.Start, out.StepS = at(s.Start), float64(s.Step)/1e9*float64(merge)
	for i := 0; i < len(s.Steps); i += merge {
		var sum session.Step
		for _, st := range s.Steps[i:min(i+merge, len(s.Steps))] {
			sum.Followups += st.Followups
			sum.Honoured += st.Honoured
			sum.Moved += st.Moved
			sum.Breaks += st.Breaks
		}
		out.Followups = append(out.Followups, int64(sum.Followups))
		out.Honoured = append(out.Honoured, int64(sum.Honoured))
		out.Moved = append(out.Moved, int64(sum.Moved))
		out.Breaks = append(out.Breaks, int64(sum.Breaks))
	}
}

// health lists the notices and prices each removal and return in sessions (S44).
func (d *run) health() {
	d.report.Health = []Health{}
	for i, n := range d.notices {
		h := Health{At: n.At, Instance: n.Instance, Detail: n.Detail, Source: n.Source, To: noticeWord(n)}
		until := at(d.counts.Last + 1)
		for _, m := range d.notices[i+1:] {
			if m.Instance == n.Instance {
				until = m.At
				break
			}
		}
		h.Moved, h.Lost = d.price(n, until)
		h.Served = d.probed[healthKey{n.Instance, n.At}]
		d.report.Health = append(d.report.Health, h)
	}
}

func noticeWord(n cause.Notice) string {
	switch {
	case n.Kind == session.Start:
		return "started"
	case n.Kind == session.Lifecycle && n.Up:
		return "balancer started"
	case n.Kind == session.Lifecycle:
		return "balancer stopped"
	case n.Up:
		return "up"
	}
	return "down"
}

// price counts the sessions that a notice moved or lost until the next notice of that instance.
func (d *run) price(n cause.Notice, until time.Time) (moved, lost int64) {
	for _, b := range d.breaks {
		if b.At.Before(n.At.Add(-noticeSlack)) || b.At.After(until) {
			continue
		}
		if b.FromDown != nil && b.FromDown.At.Equal(n.At) && n.Instance == b.From && !n.Up ||
			b.FromStarted != nil && b.FromStarted.At.Equal(n.At) && n.Instance == b.From ||
			b.Reloaded != nil && n.Kind == session.Lifecycle && b.Reloaded.At.Equal(n.At) {
			lost++
		}
	}
	for i := range d.Moved {
		tl := &d.Moved[i]
		t := at(tl.After.Start)
		from := d.Names.Instances.Name(tl.Before.Instance)
		if (n.Kind == session.Lifecycle || from == n.Instance) && !t.Before(n.At.Add(-noticeSlack)) && !t.After(until) && !(n.Kind == session.Health && n.Up) {
			moved++
		}
	}
	return moved, lost
}

func (d *run) changes() {
	d.report.Changes = []Change{}
	for _, c := range d.Changes {
		d.report.Changes = append(d.report.Changes, Change{At: c.At, Kind: c.Kind, Target: c.Target, What: c.What, Ref: c.Ref, Source: d.source(c.Input, c.Line)})
	}
}

func (d *run) listSigns() {
	d.report.Signs = []Sign{}
	for i := range d.Population.BySign {
		bit := session.Signs(1 << i)
		if d.signs[bit] == 0 {
			continue
		}
		s := d.Population.BySign[i]
		d.report.Signs = append(d.report.Signs, Sign{Sign: signNames[bit], Breaks: d.signs[bit], Strength: "proof",
			Healthy: fmt.Sprintf("%d of %d follow-ups that stayed on their instance showed it", s.Held, d.Population.Signed.Held)})
	}
}

func (d *run) notes() {
	notes := slices.Clone(d.Notes)
	if d.idleGap > 0 {
		notes = append(notes, fmt.Sprintf("No idle time is declared. Misses after a pause of %s or more are taken for idle expiry: sessions that paused so long were lost on the instance that knew them, others hardly ever.", time.Duration(d.idleGap).Round(100*time.Millisecond)))
	}
	if d.counts.TracesCut > 0 {
		notes = append(notes, fmt.Sprintf("%d broken sessions are kept with their last good request and the break only, to bound memory.", d.counts.TracesCut))
	}
	if d.counts.NoticesCut > 0 {
		notes = append(notes, fmt.Sprintf("%d further changes of health, starts and reloads were counted and not kept, to bound memory.", d.counts.NoticesCut))
	}
	if d.counts.Late > 0 {
		notes = append(notes, fmt.Sprintf("%d requests overlapped with a later one of their session; they were judged in the order in which they were logged.", d.counts.Late))
	}
	if d.report.BreaksKept.Shown < d.report.BreaksKept.Total {
		notes = append(notes, fmt.Sprintf("The list of breaks holds the first %d of %d.", d.report.BreaksKept.Shown, d.report.BreaksKept.Total))
	}
	if d.KeyRandom {
		notes = append(notes, "Pseudonyms were made with a key of this run only and will not match another run's. Set LIMPET_KEY_FILE, or put limpet.key into the bundle.")
	}
	d.report.Notes = notes
	if notes == nil {
		d.report.Notes = []string{}
	}
}

func cmpString(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
