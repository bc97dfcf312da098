package haproxy

import (
	"bytes"
	"fmt"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
)

var utc = time.UTC

// Reasons of HAProxy's own why a line is no event.
const (
	skipConnect     lb.Skip = "default log: connection without requests (option httplog is missing)"
	skipConnError   lb.Skip = "connection failed before any request"
	skipHealthProbe lb.Skip = "single health check, no change of state"
)

// maxLogLine is the longest line that is read, in bytes.
const maxLogLine = 1 << 20

// A parser reads the lines of one log. Default httplog lines are read by position (log_fast.go),
// everything else by laying the compiled format over the line (log_match.go).
type parser struct {
	opt        lb.LogOptions
	name       string
	zone       *time.Location
	variants   []*variant
	byListener map[string]*variant // where listeners differ, else nil
	cur        int                 // the variant that read the last line

	short   *short // nil until the short way is tried
	head    lineHead
	date    dateCache
	matcher matcher
	filler  filler
	scratch []byte

	seen int64 // End of the last request, ns: the time of messages that carry none
}

// newParser compiles what opt declares, or finds out from opt.Sample what the lines look like.
func newParser(opt lb.LogOptions) (lb.LineParser, error) {
	p := &parser{opt: opt, zone: opt.Zone}
	if p.zone == nil {
		p.zone = utc
	}
	p.date.zone = p.zone
	if err := p.choose(); err != nil {
		return nil, fmt.Errorf("haproxy log: %w", err)
	}
	p.learn(opt.Sample)
	return p, nil
}

// choose finds the variants: from the configuration, the format string, or the sample.
func (p *parser) choose() error {
	opt := &p.opt
	var err error
	if opt.Config != nil && len(opt.Config.Listeners) > 0 {
		p.variants, p.byListener, err = configVariants(opt)
		if err != nil {
			return err
		}
	}
	if len(p.variants) == 0 && opt.Format != "" {
		v, err := newVariant(opt.Format, inferCaptures(opt), opt)
		if err != nil {
			return err
		}
		p.variants = []*variant{v}
	}
	declared := len(p.variants)
	if err := p.addBuiltIns(); err != nil {
		return err
	}
	p.name = p.pick(declared).name
	if len(p.byListener) > 0 && !p.differ() {
		p.byListener = nil
	}
	return nil
}

// differ reports whether two listeners of the configuration read lines differently.
func (p *parser) differ() bool {
	var first *variant
	for _, v := range p.byListener {
		if first == nil {
			first = v
		}
		if v != first {
			return true
		}
	}
	return false
}

// addBuiltIns adds the formats in which some lines may come although nobody declared them: those of
// other listeners, or of the time before the configuration was changed.
func (p *parser) addBuiltIns() error {
	caps := inferCaptures(&p.opt)
	have := map[string]bool{}
	for _, v := range p.variants {
		have[v.f.text] = true
	}
	more := []string{formatHTTPLog, formatHTTPSLog, formatCLFLog, formatTCPLog, ownLogFormat}
	for _, text := range more {
		if have[plainFormat(text)] {
			continue
		}
		v, err := newVariant(text, caps, &p.opt)
		if err != nil {
			return err
		}
		p.variants = append(p.variants, v)
	}
	if len(p.opt.Format) == 0 {
		if v := inferObject(&p.opt, caps); v != nil {
			p.variants = append(p.variants, v)
		}
	}
	return nil
}

// pick makes the variant that reads most of the sample the first to be tried. Where the sample
// does not tell, the first declared one is.
func (p *parser) pick(declared int) *variant {
	best, most := 0, 0
	if p.variants[0].tcp && declared > 1 {
		for i, v := range p.variants[:declared] {
			if !v.tcp {
				best = i
				break
			}
		}
	}
	counts := make([]int, len(p.variants))
	for line := range bytes.Lines(logtext.Head(p.opt.Sample, 64<<10)) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) > 16<<10 {
			continue
		}
		at := syslog.Header(line).Msg
		for i, v := range p.variants {
			if p.matcher.match(v.f, line, at) {
				counts[i]++
				break
			}
		}
	}
	for i, n := range counts {
		if n > most {
			best, most = i, n
		}
	}
	p.cur = best
	return p.variants[best]
}

// learn takes the first request's time from the sample, so that messages without a year, or without any
// time, which stand before the first request of a part of the log have a reference.
func (p *parser) learn(sample []byte) {
	var e session.Event
	for line := range bytes.Lines(logtext.Head(sample, 64<<10)) {
		if p.Parse(bytes.TrimRight(line, "\r\n"), &e) == lb.Read && e.Kind == session.Request {
			break
		}
	}
}

// Format names what the parser reads.
func (p *parser) Format() string { return p.name }

// Clone returns a parser of the same format for another goroutine.
func (p *parser) Clone() lb.LineParser {
	c := *p
	c.short = nil
	c.head = lineHead{}
	c.matcher = matcher{}
	c.filler = filler{}
	c.scratch = nil
	return &c
}

// Parse reads one line.
func (p *parser) Parse(line []byte, e *session.Event) lb.Skip {
	if len(line) > maxLogLine {
		e.Reset()
		return lb.SkipTooLong
	}
	if v := p.variants[p.cur]; v.http && p.byListener == nil {
		if at, ok := p.head.quick(line); ok && p.fast(v, line, at, e) {
			return lb.Read
		}
	}
	return p.slow(line, e)
}

// slow reads what the fast path does not.
func (p *parser) slow(line []byte, e *session.Event) lb.Skip {
	e.Reset()
	p.scratch = p.scratch[:0]
	line = bytes.TrimRight(line, "\r\n")
	if len(bytes.TrimSpace(line)) == 0 {
		return lb.SkipEmpty
	}
	h := syslog.Header(line)
	p.head.learn(line, h)
	msg := line[h.Msg:]
	if skip, ok := p.notice(line, h, e); ok {
		return skip
	}
	if p.request(line, h.Msg, h, e) {
		return lb.Read
	}
	why := p.matcher
	// What looked like a header may be the message's own beginning.
	if h.Form != logtext.None && h.Msg != h.TimeTo+1 && p.request(line, h.TimeTo+1, h, e) {
		return lb.Read
	}
	if h.Msg != 0 && p.request(line, 0, logtext.Header{}, e) {
		return lb.Read
	}
	if p.partial(line, h, e) {
		return lb.Read
	}
	e.Reset()
	return p.whyNot(line, msg, &why)
}

// request tries the variants, the last successful one first.
func (p *parser) request(line []byte, at int, h logtext.Header, e *session.Event) bool {
	if p.with(p.cur, line, at, h, e) {
		return true
	}
	first := p.matcher.far
	why := p.matcher
	for i := range p.variants {
		if i != p.cur && p.with(i, line, at, h, e) {
			return true
		}
		if p.matcher.far > first {
			first, why = p.matcher.far, p.matcher
		}
	}
	p.matcher.far, p.matcher.farWas, p.matcher.ended = why.far, why.farWas, why.ended
	return false
}

// with lays variant i over the line and fills the event if it fits.
func (p *parser) with(i int, line []byte, at int, h logtext.Header, e *session.Event) bool {
	v := p.variants[i]
	if !p.matcher.match(v.f, line, at) || v.tcp {
		return false
	}
	if !p.fill(v, line, h, e) {
		p.matcher.farWas = meansRequestDate
		return false
	}
	if other := p.byListener[string(e.Listener)]; other != nil && other != v && p.matcher.match(other.f, line, at) {
		v = other
		p.fill(v, line, h, e)
	}
	if i != p.cur && p.variants[i].name == p.variants[p.cur].name || len(p.byListener) > 0 {
		p.cur = i
	}
	return true
}

// fill makes the event of a matched line.
func (p *parser) fill(v *variant, line []byte, h logtext.Header, e *session.Event) bool {
	p.begin(v, e)
	p.fields(v, line, p.matcher.spans)
	return p.finish(v, line, h, e)
}

func (p *parser) begin(v *variant, e *session.Event) {
	e.Reset()
	p.filler = filler{v: v, e: e, caps: v.caps, scratch: &p.scratch, date: &p.date}
	p.filler.t.reset()
}

// fields notes as many fields as there are spans.
func (p *parser) fields(v *variant, line []byte, spans []span) {
	for i, at := range spans {
		if n := &v.f.nodes[i]; n.typ == nodeField {
			p.filler.field(n, line[at.from:at.to])
		}
	}
}

func (p *parser) finish(v *variant, line []byte, h logtext.Header, e *session.Event) bool {
	w := &p.filler
	var lineTime int64
	if h.Form != logtext.None {
		lineTime, _ = p.headerTime(line, h)
	}
	if !w.finish(lineTime) {
		return false
	}
	if v.caps.cookie == "" && v.shownCookie(e) != 0 {
		e.Has |= v.shownCookie(e)
	}
	p.seen = e.End
	return true
}

// shownCookie returns the facts that a line itself proves where nobody declared what is captured.
func (v *variant) shownCookie(e *session.Event) session.Facts {
	var has session.Facts
	if !e.Session.Empty() || !e.SetSession.Empty() {
		has |= session.HasSession | session.HasSetSession
	}
	if len(e.Affinity) > 0 {
		has |= session.HasAffinity
	}
	return has
}

// headerTime returns the time of a line's syslog header.
func (p *parser) headerTime(line []byte, h logtext.Header) (int64, bool) {
	return h.Time(line, p.opt.Year, p.seen, p.zone)
}
