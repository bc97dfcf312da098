package nginx

import (
	"bytes"

	"limpet.dev/session"
)

// short remembers between lines what the short way from lines to records needs.
type short struct{ places [64]knownPlace }

// A knownPlace is what an upstream's address means.
type knownPlace struct {
	text  []byte
	place session.Place
}

// hasShortWay reports whether the usual lines of a format can be read straight into records: all that its fields say
// fits into one without looking at several together.
func (v *variant) hasShortWay() bool {
	times := 0
	for i := range v.f.fields {
		switch n := &v.f.fields[i]; n.what {
		case meansTimeLocal, meansTimeMsec:
			times++
		case meansNothing, meansRequestTime, meansClient, meansStatus, meansBytes, meansRequestLine, meansHost, meansReferer, meansUserAgent, meansUpAddr, meansUpStatus, meansUpTime,
			meansUpHeader, meansUpConnect, meansScheme, meansSetSession, meansCache, meansCompletion:
		case meansSession:
			if n.secret != 0 {
				return false
			}
		case meansRequestID:
			if n.claims {
				return false
			}
		default:
			return false
		}
		if n := &v.f.fields[i]; n.esc != escapeDefault || n.end == endNowhere || n.loose {
			return false
		}
	}
	return times > 0 && v.has&session.HasFlow == 0 && v.has&session.HasTarget != 0 && v.has&session.HasStatus != 0
}

// ReadRecords reads lines of formats with a short way, as long as they are usual: no escapes, no several attempts, an answer
// of the server's own. It fills records without an event in between. Whatever is unusual is left to Parse, and a test holds
// the two against each other.
func (p *parser) ReadRecords(data []byte, at int, red *session.Reducer, like *session.Record, out []session.Record) (read, next int) {
	v := p.variants[p.cur]
	if !v.short || !p.plainLines {
		return 0, at
	}
	if p.known == nil {
		p.known = new(short)
	}
	for read < len(out) {
		n := bytes.IndexByte(data[at:], '\n')
		if n < 20 || n > maxLogLine {
			break
		}
		r := &out[read]
		*r = *like
		if !p.record(v, data[:at+n], at, red, r) {
			break
		}
		read++
		r.Line += uint32(read)
		at += n + 1
	}
	return read, at
}

// record reads the line b[at:] into r, and reports whether it could.
func (p *parser) record(v *variant, b []byte, at int, red *session.Reducer, r *session.Record) bool {
	if bytes.IndexByte(b[at:], '\\') >= 0 || b[len(b)-1] == '\r' || !p.matcher.quick(v.f, b, at) {
		return false
	}
	w := shortFill{p: p, red: red, r: r, b: b, took: session.UnknownMs, upTook: session.UnknownMs}
	r.Has, r.Bytes = v.has, -1
	for i, s := range p.matcher.spans {
		n := &v.f.fields[i]
		if n.what == meansNothing {
			continue
		}
		from, to := s.from, s.to
		if to-from == 1 && b[from] == '-' {
			to = from // absent
		}
		if !w.field(n.what, from, to) {
			return false
		}
	}
	return w.finish(v)
}

// A shortFill is one line on its short way.
type shortFill struct {
	p      *parser
	red    *session.Reducer
	r      *session.Record
	b      []byte
	end    int64
	exact  bool
	took   int64
	upTook int64
	served bool // a server is named
	other  bool // there is a Referer
	hosted bool // the Host is known
}

// field notes a field, b[from:to]; false if it is unusual.
func (w *shortFill) field(what meaning, from, to int) (ok bool) {
	text, r := w.b[from:to], w.r
	switch what {
	case meansTimeLocal:
		var end int64
		if end, ok = w.p.clock.local(text); !w.exact {
			w.end = end
		}
		return ok
	case meansTimeMsec:
		w.end, ok = w.p.clock.msec(text)
		w.exact = true
		return ok
	case meansRequestTime:
		w.took, ok = millis(text)
		return ok
	case meansClient:
		return w.red.Address4(w.b, from, to, r)
	case meansStatus:
		var e session.Event
		ok = to-from == 3 && status(text, &e)
		r.Status = e.Status
		return ok && e.Status != 499 && e.Status != 502 && e.Status != 504
	case meansBytes:
		n, ok := count(text)
		r.Bytes = int32(n)
		return ok && n < 1<<31
	case meansRequestLine:
		return w.request(text)
	case meansReferer:
		w.other = to > from
	case meansHost:
		w.hosted = to > from
	case meansUserAgent:
		w.red.Agent(text, r)
	case meansUpAddr:
		return w.address(text)
	case meansUpTime:
		w.upTook, ok = millis(text)
		return ok || to == from
	case meansUpHeader:
		_, ok = millis(text)
		return ok || to == from && !w.served
	case meansScheme:
		return w.scheme(text)
	case meansSession:
		if to > from {
			w.red.Presented(w.b, from, to, r)
		}
	case meansSetSession:
		return to == from
	case meansRequestID:
		if to > from {
			r.RequestID = w.red.Bytes(text)
		}
	}
	return true
}

// request reads "GET /path?query HTTP/1.1".
func (w *shortFill) request(b []byte) bool {
	end := len(b) - 9
	if end < 5 || b[end] != ' ' || string(b[end+1:end+6]) != "HTTP/" {
		return false
	}
	blank := seek(b, 0, ' '*ones)
	if blank == 3 && b[0] == 'G' && b[1] == 'E' && b[2] == 'T' {
		w.r.Method = session.GET
	} else if blank > 0 && blank < end && isMethod(b[:blank]) {
		w.r.Method = session.MethodOf(b[:blank])
	} else {
		return false
	}
	path := b[blank+1 : end]
	if len(path) == 0 || path[0] != '/' {
		return false
	}
	if k := bytes.IndexByte(path, '?'); k >= 0 {
		path = path[:k]
	}
	w.r.Route = w.red.Path(path)
	return true
}

// address reads the one server that was tried.
func (w *shortFill) address(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	if len(text) < 8 || len(text) > 64 {
		return false
	}
	w.served = true
	k := &w.p.known.places[(load8(text, len(text)-8)^uint64(len(text)))*0x9e3779b97f4a7c15>>58]
	if string(k.text) != string(text) {
		if seek(text, 0, ' '*ones) >= 0 || bytes.IndexByte(text, ':') < 0 {
			return false
		}
		e := session.Event{Instance: text}
		if w.p.place != nil {
			w.p.place.of(text, &e)
		}
		k.text, k.place = append(k.text[:0], text...), w.red.Place(nil, e.Pool, e.Instance)
	}
	w.r.Pool, w.r.Instance = k.place.Pool, k.place.Instance
	return true
}

func (w *shortFill) scheme(text []byte) bool {
	switch string(text) {
	case "https":
		w.r.Flags |= session.KnownTLS | session.Secure
	case "http":
		w.r.Flags |= session.KnownTLS
	default:
		return false
	}
	return true
}

// finish works out what several fields say together.
func (w *shortFill) finish(v *variant) bool {
	r := w.r
	if w.other && w.hosted || w.end == 0 || v.retryView && !w.served && r.Status >= 500 {
		return false
	}
	if w.took < 0 {
		w.took = max(w.upTook, 0)
	}
	r.End = w.end
	r.Start = w.end - w.took*msec
	w.p.seen = r.End
	return true
}
