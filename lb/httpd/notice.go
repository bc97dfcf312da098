package httpd

import (
	"bytes"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
)

// isErrorLine reports whether a line is one of the error log: "[Wed Nov 25 20:02:57.254749 2026] [module:level] …".
func isErrorLine(line []byte) bool {
	return len(line) > 30 && line[0] == '[' && line[4] == ' ' && line[8] == ' ' && line[11] == ' ' && logtext.MonthOf(line[5:8]) > 0
}

// Skips of httpd's own.
const (
	skipProbe  lb.Skip = "single health check or connection, no change of state"
	skipClient lb.Skip = "error log: about one request, not about a member"
)

// An outage is an error-log message that says that a member went out or came back.
type outage struct {
	mark, from, to string // what stands in the message, and around the member's address
	up             bool
}

// The messages, by their numbers (docs/log-message-tags; observed on 2.4.71). AH03302 and AH03303 are written at level info.
var outages = []outage{
	{"AH00959", "disabling worker for (", ")", false},
	{"AH03303", "DISABLING ", "", false},
	{"AH03302", "ENABLING ", "", true},
	{"AH00940", "disabled worker (", ")", false},
}

// starts are the messages about httpd itself: AH00489 and AH00163 "resuming normal operations" end a start and a reload.
var starts = []string{"AH00489", "AH00163", "AH00292"}

var stops = []string{"AH00491", "AH00169", "AH00492"}

// notice reads a line of the error log.
func (p *parser) notice(line []byte, e *session.Event) lb.Skip {
	end := bytes.IndexByte(line, ']')
	if end < 0 {
		return lb.SkipCut
	}
	at, ok := p.errorTime(line[1:end])
	if !ok {
		return lb.SkipTime
	}
	text := line[end+1:]
	for _, o := range outages {
		if !bytes.Contains(text, []byte(o.mark)) {
			continue
		}
		_, who, ok := bytes.Cut(text, []byte(o.from))
		if !ok {
			continue
		}
		if o.to != "" {
			who, _, _ = bytes.Cut(who, []byte(o.to))
		}
		e.Kind, e.Start, e.End, e.Up = session.Health, at, at, o.up
		e.Instance = p.members.worker(bytes.TrimSpace(who))
		if name, ok := p.members.byWorker[string(bytes.TrimSpace(who))]; ok {
			e.Instance = []byte(name)
		}
		e.Detail = plainWords(text, o.mark)
		return lb.Read
	}
	for _, m := range starts {
		if bytes.Contains(text, []byte(m)) {
			e.Kind, e.Start, e.End, e.Up, e.Detail = session.Lifecycle, at, at, true, []byte("resuming normal operations")
			return lb.Read
		}
	}
	for _, m := range stops {
		if bytes.Contains(text, []byte(m)) {
			e.Kind, e.Start, e.End, e.Detail = session.Lifecycle, at, at, []byte("shutting down")
			return lb.Read
		}
	}
	switch {
	case bytes.Contains(text, []byte("AH00957")):
		return skipProbe
	case bytes.Contains(text, []byte("[client ")):
		return skipClient
	}
	return lb.SkipNotice
}

// plainWords is the message from its number on, as far as it can hold nothing of a request.
func plainWords(text []byte, mark string) []byte {
	i := bytes.Index(text, []byte(mark))
	text = text[i+len(mark):]
	text = bytes.TrimPrefix(text, []byte(": "))
	return text[:min(len(text), 120)]
}

// errorTime reads "Wed Nov 25 20:02:57.254749 2026", in the zone of the machine that wrote it.
func (p *parser) errorTime(v []byte) (int64, bool) {
	for _, layout := range []string{"Mon Jan _2 15:04:05.000000 2006", "Mon Jan _2 15:04:05 2006"} {
		if t, err := time.ParseInLocation(layout, string(v), p.clock.zone); err == nil {
			return t.UnixNano(), true
		}
	}
	return 0, false
}
