package diagnose

import (
	"cmp"
	"slices"
	"time"

	"limpet.dev/cause"
	"limpet.dev/session"
)

const trouble = 1<<session.Lost | 1<<session.Incomplete | 1<<session.Withheld

// settle decides about every suspicious follow-up, corrects the sums, and finds the break of each session.
func (d *run) settle() {
	d.findGuarded()
	d.findIdleGap()
	d.unmix()
	suspects := d.counts.Suspect
	for i := range d.Troubled {
		suspects -= d.settleLife(&d.Troubled[i])
	}
	if suspects > 0 { // of visits that were not kept
		d.counts.Suspect -= suspects
		if len(d.breaks) > 0 {
			d.counts.Lost += suspects
		} else {
			d.counts.Honoured += suspects
		}
	}
	slices.SortFunc(d.breaks, func(a, b *settled) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Session.String(), b.Session.String()))
	})
	for _, b := range d.breaks {
		d.Population.Series.AddBreak(b.At.UnixNano())
	}
}

// settleLife settles one session and returns how many suspicious follow-ups it had.
func (d *run) settleLife(tl *session.Timeline) (suspects int64) {
	first, ended := -1, false
	for i := range tl.Visits {
		v := &tl.Visits[i]
		if ended {
			suspects += d.uncount(v)
			continue
		}
		if v.Outcome == session.Suspect {
			suspects++
			d.counts.Suspect--
			switch d.judge(tl, i, first >= 0) {
			case session.Lost:
				v.Outcome = session.Lost
				d.counts.Lost++
			case session.Honoured:
				v.Outcome = session.Honoured
				d.counts.Honoured++
			case session.Plain: // it had ended as it should
				ended = true
				d.counts.Suspect++
				d.uncount(v)
				d.counts.EndsIdle++
				continue
			}
		}
		if first < 0 && d.expiredElsewhere(tl, i) {
			ended = true
			d.uncount(v)
			d.counts.EndsIdle++
			continue
		}
		if first < 0 && (trouble&(1<<v.Outcome) != 0 || v.Mark != session.NoMark) {
			first = i
		}
	}
	if first >= 0 {
		d.breaks = append(d.breaks, d.describe(tl, first))
	}
	return suspects
}

// expiredElsewhere reports whether a session that all instances reach expired, and another instance than the one before
// found that out.
func (d *run) expiredElsewhere(tl *session.Timeline, i int) bool {
	v := &tl.Visits[i]
	if v.Outcome != session.Lost || v.Signs&session.SignMiss == 0 || !d.shared() {
		return false
	}
	switch d.Names.Reasons.Name(v.Reason) {
	case "", "unknown", "not-found":
		return d.idle(tl, i)
	}
	return false
}

// uncount takes a visit out of the sums: it turned out to be no follow-up.
func (d *run) uncount(v *session.Visit) (suspects int64) {
	c := &d.counts
	switch v.Outcome {
	case session.Plain:
		return 0
	case session.Suspect:
		c.Suspect--
		suspects = 1
	case session.Lost:
		c.Lost--
	case session.Honoured:
		c.Honoured--
	case session.Incomplete:
		c.Incomplete--
	case session.Withheld:
		c.Withheld--
	case session.Unserved:
		c.Unserved--
	case session.Unknown:
		c.Unknown--
	}
	c.Followups--
	switch v.Routing {
	case session.FirstSeen:
		c.FirstSeen--
	case session.Held:
		c.Held--
	case session.Moved:
		c.Moved--
	}
	v.Outcome, v.Routing = session.Plain, session.NoRouting
	return suspects
}

// judge decides about a suspicious follow-up.
func (d *run) judge(tl *session.Timeline, i int, broken bool) session.Outcome {
	v := &tl.Visits[i]
	if d.idle(tl, i) {
		return session.Plain
	}
	if v.Signs&session.SignMiss != 0 || broken {
		return session.Lost
	}
	if s := v.Signs & d.proving(); s != 0 {
		for bit := session.Signs(1); bit != 0; bit <<= 1 {
			if s&bit != 0 {
				d.signs[bit]++
			}
		}
		return session.Lost
	}
	return session.Honoured
}

// proving returns the signs that prove a loss here: those that sessions which stay where they are
// hardly ever show. A page that shrinks and a new login never prove one alone.
func (d *run) proving() session.Signs {
	signs := session.SignDenied | session.SignCleared | session.SignMiss
	p := d.Population
	if !p.Renews() {
		signs |= session.SignNewCredential
	}
	shrunk := p.BySign[4]
	if shrunk.Moved >= 3 && float64(shrunk.Moved)*float64(p.Signed.Held+1) > 10*float64(shrunk.Held+1)*float64(p.Signed.Moved+1) {
		signs |= session.SignShrunk
	}
	return signs
}

// describe gathers what is known about a break.
func (d *run) describe(tl *session.Timeline, i int) *settled {
	v := &tl.Visits[i]
	n := d.Names
	b := &settled{tl: tl, at: i, good: -1, cluster: -1}
	b.Break = cause.Break{
		Kind: v.Outcome.String(), Session: tl.Pseudonym, At: at(v.Start),
		To: n.Instances.Name(v.Instance), Moved: v.Routing == session.Moved, Affinity: v.Flow.Affinity, AffinitySet: v.Flow.Set,
		Redispatched: v.Flow.Redispatched, Reason: n.Reasons.Name(v.Reason), Result: v.App, Method: v.Method, Route: n.Routes.Name(v.Route),
		Foreign: v.Flags&session.Foreign != 0, Agent: n.Agents.Name(v.Agent), Release: n.Releases.Name(v.Release),
		Signs: v.Signs, SetNew: v.SetNew, LoggedIn: tl.LoggedIn, Cart: int(tl.Cart), Source: d.source(v.Input, v.Line),
		Net: network(v),
	}
	if v.Mark != session.NoMark {
		b.Kind = v.Mark.String()
	}
	if v.Flags&session.KnownTLS != 0 {
		b.Scheme = map[bool]string{true: "https", false: "http"}[v.Flags&session.Secure != 0]
	}
	if d.Classify != nil {
		b.Class = d.Classify(v.Method, b.Route)
	}
	if b.Result&session.AppSeen != 0 && b.Reason == "" && v.App&session.AppError != 0 {
		b.Reason = "error"
	}
	d.turns(b, tl, i)
	for k := i - 1; k >= 0; k-- {
		w := &tl.Visits[k]
		b.HadAffinity = b.HadAffinity || w.Affinity != 0 || w.NewAffin != 0 || w.Flow.Set == session.SetInserted
		if b.good < 0 && (w.Outcome == session.Honoured || w.Outcome == session.Plain) && !d.saysNothing(tl, k, v) {
			b.good = k
			b.LastGood = at(w.End())
			b.From = n.Instances.Name(w.Instance)
			b.GoodNode, b.GoodRoute = d.node(w.Input), n.Routes.Name(w.Route)
			b.Gap = time.Duration(d.pause(tl, i))
		}
	}
	if b.good >= 0 && v.Outcome != session.Withheld && v.Mark != session.NeverEstablished {
		b.Moved = b.From != "" && b.To != "" && b.From != b.To
	}
	if b.From == "" {
		b.From = b.To
	}
	if tl.Created {
		b.Created = at(tl.First)
	}
	b.Nth = tl.Followups
	d.around(b, tl, i)
	b.weight = weigh(&b.Break)
	b.family = familyOf(&b.Break)
	b.proof = proofOf(v)
	d.circumstances(&b.Break)
	return b
}

// saysNothing reports whether visit k, though no loss was seen in it, may already have been lost: nothing but
// the balancer's log tells, it was answered by the very instance that then showed the loss, after the session had moved there,
// and its page is one that strangers get too.
func (d *run) saysNothing(tl *session.Timeline, k int, lost *session.Visit) bool {
	w := &tl.Visits[k]
	if d.Events || w.Instance != lost.Instance || w.App&session.AppSeen != 0 || w.SetNew || w.Outcome != session.Honoured {
		return false
	}
	if d.guarded[w.Route] && w.Status >= 200 && w.Status < 300 {
		return false
	}
	for i := k; i >= 0; i-- {
		if tl.Visits[i].Instance != lost.Instance {
			return true
		}
		if u := &tl.Visits[i]; u.SetNew || d.guarded[u.Route] && u.Status >= 200 && u.Status < 300 {
			return false
		}
	}
	return false
}

// findGuarded notes the routes that refuse strangers: those on which some session was refused or sent to the way in.
func (d *run) findGuarded() {
	d.guarded = map[uint16]bool{}
	for i := range d.Troubled {
		for k := range d.Troubled[i].Visits {
			if v := &d.Troubled[i].Visits[k]; v.Signs&session.SignDenied != 0 {
				d.guarded[v.Route] = true
			}
		}
	}
}

// circumstances notes what happened to the instances and the balancer around a break.
func (d *run) circumstances(b *cause.Break) {
	from := b.LastGood
	if from.IsZero() {
		from = b.At.Add(-time.Minute)
	}
	down := false
	for i := range d.notices {
		n := &d.notices[i]
		if n.At.After(b.At.Add(noticeSlack)) {
			break
		}
		recent := n.At.After(from.Add(-noticeSlack))
		switch {
		case n.Kind == session.Health && n.Instance == b.From:
			down = !n.Up && !n.At.After(b.At.Add(noticeSlack))
			if recent && !n.Up {
				b.FromDown = n
			}
		case n.Kind == session.Start && n.Instance == b.From && n.At.After(from.Add(-startSlack)):
			b.FromStarted = n
		case n.Kind == session.Lifecycle && recent:
			// Requests go on after it: where an old process stops, a new one has taken over. HAProxy 2.6
			// logs the stop only.
			b.Reloaded = n
		}
		if n.Kind == session.Start && n.Instance == b.To && recent {
			b.ToStarted = n
		}
	}
	b.WasDown = down && b.From != b.To
}

const (
	// noticeSlack is how far a balancer's notice may seem to lie after what it caused: syslog has whole
	// seconds, and a raw log gives notices no time of their own.
	noticeSlack = time.Second

	// startSlack: an instance says that it has started when it is ready; it was gone before.
	startSlack = 0
)

// weigh says what the user lost: a cart at the checkout above a cart, that above being signed in,
// that above an anonymous visit (S120).
func weigh(b *cause.Break) float64 {
	w := 1.0
	if b.LoggedIn {
		w += 2
	}
	if b.Cart > 0 || b.Class == session.CartRoute {
		w += 3
	}
	if b.Class == session.CheckoutRoute {
		w += 4
	}
	return w
}

// familyOf returns what the user experienced.
func familyOf(b *cause.Break) cause.Family {
	switch {
	case b.Kind == "incomplete", b.Kind == "mixed-up":
		return cause.InconsistentData
	case b.LoggedIn, b.Signs&session.SignDenied != 0, b.Kind == "never-established":
		return cause.AuthenticationFailure
	}
	return cause.ExperienceGap
}

var signNames = map[session.Signs]string{
	session.SignNewCredential: "a new session credential was handed out for the one presented",
	session.SignDenied:        "the answer refused the request, or sent it to the login page, on a route that had answered this session before",
	session.SignCleared:       "the answer deleted the session cookie",
	session.SignLogin:         "a signed-in client had to sign in again",
	session.SignShrunk:        "a page with state shrank",
	session.SignMiss:          "the application did not know the session",
}

var markProofs = map[session.Mark]string{
	session.MixedUp:          "two clients presented one credential in turn",
	session.NeverEstablished: "signed in, and the next request of the client came without a credential",
	session.NotServed:        "the balancer answered this session with its own error again and again, and others not",
}

// proofOf says how it is known that a follow-up was not honoured.
func proofOf(v *session.Visit) string {
	if v.Mark != session.NoMark {
		return markProofs[v.Mark]
	}
	if v.App&session.AppSeen != 0 {
		return "application event"
	}
	if v.Outcome == session.Withheld {
		return "the client held a live session and did not present it"
	}
	for bit := session.Signs(1); bit != 0 && bit <= session.SignMiss; bit <<= 1 {
		if v.Signs&bit != 0 {
			return signNames[bit]
		}
	}
	return "the balancer's log"
}
