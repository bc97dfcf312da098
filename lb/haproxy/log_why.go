package haproxy

import (
	"bytes"

	"limpet.dev/lb"
)

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
	_, sized := number(words[5])
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
