package nginx

import (
	"bytes"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// errorFormat names the error log in reports.
const errorFormat = "nginx/error"

// Reasons of nginx's own why a line is no event.
const (
	skipAttempt  lb.Skip = "failed attempt at an instance that stays in use (max_fails not reached, or no other instance)"
	skipBroken   lb.Skip = "an instance's answer broke off"
	skipRefused  lb.Skip = "request refused by a rule of nginx (limit, access, sign-in, filter)"
	skipFile     lb.Skip = "a file of nginx's own could not be used"
	skipClient   lb.Skip = "failure on the client's side of a connection"
	skipScript   lb.Skip = "error in a script (njs, Lua)"
	skipMail     lb.Skip = "mail or stream proxy: no requests, so no sessions"
	skipErrorLog lb.Skip = "other message of the error log"
)

// isErrorLine reports whether a message is one of the error log: "2026/11/24 10:00:00 [error] …" (ngx_log.c).
func isErrorLine(b []byte) bool {
	return len(b) > 22 && b[4] == '/' && b[7] == '/' && b[10] == ' ' && b[13] == ':' && b[16] == ':' && b[19] == ' ' && b[20] == '[' &&
		logtext.IsDigit(b[0]) && logtext.IsDigit(b[9]) && logtext.IsDigit(b[18])
}

// logKind tells the error log from access logs: all of its first lines are its own. Containers write both into one.
func logKind(head []byte) string {
	own, lines := 0, 0
	for line := range bytes.Lines(head) {
		if lines == 64 {
			break
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		lines++
		if isErrorLine(line[syslog.Header(line).Msg:]) {
			own++
		}
	}
	if own > 0 && own == lines {
		return "error"
	}
	return ""
}

// errorLine reads a line of the error log.
func (p *parser) errorLine(b []byte, e *session.Event) lb.Skip {
	at, ok := p.errorTime(b[:19])
	if !ok {
		return lb.SkipTime
	}
	text, ok := errorText(b[20:])
	if !ok {
		return lb.SkipCut
	}
	why := p.classify(text, e)
	if why == lb.Read {
		e.Start, e.End = at, at
	}
	return why
}

// errorTime reads "2026/11/24 10:00:00", which has no zone: that of the access log's times counts if the user named none.
func (p *parser) errorTime(t []byte) (int64, bool) {
	var n [14]int
	k := 0
	for i, c := range t {
		if i == 4 || i == 7 || i == 10 || i == 13 || i == 16 {
			continue
		}
		if !logtext.IsDigit(c) {
			return 0, false
		}
		n[k] = int(c - '0')
		k++
	}
	year, month, day := n[0]*1000+n[1]*100+n[2]*10+n[3], n[4]*10+n[5], n[6]*10+n[7]
	h, m, s := n[8]*10+n[9], n[10]*10+n[11], n[12]*10+n[13]
	if year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || h > 23 || m > 59 || s > 60 {
		return 0, false
	}
	zone, offset := p.zone, int64(0)
	if p.opt.Zone == nil && p.clock.zoned {
		zone, offset = time.UTC, p.clock.offset
	}
	return time.Date(year, time.Month(month), day, h, m, s, 0, zone).UnixNano() - offset, true
}

// errorText returns the message behind "[error] 123#0: *5 ".
func errorText(b []byte) ([]byte, bool) {
	k := bytes.Index(b, []byte("] "))
	if k < 0 {
		return nil, false
	}
	b = b[k+2:]
	if k = bytes.Index(b[:min(len(b), 40)], []byte(": ")); k < 0 || bytes.IndexByte(b[:k], '#') < 0 {
		return nil, false
	}
	b = b[k+2:]
	if len(b) > 0 && b[0] == '*' {
		if k = bytes.IndexByte(b, ' '); k > 0 {
			b = b[k+1:]
		}
	}
	return b, true
}

// failures are messages about an attempt at a server that failed before it sent headers, so that it counts for
// max_fails (ngx_http_upstream.c: ngx_http_upstream_next).
var failures = []string{
	" while connecting to upstream", " while sending request to upstream", " while sending to upstream", " while SSL handshaking to upstream",
	" while reading response header from upstream", "upstream sent too big header", "upstream sent invalid header", "upstream sent no valid HTTP",
}

// classify makes an event of a message, or says why it is none.
func (p *parser) classify(text []byte, e *session.Event) lb.Skip {
	message := withoutContext(text)
	switch {
	case bytes.HasPrefix(message, []byte("no live upstreams")):
		host, _ := upstreamOf(text)
		if len(host) == 0 {
			return lb.SkipCut
		}
		e.Kind, e.Pool, e.Detail = session.Health, host, plainWords(message)
		return lb.Read
	case bytes.HasPrefix(message, []byte("upstream server temporarily disabled")):
		return p.failed(text, message, e, true)
	case containsAny(message, failures):
		return p.failed(text, message, e, false)
	case bytes.Contains(message, []byte(" upstream")) && bytes.Contains(text, []byte(", upstream: ")):
		return skipBroken
	}
	return p.own(message, text, e)
}

// failed makes an event of an attempt that failed, if the server is out of use because of it. disabled says that nginx
// itself says so.
func (p *parser) failed(text, message []byte, e *session.Event, disabled bool) lb.Skip {
	host, ok := upstreamOf(text)
	if !ok {
		return lb.SkipCut
	}
	if limit, known := p.maxFailures[string(host)]; known && limit != 1 && !disabled {
		return skipAttempt
	}
	e.Kind, e.Has, e.Instance, e.Detail = session.Health, session.HasInstance, host, plainWords(message)
	if p.place != nil {
		p.place.of(host, e)
	}
	return lb.Read
}

// failureLimits returns after how many failures each address of a configuration is taken out of use; 0: never. A
// server that is alone is never out (ngx_http_upstream_round_robin.c: "single").
func failureLimits(cfg *topology.Config) map[string]int {
	if cfg == nil {
		return nil
	}
	limits := map[string]int{}
	for _, pool := range cfg.Pools {
		for _, in := range pool.Instances {
			limit := 0
			if in.Check != nil && len(pool.Instances) > 1 {
				limit = in.Check.Fall
			}
			limits[printed(in.Address)] = limit
		}
	}
	return limits
}

// withoutContext cuts what nginx adds about the request: client, server, request …, which may hold credentials.
func withoutContext(text []byte) []byte {
	if k := bytes.Index(text, []byte(", client: ")); k >= 0 {
		return text[:k]
	}
	return text
}

// plainWords returns the words of a message up to the first quoted text, which may be anybody's.
func plainWords(message []byte) []byte {
	if k := bytes.IndexByte(message, '"'); k >= 0 {
		message = message[:k]
	}
	return bytes.TrimRight(message, " :,")
}

func containsAny(b []byte, list []string) bool {
	for _, s := range list {
		if bytes.Contains(b, []byte(s)) {
			return true
		}
	}
	return false
}

// upstreamOf returns the address or the group's name in the message's "upstream:" part, "http://127.0.0.1:9001/path" or
// "http://unix:/run/app.sock:/path". What clients write stands in front of it (the request) or behind it
// (host, referrer): the first such part behind the request line is nginx's own.
func upstreamOf(text []byte) ([]byte, bool) {
	rest := text
	if k := bytes.Index(rest, []byte(`, request: "`)); k >= 0 {
		rest = rest[k:]
		for {
			k := bytes.Index(rest, []byte(` HTTP/`))
			if k < 0 {
				return nil, false
			}
			rest = rest[k+6:]
			if q := bytes.IndexByte(rest, '"'); q >= 0 && q <= 3 {
				rest = rest[q+1:]
				break
			}
		}
	}
	k := bytes.Index(rest, []byte(`, upstream: "`))
	if k < 0 {
		return nil, false
	}
	rest = rest[k+13:]
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		return nil, false
	}
	rest = rest[:end]
	if k = bytes.Index(rest, []byte("://")); k >= 0 {
		rest = rest[k+3:]
	}
	if path, ok := bytes.CutPrefix(rest, []byte("unix:")); ok {
		if k = bytes.IndexByte(path, ':'); k >= 0 {
			rest = rest[:5+k]
		}
		return rest, len(rest) > 5
	}
	if k = bytes.IndexByte(rest, '/'); k >= 0 {
		rest = rest[:k]
	}
	return rest, len(rest) > 0
}
