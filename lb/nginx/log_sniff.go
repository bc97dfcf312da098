package nginx

import (
	"bytes"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// sniffLog reports how certain it is that some lines are an nginx log: the share of the lines that nginx writes, less for
// those that other servers write too (Apache's combined format is nginx's).
func sniffLog(head []byte) float64 {
	read, err := newParser(lb.LogOptions{Sample: head, Year: 1970})
	if err != nil {
		return 0
	}
	p := read.(*parser)
	var e session.Event
	sum, lines := 0.0, 0
	for line := range bytes.Lines(head) {
		if line[len(line)-1] != '\n' && lines > 0 || lines == 64 {
			break // cut by the reader of the head
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 || len(line) > 64<<10 {
			continue
		}
		lines++
		sum += p.sniffLine(line, &e)
	}
	if lines == 0 {
		return 0
	}
	return sum / float64(lines)
}

// Certainties. Combined lines may come from any server.
const (
	surelyOurs  = 0.95
	likelyOurs  = 0.7
	perhapsOurs = 0.6
)

func (p *parser) sniffLine(line []byte, e *session.Event) float64 {
	h := syslog.Header(line)
	if msg := line[h.Msg:]; isErrorLine(msg) {
		if _, ok := errorText(msg[20:]); ok {
			return surelyOurs
		}
		return 0.2 // Go's standard logger writes times like this
	}
	if !p.request(line, h.Msg, 0, e) {
		return 0
	}
	switch v := p.variants[p.cur]; {
	case v.retryView, v.name == "nginx/proxy-manager":
		return surelyOurs
	case v.exact, bytes.Contains(line[:min(len(line), h.Msg)], []byte("nginx")):
		return likelyOurs
	default:
		return perhapsOurs
	}
}
