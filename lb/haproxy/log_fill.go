package haproxy

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

// moments collects what a line says about time until all of it is known. Durations are in ms, -1 unknown
// or not reached, unless another value is said.
type moments struct {
	accept, acceptSeconds, acceptMs, request    int64 // ns; 0 unknown. acceptSeconds: by the clock in UTC
	exact, acceptExact, clockExact              bool  // request, accept, acceptSeconds+acceptMs: better than a whole second
	handshake, idle                             int64 // 0 unknown
	knowsIdle                                   bool
	active, total, user                         int64
	parse, queue, connect, server, data, tillOK int64
}

func (t *moments) reset() {
	*t = moments{active: -1, total: -1, user: -1, parse: -1, queue: -1, connect: -1, server: -1, data: -1, tillOK: -1}
}

// filler turns the spans of a matched line into an event.
type filler struct {
	v       *variant
	e       *session.Event
	t       moments
	scratch *[]byte
	date    *dateCache

	method, path, query []byte
	origin              []byte
	caps                *captureSet
}

// field notes one field.
func (w *filler) field(n *node, text []byte) {
	e := w.e
	switch n.what {
	case meansNothing:
		return
	case meansRequestHeaders:
		w.headers(text, w.caps.request, n.esc)
		return
	case meansResponseHeaders:
		w.headers(text, w.caps.response, n.esc)
		return
	case meansRequestList:
		w.headerList(n, text, w.caps.request)
		return
	case meansResponseList:
		w.headerList(n, text, w.caps.response)
		return
	}
	if w.duration(n, text) || w.moment(n, text) {
		return
	}
	v := n.value(text, w.scratch)
	switch n.what {
	case meansClient:
		e.Client = v
	case meansClientPort:
		e.Port = portAt(v, 0)
	case meansListenerTLS:
		e.Scheme = schemeHTTP
		if k := len(v); k > 0 && v[k-1] == '~' {
			v, e.Scheme = v[:k-1], schemeHTTPS
		}
		e.Listener = v
	case meansListener:
		e.Listener = v
	case meansPool:
		e.Pool = v
	case meansInstance:
		w.instance(v)
	case meansStatus:
		if s, ok := logtext.Number(v); ok && s > 0 && s < 1000 {
			e.Status = uint16(s)
		}
	case meansBytes:
		if s, ok := logtext.Number(v); ok && s >= 0 {
			e.Bytes = s
		}
	case meansState:
		w.state(v)
	case meansRetries:
		w.retries(v)
	case meansServerQueue, meansPoolQueue:
		if s, ok := logtext.Number(v); ok && s > 0 {
			e.Flow.Queued = true
		}
	case meansRedispatched:
		e.Flow.Redispatched = e.Flow.Redispatched || len(v) == 1 && v[0] == '1'
	case meansRequestLine:
		w.requestLine(v)
	case meansMethod:
		w.method = known(v)
	case meansPath, meansTarget:
		w.path = known(v)
	case meansQuery:
		w.query = v
	default:
		w.named(n.what, n.secret, v, 0)
	}
}

// known returns v, or nothing for what HAProxy writes where it could read no request.
func known(v []byte) []byte {
	if string(v) == "<BADREQ>" {
		return nil
	}
	return v
}

// instance notes the server; "<NOSRV>", "<STATS>" and the like are HAProxy itself.
func (w *filler) instance(v []byte) {
	if len(v) == 0 || v[0] == '<' {
		w.e.Flow.Unserved = true
		return
	}
	w.e.Instance = v
}

func (w *filler) state(v []byte) {
	code := [4]byte{' ', ' ', ' ', ' '}
	if n := copy(code[:], v); n < 2 {
		return
	}
	f := flowOf(code)
	e := w.e
	e.Flow.Affinity, e.Flow.Set, e.Flow.Aborted, e.Flow.Code = f.Affinity, f.Set, f.Aborted, f.Code
	e.Flow.Unserved = e.Flow.Unserved || f.Unserved
}

func (w *filler) retries(v []byte) {
	if len(v) > 0 && v[0] == '+' {
		w.e.Flow.Redispatched = true
	}
	if n, ok := logtext.Number(v); ok && n > 0 {
		w.e.Flow.Retries = uint8(min(n, 255))
	}
}

// requestLine reads "GET /path HTTP/1.1". A cut line may end anywhere.
func (w *filler) requestLine(v []byte) {
	i := bytes.IndexByte(v, ' ')
	if i <= 0 {
		return
	}
	w.method = v[:i]
	v = v[i+1:]
	if k := bytes.LastIndexByte(v, ' '); k >= 0 {
		v = v[:k]
	}
	w.path = v
}

// named notes a value that a header, a cookie or a variable gave. max is the length at which the
// value was cut, 0 none.
func (w *filler) named(what meaning, form secretForm, v []byte, max int) {
	if len(v) == 0 && what != meansCleared {
		return
	}
	e := w.e
	switch what {
	case meansSession:
		if what, rest := w.v.unprefix(v, form); rest != nil {
			e.Affinity, v = what, rest
		}
		e.Session = credential(v, form, max > 0 && len(v) >= max)
	case meansSetSession:
		if _, rest := w.v.unprefix(v, form); rest != nil {
			v = rest
		}
		e.SetSession = credential(v, form, max > 0 && len(v) >= max)
	case meansAffinity:
		e.Affinity = v
	case meansSetAffinity:
		e.SetAffinity = v
	case meansRequestCookie:
		w.cookie(v, false)
	case meansResponseCookie:
		w.cookie(v, true)
	case meansCookieHeader:
		w.cookieHeader(v, max)
	case meansSetCookieHeader:
		w.setCookieHeader(v, max)
	case meansCleared:
		e.Cleared = len(v) > 0 && v[0] != '0'
	case meansHost:
		e.Host = v
	case meansScheme:
		e.Scheme = v
	case meansTLS:
		e.Scheme = schemeHTTP
		if v[0] == '1' {
			e.Scheme = schemeHTTPS
		}
	case meansUserAgent:
		e.UserAgent = v
	case meansReferer:
		e.Referer = v
	case meansOrigin:
		w.origin = v
	case meansLocation:
		e.Location = v
	case meansTraceID:
		e.TraceID = traceID(v)
	case meansRequestID:
		e.RequestID = v
	case meansForwardedFor:
		if k := bytes.IndexByte(v, ','); k >= 0 {
			v = v[:k]
		}
		if v = bytes.TrimSpace(v); len(v) > 0 {
			e.Client = v
		}
	}
}

// traceID cuts the trace's id out of a traceparent (W3C: "00-" 32 digits "-" …).
func traceID(v []byte) []byte {
	if len(v) >= 36 && v[2] == '-' && v[35] == '-' {
		return v[3:35]
	}
	return v
}

// credential returns a session credential as the log shows it.
func credential(v []byte, form secretForm, cut bool) session.Credential {
	if form == secretFingerprint && len(v) > 32 {
		v = v[:32] // the whole HMAC: a pseudonym is its first half
	}
	return session.Credential{Raw: v, Fingerprint: form == secretFingerprint, Opaque: form == secretOpaque, Cut: cut}
}

// finish works out what several fields say together.
func (w *filler) finish(lineTime int64) bool {
	e := w.e
	e.Kind = session.Request
	e.Has = w.v.has | e.Has
	e.Method = w.method
	e.Target = w.path
	if len(e.Referer) == 0 {
		e.Referer = w.origin
	}
	return w.times(lineTime)
}

// headers notes {a|b}: what the listener captured, in the order of its declarations.
func (w *filler) headers(text []byte, list []capture, escaped bool) {
	if n := len(text); n >= 4 && text[0] == '"' {
		text = text[1 : n-1]
	}
	if len(text) < 2 {
		return
	}
	text = text[1 : len(text)-1]
	for i := 0; ; i++ {
		k := bytes.IndexByte(text, '|')
		part := text
		if k >= 0 {
			part = text[:k]
		}
		w.header(part, list, i, escaped)
		if k < 0 {
			return
		}
		text = text[k+1:]
	}
}

func (w *filler) header(v []byte, list []capture, i int, escaped bool) {
	if i >= len(list) || list[i].what == meansNothing || len(v) == 0 {
		return
	}
	if escaped && bytes.IndexByte(v, '\\') >= 0 {
		v = logtext.Unescape(v, w.scratch)
	}
	if bytes.IndexByte(v, '#') >= 0 {
		v = unhash(v, w.scratch)
	}
	w.named(list[i].what, secretRaw, v, list[i].max)
}

// headerList notes %hrl and %hsl: captured headers with blanks between them, quoted or not.
func (w *filler) headerList(n *node, text []byte, list []capture) {
	for i := 0; len(text) > 0; i++ {
		var part []byte
		if text[0] == '"' && n.quoted {
			k := bytes.IndexByte(text[1:], '"') // those of the values are #22
			if k < 0 {
				return
			}
			part, text = text[1:k+1], text[k+2:]
		} else if k := bytes.IndexByte(text, ' '); k >= 0 && len(list) > 1 {
			part, text = text[:k], text[k:]
		} else {
			part, text = text, nil
		}
		if string(part) != "-" {
			w.header(part, list, i, n.esc)
		}
		text = bytes.TrimPrefix(text, []byte(" "))
	}
}
