package nginx

import (
	"bytes"

	"limpet.dev/lb/logtext"
	"limpet.dev/session"
)

const msec = int64(1_000_000) // in nanoseconds

var (
	schemeHTTP  = []byte("http")
	schemeHTTPS = []byte("https")
)

// A filler collects what a line says until all of it is known. Durations are in ms, -1 unknown.
type filler struct {
	end     int64 // ns, 0 unknown
	exact   bool  // end has milliseconds
	took    int64 // the whole request
	up      upstreams
	path    []byte
	origin  []byte
	cache   []byte
	offered []byte // a request id that the client itself may have written
	proxied bool   // client is what a proxy in front says
}

// fields notes as many fields as there are spans; false if a field cannot be what it must be.
func (p *parser) fields(v *variant, line []byte, spans []span, e *session.Event) bool {
	w := &p.filler
	*w = filler{took: session.UnknownMs, up: noUpstreams}
	for i, at := range spans {
		n := &v.f.fields[i]
		if n.what == meansNothing {
			continue
		}
		if !p.field(v, n, n.value(line[at.from:at.to], &p.scratch), e) {
			return false
		}
	}
	return true
}

// value returns a field's text as nginx had it: "-" being nothing, escapes undone. The result points into the
// line, or into scratch where an escape had to be undone.
func (n *field) value(b []byte, scratch *[]byte) []byte {
	if len(b) == 1 && b[0] == '-' && (n.esc == escapeDefault || n.loose) {
		return nil
	}
	if n.shape != shapeText && n.shape != shapeWord || n.esc == escapeNone {
		return b
	}
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	if n.esc == escapeJSON {
		return logtext.Unescape(b, scratch)
	}
	return unhex(b, scratch)
}

// unhex undoes \xXX (ngx_http_log_escape). What is no such escape stays.
func unhex(b []byte, scratch *[]byte) []byte {
	from := len(*scratch)
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+3 < len(b) && b[i+1] == 'x' {
			if hi, lo := logtext.Unhex(b[i+2]), logtext.Unhex(b[i+3]); hi >= 0 && lo >= 0 {
				*scratch = append(*scratch, byte(hi<<4|lo))
				i += 3
				continue
			}
		}
		*scratch = append(*scratch, b[i])
	}
	return (*scratch)[from:]
}

// field notes one field that means something.
func (p *parser) field(v *variant, n *field, text []byte, e *session.Event) bool {
	w := &p.filler
	switch n.what {
	case meansTimeLocal, meansTimeISO, meansTimeMsec:
		return p.moment(n.what, text)
	case meansRequestTime, meansRequestMs:
		return w.duration(n.what, text)
	case meansClient:
		if !w.proxied {
			e.Client = text
		}
	case meansClientPort:
		if port, ok := count(text); ok && port < 1<<16 {
			e.Port = uint16(port)
		}
	case meansForwardedFor:
		w.forwarded(text, e)
	case meansStatus:
		return status(text, e)
	case meansBytes:
		if size, ok := count(text); ok {
			e.Bytes = size
		}
	case meansRequestLine:
		w.requestLine(text, e)
	case meansMethod:
		e.Method = text
	case meansTarget:
		if len(w.path) == 0 || n.name == "request_uri" {
			w.path = text
		}
	case meansHost:
		if len(text) > 0 {
			e.Host = text
		}
	case meansListener:
		e.Listener = text
	case meansPool:
		e.Pool = text
	case meansScheme:
		if len(text) > 0 {
			e.Scheme = text
		}
	case meansTLS:
		e.Scheme = schemeHTTP
		if len(text) > 0 {
			e.Scheme = schemeHTTPS
		}
	case meansUserAgent:
		e.UserAgent = text
	case meansReferer:
		e.Referer = text
	case meansUpAddr:
		w.up.addresses(text, e)
	case meansUpStatus:
		w.up.status = lastStatus(text)
	case meansUpTime:
		w.up.took, w.up.sum = lastMillis(text)
	case meansUpHeader:
		w.up.headed = true
		w.up.header, _ = lastMillis(text)
	case meansUpConnect:
		w.up.connect, _ = lastMillis(text)
	default:
		p.named(v, n, text, e)
	}
	return true
}

// named notes what only some formats show.
func (p *parser) named(v *variant, n *field, text []byte, e *session.Event) {
	if len(text) == 0 {
		return
	}
	w := &p.filler
	switch n.what {
	case meansSession:
		if e.Session.Empty() || n.secret == logtext.Fingerprint {
			e.Session = credential(text, n.secret)
		}
	case meansSetSession:
		if e.SetSession.Empty() || n.secret == logtext.Fingerprint {
			e.SetSession = credential(text, n.secret)
		}
	case meansAffinity:
		e.Affinity = text
	case meansSetAffinity:
		e.SetAffinity = text
	case meansCleared:
		e.Cleared = text[0] != '0'
	case meansCookieHeader:
		w.cookies(v, text, e)
	case meansSetCookieHeader:
		w.setCookies(v, text, e)
	case meansOrigin:
		w.origin = text
	case meansLocation:
		e.Location = text
	case meansRequestID:
		if n.claims {
			w.offered = text
		} else {
			e.RequestID = text
		}
	case meansTraceID:
		e.TraceID = traceID(text)
	case meansUpInstance:
		w.up.instance, w.up.seen = text, true
	case meansCache:
		w.cache = text
	case meansCompletion:
	}
}

// status reads $status: three digits, 000 where the client was gone before anything was decided.
func status(text []byte, e *session.Event) bool {
	if len(text) != 3 {
		return len(text) == 0
	}
	x, y, z := uint16(text[0])-'0', uint16(text[1])-'0', uint16(text[2])-'0'
	e.Status = x*100 + y*10 + z
	return x <= 9 && y <= 9 && z <= 9
}

// requestLine reads "GET /path HTTP/1.1". What a client sent that is no HTTP has no method.
func (w *filler) requestLine(v []byte, e *session.Event) {
	i := bytes.IndexByte(v, ' ')
	if i <= 0 || !isMethod(v[:i]) {
		return
	}
	e.Method = v[:i]
	v = v[i+1:]
	if k := len(v) - 9; k >= 0 && v[k] == ' ' && string(v[k+1:k+6]) == "HTTP/" {
		v = v[:k]
	} else if k := bytes.LastIndexByte(v, ' '); k >= 0 {
		v = v[:k]
	}
	if len(w.path) == 0 {
		w.path = v
	}
}

// isMethod reports whether a word can be a method: nginx takes upper-case letters, '_' and '-'.
func isMethod(b []byte) bool {
	for _, c := range b {
		if c != '_' && c != '-' && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// forwarded takes the first address that a proxy in front wrote down.
func (w *filler) forwarded(v []byte, e *session.Event) {
	if k := bytes.IndexByte(v, ','); k >= 0 {
		v = v[:k]
	}
	if v = bytes.TrimSpace(v); len(v) > 0 {
		e.Client, w.proxied = v, true
	}
}

// traceID cuts the trace's id out of a traceparent (W3C: "00-" 32 digits "-" …).
func traceID(v []byte) []byte {
	if len(v) >= 36 && v[2] == '-' && v[35] == '-' {
		return v[3:35]
	}
	return v
}

// cookies finds the session's and the balancer's cookie in a Cookie header.
func (w *filler) cookies(v *variant, header []byte, e *session.Event) {
	for len(header) > 0 {
		name, value, rest, ok := logtext.NextCookie(header)
		header = rest
		switch {
		case !ok:
		case v.isAffinity(name):
			e.Affinity = value
		case v.isSession(name) && e.Session.Empty():
			e.Session = credential(value, logtext.Raw)
		}
	}
}

// setCookies reads Set-Cookie headers; nginx joins several with ", " since 1.23.0.
func (w *filler) setCookies(v *variant, header []byte, e *session.Event) {
	for len(header) > 0 {
		one := header
		header = nil
		if k := nextSetCookie(one); k > 0 {
			one, header = one[:k], one[k+2:]
		}
		name, value, attributes, _, ok := logtext.SetCookie(one)
		switch {
		case !ok:
		case v.isAffinity(name):
			e.SetAffinity = value
		case v.isSession(name) && logtext.Deletes(value, attributes):
			e.Cleared = true
		case v.isSession(name):
			e.SetSession = credential(value, logtext.Raw)
		}
	}
}

// nextSetCookie returns where the first of several joined headers ends: in front of a ", " that no date has
// ("Wed, 21 Oct"), because "name=" follows it.
func nextSetCookie(b []byte) int {
	for i := 0; i+2 < len(b); i++ {
		if b[i] != ',' || b[i+1] != ' ' {
			continue
		}
		k := bytes.IndexAny(b[i+2:], "=;, ")
		if k > 0 && b[i+2+k] == '=' {
			return i
		}
	}
	return -1
}
