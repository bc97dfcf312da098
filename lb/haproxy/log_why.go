package haproxy

import (
	"bytes"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
)

// partial reads a line that was cut at its length (HAProxy cuts at 1024 bytes unless "len" says otherwise):
// what stands in front of the cut counts, if the termination state and a time are among it, and the
// facts of the rest are not claimed. A value that the cut may have shortened does not count, but
// for the request line, of which the beginning is worth having.
func (p *parser) partial(line []byte, h logtext.Header, e *session.Event) bool {
	v := p.variants[p.cur]
	m := &p.matcher
	if v.tcp || m.match(v.f, line, h.Msg) || !m.ended {
		return false
	}
	whole := m.farNode
	if v.f.nodes[whole].typ != nodeField && whole > 0 {
		whole-- // the field in front of a literal that is missing may be cut
	}
	has, stated := v.factsOf(v.f.nodes[:whole])
	if !stated {
		return false
	}
	p.begin(v, e)
	p.fields(v, line, m.farSpans[:whole])
	if rest := line[m.far:]; m.farWas == meansRequestLine && len(rest) > 1 && rest[0] == '"' {
		p.filler.requestLine(rest[1:])
		has |= factOf[meansRequestLine]
	}
	if !p.finish(v, line, h, e) {
		return false
	}
	e.Has = has
	return true
}

// whyNot says why a line that nothing could read is no event.
func (p *parser) whyNot(line, msg []byte, why *matcher) lb.Skip {
	switch {
	case bytes.HasPrefix(msg, []byte("Connect from ")):
		return skipConnect
	case p.isTCP(line, len(line)-len(msg)):
		return lb.SkipTCP
	}
	if skip, ok := connectionError(msg); ok {
		return skip
	}
	switch {
	case bytes.IndexByte(line, 0) >= 0:
		return lb.SkipBinary
	case why.farWas == meansRequestDate || why.farWas == meansAcceptDate:
		return lb.SkipTime
	case why.ended && why.far > len(line)-len(msg):
		return lb.SkipCut
	}
	return lb.SkipForeign
}

// isTCP reports whether a line is one of a TCP listener.
func (p *parser) isTCP(line []byte, at int) bool {
	for _, v := range p.variants {
		if v.tcp && p.matcher.match(v.f, line, at) {
			return true
		}
	}
	return oldTCP(line[at:])
}

// oldTCP recognises tcplog lines whose termination state or counters are of another release:
// "ip:port [date] listener pool/server Tw/Tc/Tt bytes XX …" without a request line.
func oldTCP(msg []byte) bool {
	words := bytes.SplitN(msg, []byte(" "), 8)
	if len(words) < 8 || len(words[1]) < 22 || words[1][0] != '[' {
		return false
	}
	slashes := bytes.Count(words[4], []byte("/"))
	_, sized := logtext.Number(words[5])
	return slashes >= 2 && slashes <= 4 && sized && len(words[6]) == 2 && isStateCode(words[6]) && bytes.IndexByte(words[7], '"') < 0
}

// connectionError recognises the short line of section 8.2.5: "ip:port [date] listener/bind: message".
func connectionError(msg []byte) (lb.Skip, bool) {
	words := bytes.SplitN(msg, []byte(" "), 4)
	if len(words) < 4 || len(words[1]) < 22 || words[1][0] != '[' || !bytes.HasSuffix(words[2], []byte(":")) || bytes.IndexByte(words[2], '/') <= 0 {
		return "", false
	}
	if text := words[3]; bytes.Contains(text, []byte("SSL")) || bytes.Contains(text, []byte("TLS")) {
		return lb.SkipTLSError, true
	}
	return skipConnError, true
}
