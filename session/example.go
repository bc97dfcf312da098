package session

// mostExamples bounds how many whole sessions are kept to compare broken ones with.
const mostExamples = 256

// Examples are sessions that never moved and never were in trouble, with their latest visits: what broken ones are
// compared with (S78). Which are kept depends on the order in which sessions began, not on when they end: those whose
// number hashes lowest, so that they are spread over the window.
type Examples struct {
	kept []example // unordered; the one with the highest rank is at top
	top  int
}

type example struct {
	rank uint64
	tl   Timeline
}

// example keeps a completed session without moves and trouble, if it is among those that are kept.
func (c *Correlator) example(n int32, l *life, r *rest) {
	rank := mix(uint64(r.id), 1)
	e := &c.Examples
	if l.followups == 0 || len(e.kept) == mostExamples && rank >= e.kept[e.top].rank {
		return
	}
	tl := Timeline{Pseudonym: r.pseudonym(c.Key), First: r.first, Last: l.last, Client: r.client, Net: r.net, Net6: r.net6, IPv6: r.ipv6, Agent: r.agent,
		User: r.user, Created: l.created, LoggedIn: l.loggedIn, Cart: l.cart, End: l.end, Followups: l.followups}
	tl.Visits = c.recent(n, l, make([]Visit, 0, ringLen), r.agent)
	tl.Omitted = l.seen - min(l.seen, ringLen)
	if len(e.kept) < mostExamples {
		e.kept = append(e.kept, example{rank, tl})
		if rank > e.kept[e.top].rank {
			e.top = len(e.kept) - 1
		}
		return
	}
	e.kept[e.top] = example{rank, tl}
	for i := range e.kept {
		if e.kept[i].rank > e.kept[e.top].rank {
			e.top = i
		}
	}
}

// Timelines returns the kept sessions.
func (e *Examples) Timelines() []Timeline {
	tls := make([]Timeline, len(e.kept))
	for i := range e.kept {
		tls[i] = e.kept[i].tl
	}
	return tls
}
