package nginx

import (
	"bytes"
	"fmt"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
)

// maxLogLine is the longest line that is read, in bytes.
const maxLogLine = 1 << 20

// syslog finds nginx's messages behind syslog's headers.
var syslog = &logtext.Program{Name: "nginx", Begins: func(word []byte) bool {
	return len(word) > 0 && (word[0] == '[' || word[0] == '{' || word[0] == '"' || len(word) == 10 && word[4] == '/' && word[7] == '/')
}}

// A parser reads the lines of one log: access-log lines of a known format, and lines of the error log, which
// containers often write into the same stream.
type parser struct {
	opt      lb.LogOptions
	name     string
	zone     *time.Location
	variants []*variant
	cur      int // the variant that read the last line
	place    *place

	clock   clock
	matcher matcher
	filler  filler
	scratch []byte
	known   *short

	seen        int64 // End of the last request, ns
	plainLines  bool  // the last line had no header
	maxFailures map[string]int
	noAffinity  bool // the configuration has no cookie that brings clients back
}

// newParser compiles what opt declares, or finds out from opt.Sample what the lines look like.
func newParser(opt lb.LogOptions) (lb.LineParser, error) {
	p := &parser{opt: opt, zone: opt.Zone, place: newPlace(opt.Config), maxFailures: failureLimits(opt.Config)}
	if p.zone == nil {
		p.zone = time.UTC
	}
	p.noAffinity = opt.Config != nil && len(affinityNames(&lb.LogOptions{Config: opt.Config, SessionCookie: opt.SessionCookie})) == 0
	if err := p.choose(); err != nil {
		return nil, fmt.Errorf("nginx log: %w", err)
	}
	p.learn(opt.Sample)
	return p, nil
}

// builtIns are the formats in which some lines may come although nobody declared them, the more telling
// ones first.
var builtIns = []string{formatCombined, formatMain, formatIngress, ownLogFormat, formatCommon, formatProxyMgr, formatProxyMgr2, formatProxyMgr3, formatProxyMgr4, formatProxyMgr5, formatVhost, formatVhostMain, formatNoUser, formatForwarded}

// choose finds the variants: those that the configuration and the user declare, what the sample shows, and
// the usual ones.
func (p *parser) choose() error {
	opt := &p.opt
	if opt.Format != "" {
		v, err := newVariant(opt.Format, opt)
		if err != nil {
			return err
		}
		p.variants = append(p.variants, v)
	}
	if opt.Config != nil {
		list, err := configVariants(opt)
		if err != nil {
			return err
		}
		p.variants = append(p.variants, list...)
	}
	for _, text := range builtIns {
		v, err := newVariant(text, opt)
		if err != nil {
			return err
		}
		if !p.knows(v.f.text) {
			p.variants = append(p.variants, v)
		}
	}
	p.pick()
	return nil
}

func (p *parser) knows(text string) bool {
	for _, v := range p.variants {
		if v.f.text == text {
			return true
		}
	}
	return false
}

const sampleSize = 64 << 10

// sampleLines calls do for the lines of the sample until it says stop; at is where the message begins.
func (p *parser) sampleLines(do func(line []byte, at int) bool) {
	for line := range bytes.Lines(logtext.Head(p.opt.Sample, sampleSize)) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) > 0 && len(line) <= 16<<10 && !do(line, syslog.Header(line).Msg) {
			return
		}
	}
}

// pick makes the variant that reads most of the sample the first to be tried; where lines fit none, it looks for a
// format that they have in common. Where the sample does not tell, the first variant is.
func (p *parser) pick() {
	counts := make([]int, len(p.variants))
	errors, unread := 0, 0
	p.sampleLines(func(line []byte, at int) bool {
		if isErrorLine(line[at:]) {
			errors++
			return true
		}
		for i, v := range p.variants {
			if p.matcher.match(v.f, line, at) {
				counts[i]++
				return true
			}
		}
		unread++
		return true
	})
	best, most := 0, 0
	for i, n := range counts {
		if n > most {
			best, most = i, n
		}
	}
	if unread > most {
		if v := p.infer(); v != nil {
			p.variants = append(p.variants, v)
			best, most = len(p.variants)-1, unread
		}
	}
	p.cur = best
	p.name = p.variants[best].name
	if errors > 0 && most == 0 {
		p.name = errorFormat
	}
}

// learn takes the last request's time from the sample's beginning, for the zone of the error log's times.
func (p *parser) learn(sample []byte) {
	var e session.Event
	for line := range bytes.Lines(logtext.Head(sample, sampleSize)) {
		if p.Parse(bytes.TrimRight(line, "\r\n"), &e) == lb.Read && e.Kind == session.Request {
			break
		}
	}
}

// Format names what the parser reads.
func (p *parser) Format() string { return p.name }

// Zone returns the zone of the access log's times, for the error log, whose times have none.
func (p *parser) Zone() *time.Location {
	if p.opt.Zone == nil && p.clock.zoned {
		return time.FixedZone("", int(p.clock.offset/int64(time.Second)))
	}
	return p.opt.Zone
}

// Clone returns a parser of the same format for another goroutine.
func (p *parser) Clone() lb.LineParser {
	c := *p
	c.matcher, c.scratch, c.known, c.plainLines = matcher{}, nil, nil, false
	return &c
}

// Parse reads one line.
func (p *parser) Parse(line []byte, e *session.Event) lb.Skip {
	if len(line) > maxLogLine {
		e.Reset()
		return lb.SkipTooLong
	}
	if p.plainLines {
		if v := p.variants[p.cur]; p.matcher.quick(v.f, line, 0) {
			e.Reset()
			p.scratch = p.scratch[:0]
			if p.fill(v, line, p.matcher.spans, 0, e) {
				return lb.Read
			}
		}
	}
	return p.slow(line, e)
}

// slow reads what the quick way does not.
func (p *parser) slow(line []byte, e *session.Event) lb.Skip {
	e.Reset()
	p.scratch = p.scratch[:0]
	line = bytes.TrimRight(line, "\r\n")
	if len(bytes.TrimSpace(line)) == 0 {
		return lb.SkipEmpty
	}
	h := syslog.Header(line)
	p.plainLines = h.Msg == 0
	if msg := line[h.Msg:]; isErrorLine(msg) {
		return p.errorLine(msg, e)
	}
	lineTime, _ := h.Time(line, p.opt.Year, p.seen, p.zone)
	if p.request(line, h.Msg, lineTime, e) {
		return lb.Read
	}
	why := p.matcher
	// What looked like a header may be the message's own beginning.
	if h.Msg != 0 && p.request(line, 0, 0, e) {
		return lb.Read
	}
	if p.partial(line, h.Msg, lineTime, e) {
		return lb.Read
	}
	e.Reset()
	return p.whyNot(line, h.Msg, &why)
}

// request tries the variants, the last successful one first.
func (p *parser) request(line []byte, at int, lineTime int64, e *session.Event) bool {
	if p.with(p.cur, line, at, lineTime, e) {
		return true
	}
	why := p.matcher.far
	state := p.matcher
	for i := range p.variants {
		if i != p.cur && p.with(i, line, at, lineTime, e) {
			return true
		}
		if p.matcher.far > why {
			why, state = p.matcher.far, p.matcher
		}
	}
	p.matcher.far, p.matcher.farWas, p.matcher.ended = state.far, state.farWas, state.ended
	return false
}

// with lays variant i over the line and fills the event if it fits.
func (p *parser) with(i int, line []byte, at int, lineTime int64, e *session.Event) bool {
	v := p.variants[i]
	if !p.matcher.match(v.f, line, at) || !v.tellsRequests() {
		return false
	}
	e.Reset()
	if !p.fill(v, line, p.matcher.spans, lineTime, e) {
		p.matcher.farWas = meansTimeLocal
		return false
	}
	p.cur = i
	return true
}

// fill makes the event of a line whose fields are found.
func (p *parser) fill(v *variant, line []byte, spans []span, lineTime int64, e *session.Event) bool {
	e.Kind, e.Has = session.Request, v.has
	w := &p.filler
	if !p.fields(v, line, spans, e) || !w.times(lineTime, e) {
		return false
	}
	e.Target = w.path
	if len(e.Referer) == 0 {
		e.Referer = w.origin
	}
	if len(e.RequestID) == 0 {
		e.RequestID = w.offered
	}
	p.settle(e)
	p.affinity(e)
	p.seen = e.End
	return true
}
