package nginx

import (
	"bytes"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// partial reads a line that was cut (syslog cuts at 1024 or 2048 bytes): what stands in front of the cut counts, if
// a time and a status or a request line are among it, and the facts of the rest are not claimed. A value that
// the cut may have shortened does not count, but for the request line, of which the beginning is worth having.
func (p *parser) partial(line []byte, at int, lineTime int64, e *session.Event) bool {
	v, m := p.variants[p.cur], &p.matcher
	if m.match(v.f, line, at) || !m.ended || m.farField == 0 {
		return false
	}
	whole := m.farField
	has := v.factsOf(v.f.fields[:whole])
	if !datedBy(v.f.fields[:whole]) && lineTime == 0 {
		return false
	}
	e.Reset()
	if !p.fields(v, line, m.farSpans[:whole], e) {
		return false
	}
	if n := &v.f.fields[whole]; n.what == meansRequestLine {
		p.filler.requestLine(n.value(line[m.far:], &p.scratch), e)
		if len(p.filler.path) > 0 {
			has |= session.HasTarget
		}
	}
	if has&(session.HasStatus|session.HasTarget) == 0 || !p.filler.times(lineTime, e) {
		return false
	}
	e.Kind, e.Has, e.Target = session.Request, has, p.filler.path
	p.settle(e)
	return true
}

// datedBy reports whether one of the fields tells the time.
func datedBy(fields []field) bool {
	for i := range fields {
		switch fields[i].what {
		case meansTimeLocal, meansTimeISO, meansTimeMsec:
			return true
		}
	}
	return false
}

// whyNot says why a line that nothing could read is no event.
func (p *parser) whyNot(line []byte, at int, why *matcher) lb.Skip {
	switch {
	case bytes.IndexByte(line, 0) >= 0:
		return lb.SkipBinary
	case why.farWas == meansTimeLocal || why.farWas == meansTimeISO || why.farWas == meansTimeMsec:
		return lb.SkipTime
	case why.ended && why.far > at+20:
		return lb.SkipCut
	}
	return lb.SkipForeign
}
