package report

import (
	"slices"
	"strings"
	"time"

	"limpet.dev/diagnose"
)

// A lane is one column of a lane picture: the client, a tier, an instance or the store.
type lane struct {
	name string
	kind laneKind
}

type laneKind uint8

const (
	laneClient laneKind = iota
	laneTier
	laneInstance
	laneStore
)

// lanes returns the columns of a story's picture from left to right. Only a store that the
// instances share has a lane of its own: state in memory is in the instance's lane, state in
// a cookie in the client's.
func lanes(s *diagnose.Story) []lane {
	all := []lane{{"client", laneClient}}
	if len(s.Tiers) == 0 {
		all = append(all, lane{"balancer", laneTier})
	}
	for _, t := range s.Tiers {
		all = append(all, lane{t, laneTier})
	}
	names := slices.Clone(s.Instances)
	for _, r := range s.Requests {
		if r.Instance != "" && !slices.Contains(names, r.Instance) {
			names = append(names, r.Instance)
		}
	}
	for _, n := range names {
		all = append(all, lane{n, laneInstance})
	}
	if shared(s.Store) {
		all = append(all, lane{s.Store, laneStore})
	}
	return all
}

// unknown is what a report writes for a storage, a carrier or an affinity that nothing shows.
const unknown = "not known"

// shared reports whether a storage is a place of its own, outside client and instances.
func shared(store string) bool {
	return store != "" && store != unknown && store != "memory" && store != "cookie" && store != "file"
}

// where says where the state of a session lives, as a sentence of a picture's caption.
func where(store string) string {
	switch store {
	case "", unknown:
		return "It is not known where the state lives."
	case "memory", "file":
		return "State lives in each instance (" + store + ")."
	case "cookie":
		return "State lives in the client's cookie."
	}
	return "State lives in a store that the instances share (" + store + ")."
}

// A hop says how far a request came and what became of it there.
type hop struct {
	via  int // lane of the last tier
	at   int // lane of the instance, 0: none
	to   int // lane where it was decided: the instance's or the store's
	mark byte
	word string // the outcome, for people
	bad  bool
}

// follow returns a request's way through the lanes.
func follow(all []lane, r *diagnose.StoryStep) hop {
	h := hop{mark: '*', word: r.Outcome}
	for i, l := range all {
		switch {
		case l.kind == laneTier:
			h.via, h.to = i, max(h.to, i)
		case l.kind == laneInstance && l.name == r.Instance && r.Instance != "":
			h.at, h.to = i, i
		}
	}
	if h.at > 0 && all[len(all)-1].kind == laneStore && r.Outcome != "none" && r.Outcome != "withheld" {
		h.to = len(all) - 1
	}
	switch r.Outcome {
	case "lost", "unserved":
		h.mark, h.bad = 'X', true
	case "incomplete", "withheld":
		h.mark, h.bad = '!', true
	case "unknown", "suspect":
		h.mark = '?'
	case "none", "":
		h.mark, h.word = 'o', "no follow-up"
	}
	return h
}

// story draws the lane picture of a session in characters. With brief set, a long quiet
// stretch before and after the break is left out.
func (p *page) story(s *diagnose.Story, brief bool) {
	p.put(plain, "  session ")
	p.put(bold, s.Session)
	p.put(plain, "  ")
	p.put(bad, s.Cause)
	if s.Loss != "" {
		p.put(plain, "  failed: "+s.Loss)
	}
	p.nl()
	if s.Why != "" {
		p.to(2)
		p.wrap(plain, 4, s.Why)
	}
	if d := s.Divergence; d != nil {
		p.to(2)
		p.wrap(bold, 4, d.String())
		p.to(4)
		p.wrap(dim, 4, compared(d, storyClock(s)))
	}
	p.nl()
	steps, left := s.Requests, s.Omitted
	if brief {
		var cutOff int64
		steps, cutOff = aroundBreak(steps, 6, 4)
		left += cutOff
	}
	g := newGrid(lanes(s), steps, storyClock(s))
	g.head(p)
	for _, step := range steps {
		if step.Note == s.Why {
			step.Note = "" // said above
		}
		g.row(p, &step)
	}
	p.to(2)
	p.wrap(dim, 2, where(s.Store)+" * honoured  X lost or unserved  ! incomplete or withheld  ? not known  o no follow-up")
	if left > 0 {
		p.to(2)
		p.put(dim, counted(left, "request")+" of this session not shown")
		p.nl()
	}
}

// compared says which request of which session a broken one was compared with.
func compared(d *diagnose.Divergence, c clock) string {
	text := "compared with " + request(d.Request) + " of session " + shortSession(d.With) + " at " + c.at(d.Request.At)
	if d.Request.Source != "" {
		text += " [" + d.Request.Source + "]"
	}
	return text
}

// parting returns the lane in which a story's break first differs from a healthy session's way, -1 if that is not known.
func parting(all []lane, s *diagnose.Story) int {
	d := s.Divergence
	if d == nil {
		return -1
	}
	kind := map[string]laneKind{"client": laneClient, "answer": laneClient, "tier": laneTier, "instance": laneInstance, "store": laneStore}[d.Hop]
	at, name := -1, d.Name
	if kind == laneStore && all[len(all)-1].kind != laneStore {
		kind, name = laneInstance, ""
		for _, r := range s.Requests {
			if r.Break {
				name = r.Instance
			}
		}
		if s.Store == "cookie" || name == "" {
			kind = laneClient
		}
	}
	for i, l := range all {
		if l.kind == kind && (at < 0 || l.name == name || kind == laneTier && all[at].name != name) {
			at = i
		}
	}
	return at
}

// storyClock shows days when a story spans more than one.
func storyClock(s *diagnose.Story) clock {
	if len(s.Requests) == 0 {
		return clock{}
	}
	return clockOf(diagnose.Window{From: s.Requests[0].At, To: s.Requests[len(s.Requests)-1].At})
}

// aroundBreak keeps up to before requests ahead of the first break and after behind it, and
// says how many it left out.
func aroundBreak(steps []diagnose.StoryStep, before, after int) ([]diagnose.StoryStep, int64) {
	at := slices.IndexFunc(steps, func(s diagnose.StoryStep) bool { return s.Break })
	if at < 0 {
		at = min(before, len(steps))
	}
	from, to := max(0, at-before), min(len(steps), at+1+after)
	return steps[from:to], int64(len(steps) - (to - from))
}

// A grid is the geometry of a lane picture in characters.
type grid struct {
	lanes  []lane
	center []int // column of each lane's line
	left   int   // columns before the first lane
	clock  clock
	width  int
}

const laneGap = 3

func newGrid(all []lane, steps []diagnose.StoryStep, c clock) *grid {
	g := &grid{lanes: all, clock: c}
	label := 0
	for i := range steps {
		label = max(label, len([]rune(clean(request(steps[i].RequestLine)))))
	}
	label = min(label, 30)
	g.left = 2 + len(c.at(first(steps))) + 2 + label + 2
	x := g.left
	for _, l := range all {
		w := max(4, len([]rune(cut(clean(l.name), 12))))
		g.center = append(g.center, x+w/2)
		x += w + laneGap
	}
	g.width = x
	return g
}

// first is the time of the first request.
func first(steps []diagnose.StoryStep) time.Time {
	if len(steps) == 0 {
		return time.Time{}
	}
	return steps[0].At
}

func (g *grid) head(p *page) {
	for i, l := range g.lanes {
		name := cut(clean(l.name), 12)
		p.to(max(g.left, g.center[i]-len([]rune(name))/2))
		p.put(bold, name)
	}
	p.nl()
}

// row draws one request: its time, itself, its way, and what became of it.
func (g *grid) row(p *page, s *diagnose.StoryStep) {
	h := follow(g.lanes, s)
	st := plain
	switch {
	case h.bad:
		st = bad
	case s.Routing == "moved":
		st = warn
	}
	p.put(dim, "  "+g.clock.at(s.At)+"  ")
	p.put(plain, cut(clean(request(s.RequestLine)), 30))
	p.to(g.left)
	p.put(st, strings.TrimRight(g.line(h)[g.left:], " "))
	p.to(g.width)
	words := s.Routing
	if h.word != s.Routing {
		words += ", " + h.word
	}
	if s.Break {
		words += "  <== break"
	}
	p.put(st, strings.TrimPrefix(words, "first, "))
	p.nl()
	for _, note := range []string{s.Affinity, s.Note} {
		if note != "" && (s.Break || s.Routing == "moved") {
			p.to(g.left + 2)
			p.wrap(dim, g.left+4, note)
		}
	}
}

// line draws a request's way as characters, in columns of the whole line.
func (g *grid) line(h hop) string {
	b := []byte(strings.Repeat(" ", g.width))
	for _, x := range g.center {
		b[x] = '|'
	}
	for x := g.center[0]; x <= g.center[h.to]; x++ {
		b[x] = '-'
	}
	b[g.center[0]] = 'o'
	for i, l := range g.lanes {
		if l.kind == laneTier && i <= h.to || i == h.at && i < h.to {
			b[g.center[i]] = '+'
		}
	}
	b[g.center[h.to]] = h.mark
	return string(b)
}
