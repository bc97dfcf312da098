package report

import (
	"fmt"
	"html/template"
	"slices"

	"limpet.dev/diagnose"
)

// Geometry of a lane picture, in units of the picture.
const (
	laneLabels = 232 // time and request, left of the lanes
	laneStep   = 118 // between lanes
	laneWords  = 330 // outcome and affinity, right of the lanes
	laneHead   = 58
	laneRow    = 40
)

// A lanePicture draws one session: a vertical line for the client, each tier, each instance
// and a shared store; each request an arrow on its way.
type lanePicture struct {
	*svg
	lanes []lane
	c     clock
	s     *diagnose.Story
	width int
}

// drawLanes draws a story. The id makes the picture's ids unique on the page.
func drawLanes(s *diagnose.Story, id string) template.HTML {
	all := lanes(s)
	width := laneLabels + laneStep*len(all) + laneWords
	height := laneHead + laneRow*len(s.Requests) + 14
	names := make([]string, len(all))
	for i, l := range all {
		names[i] = l.name
	}
	p := &lanePicture{lanes: all, c: storyClock(s), s: s, width: width,
		svg: newSVG(width, height, id, "img", "Session "+s.Session+" request by request", fmt.Sprintf("Lanes from left to right: %s. %s, from top to bottom in order of time. %s The table below holds the same.", join(names), counted(int64(len(s.Requests)), "request"), s.Why))}
	for i := range s.Requests {
		if s.Requests[i].Break {
			p.rect("breakband", 0, p.y(i)-laneRow/2, float64(width), laneRow, 4)
		}
	}
	p.columns(float64(height))
	p.home()
	p.parting()
	for i := range s.Requests {
		p.row(i)
	}
	return p.done()
}

func (p *lanePicture) x(lane int) float64 { return laneLabels + laneStep*(float64(lane)+0.5) }
func (p *lanePicture) y(row int) float64  { return laneHead + laneRow*(float64(row)+0.5) }

// columns draws the lanes with their names and, where state has a place, what is kept there.
func (p *lanePicture) columns(height float64) {
	for i, l := range p.lanes {
		p.line("lifeline", p.x(i), laneHead-8, p.x(i), height-6)
		p.rect("lanehead", p.x(i)-laneStep/2+8, 10, laneStep-16, 38, 6)
		p.text("lanename", "middle", p.x(i), 27, cut(l.name, 14))
		p.text("lanekind", "middle", p.x(i), 41, p.kind(l))
	}
}

func (p *lanePicture) kind(l lane) string {
	switch l.kind {
	case laneClient:
		if p.s.Store == "cookie" {
			return "cookie = state"
		}
		return "browser"
	case laneTier:
		return "balancer"
	case laneStore:
		return "shared store"
	}
	if p.s.Store == "memory" || p.s.Store == "file" {
		return "state in " + p.s.Store
	}
	return "instance"
}

// parting marks, in the row of the break, the lane where its way first differs from a healthy session's.
func (p *lanePicture) parting() {
	at := parting(p.lanes, p.s)
	i := slices.IndexFunc(p.s.Requests, func(r diagnose.StoryStep) bool { return r.Break })
	if at < 0 || i < 0 {
		return
	}
	p.tip(p.s.Divergence.String())
	p.rect("parting", p.x(at)-15, p.y(i)-15, 30, 30, 5)
	p.end()
}

// home thickens the lane where the session was at home, from the first to the last request
// for which it was honoured there: the shared store's, or else each instance's.
func (p *lanePicture) home() {
	at := laneInstance
	if shared(p.s.Store) {
		at = laneStore
	}
	for i, l := range p.lanes {
		if l.kind != at {
			continue
		}
		first, last := -1, -1
		for k, r := range p.s.Requests {
			if at == laneInstance && r.Instance != l.name {
				continue
			}
			if r.Outcome == "honoured" {
				last = k
			}
			if first < 0 && (r.Outcome == "honoured" || r.Outcome == "none") {
				first = k
			}
		}
		if last >= 0 && first <= last {
			p.line("home", p.x(i), p.y(first), p.x(i), p.y(last))
		}
	}
}

// row draws one request.
func (p *lanePicture) row(i int) {
	r := &p.s.Requests[i]
	h := follow(p.lanes, r)
	y := p.y(i)
	class := rowClass(r)
	p.text("when", "start", 8, y-4, p.c.at(r.At))
	p.text("what", "start", 8, y+12, cut(request(r.RequestLine), 30))
	if r.Routing == "moved" || r.Break {
		p.ghost(i, y)
	}
	end := p.x(h.to)
	stop := end - 9
	if h.mark == '*' || h.mark == 'o' {
		stop = end - 11
	}
	p.line("way way-"+class, p.x(0)+6, y, stop, y)
	p.path("head head-"+class, fmt.Sprintf("M%s %sl-8 -4.5v9z", num(stop+2), num(y)))
	for k, l := range p.lanes {
		if l.kind == laneTier && k < h.to || k == h.at && k < h.to {
			p.circle("pass", p.x(k), y, 4)
		}
	}
	p.circle("sender", p.x(0), y, 5)
	p.mark(h, end, y, class)
	p.words(r, h, y, class)
}

// rowClass names what became of a request, for colours and shapes.
func rowClass(r *diagnose.StoryStep) string {
	switch r.Outcome {
	case "lost", "unserved":
		return "lost"
	case "incomplete", "withheld":
		return "part"
	case "honoured":
		if r.Routing == "moved" {
			return "moved"
		}
		return "ok"
	}
	if r.Routing == "moved" {
		return "moved"
	}
	return "plain"
}

// mark draws what became of the request where it ended.
func (p *lanePicture) mark(h hop, x, y float64, class string) {
	switch h.mark {
	case '*':
		p.circle("end end-"+class, x, y, 7)
	case 'X':
		p.circle("halo", x, y, 10)
		p.cross("cross", x, y, 7)
	case '!':
		p.circle("halo", x, y, 10)
		p.path("end end-part", fmt.Sprintf("M%s %sl8 14h-16z", num(x), num(y-8)))
	default:
		p.circle("end end-plain", x, y, 6)
	}
}

// ghost rings the instance of the request before, which the session was bound to, when this
// one went elsewhere.
func (p *lanePicture) ghost(i int, y float64) {
	was := ""
	for k := i - 1; k >= 0 && was == ""; k-- {
		was = p.s.Requests[k].Instance
	}
	at := slices.IndexFunc(p.lanes, func(l lane) bool { return l.kind == laneInstance && l.name == was })
	if at < 0 || was == p.s.Requests[i].Instance {
		return
	}
	p.circle("ghost", p.x(at), y, 9)
}

func (p *lanePicture) words(r *diagnose.StoryStep, h hop, y float64, class string) {
	x := p.x(len(p.lanes)-1) + laneStep/2 + 10
	words := r.Routing
	if h.word != r.Routing {
		words += ", " + h.word
	}
	if r.Break {
		words = "BREAK: " + words
	}
	first, second := y-4, r.Affinity
	if second == "" || second == "affinity cookie followed" {
		second = ""
	}
	if r.Note != "" && !r.Break {
		second = r.Note
	}
	if r.Session != "" && r.Session != p.s.Session {
		second = "as session " + shortSession(r.Session)
	}
	if second == "" {
		first = y + 4
	}
	p.text("word word-"+class, "start", x, first, words)
	if second != "" {
		p.text("small", "start", x, y+12, cut(second, 52))
	}
}
