package caddy

import (
	"bytes"
	"strings"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
)

// access makes a request's event. Caddy writes the line, and takes its time, when the request has ended.
func (p *parser) access(l *line, at int64, e *session.Event) lb.Skip {
	e.Kind, e.Start, e.End = session.Request, at, at
	if d, ok := durationOf(l.duration); ok && d >= 0 && d < int64(24*time.Hour) {
		e.Start, e.TotalMs = at-d, int32(d/1e6)
	}
	e.Has |= session.HasTarget | session.HasClient
	o := newObject(l.request)
	for {
		name, v, ok := o.next()
		if !ok {
			break
		}
		p.request(name, v, e)
	}
	p.answer(l.answer, e)
	p.route(e)
	return lb.Read
}

func (p *parser) request(name, v []byte, e *session.Event) {
	if string(name) == "headers" {
		p.headers(v, e)
		return
	}
	if string(name) == "tls" {
		e.Scheme = []byte("https")
		return
	}
	text := unquote(v, &p.scratch)
	switch string(name) {
	case "client_ip":
		e.Client = text
	case "remote_ip":
		if len(e.Client) == 0 {
			e.Client = text
		}
	case "remote_addr": // before 2.5
		host, _ := splitPort(string(text))
		e.Client = text[:len(host)]
	case "remote_port":
		if n, ok := logtext.Number(text); ok && n > 0 && n < 1<<16 {
			e.Port = uint16(n)
		}
	case "method":
		e.Method = text
	case "host":
		e.Host = text
	case "uri":
		e.Target = text
	}
}

// headers reads the request's: {"User-Agent":["…"],"Cookie":["…"]}. Without log_credentials cookies are REDACTED.
func (p *parser) headers(v []byte, e *session.Event) {
	e.Has |= session.HasUserAgent | session.HasReferer
	o := newObject(v)
	for {
		name, list, ok := o.next()
		if !ok {
			return
		}
		values := listObject(list)
		value, ok := values.element()
		if !ok {
			continue
		}
		text := unquote(value, &p.scratch)
		switch strings.ToLower(string(name)) {
		case "user-agent":
			e.UserAgent = text
		case "referer":
			e.Referer = text
		case "origin":
			if len(e.Referer) == 0 {
				e.Referer = text
			}
		case "x-request-id":
			e.RequestID, e.Has = text, e.Has|session.HasRequestID
		case "x-forwarded-proto":
			e.Scheme = text
		case "traceparent":
			if len(text) >= 36 && text[2] == '-' && text[35] == '-' {
				e.TraceID = text[3:35]
			}
		case "cookie":
			p.cookies(text, e)
		}
	}
}

func redacted(v []byte) bool { return string(v) == "REDACTED" }

func (p *parser) cookies(v []byte, e *session.Event) {
	if redacted(v) {
		return
	}
	e.Has |= session.HasSession | session.HasAffinity
	for len(v) > 0 {
		name, value, rest, ok := logtext.NextCookie(v)
		v = rest
		switch {
		case !ok || len(value) == 0:
		case p.affinity != "" && string(name) == p.affinity:
			if len(e.Affinity) == 0 {
				e.Affinity = value
			}
		case p.opt.SessionCookie != "" && string(name) == p.opt.SessionCookie && e.Session.Empty() && string(value) != "deleted":
			e.Session = session.Credential{Raw: value}
		}
	}
}

// answer reads the answer's headers.
func (p *parser) answer(v []byte, e *session.Event) {
	o := newObject(v)
	for {
		name, list, ok := o.next()
		if !ok {
			return
		}
		values := listObject(list)
		switch strings.ToLower(string(name)) {
		case "location":
			e.Has |= session.HasLocation
			if value, ok := values.element(); ok {
				e.Location, _, _ = bytes.Cut(unquote(value, &p.scratch), []byte("?"))
			}
		case "x-limpet-session":
			e.Session, e.Has = p.fingerprint(&values), e.Has|session.HasSession|session.HasSetSession
		case "x-limpet-set-session":
			e.SetSession, e.Has = p.fingerprint(&values), e.Has|session.HasSession|session.HasSetSession
		case "set-cookie":
			for value, ok := values.element(); ok; value, ok = values.element() {
				p.setCookie(unquote(value, &p.scratch), e)
			}
		}
	}
}

// fingerprint is what the application says of its session cookie (logline.go).
func (p *parser) fingerprint(values *object) session.Credential {
	v, _ := values.element()
	return session.Credential{Raw: unquote(v, &p.scratch), Fingerprint: true}
}

func (p *parser) setCookie(v []byte, e *session.Event) {
	if redacted(v) {
		return
	}
	name, value, attrs, _, ok := logtext.SetCookie(v)
	switch {
	case !ok:
	case p.affinity != "" && string(name) == p.affinity:
		e.SetAffinity, e.Has = value, e.Has|session.HasSetAffinity
	case p.opt.SessionCookie == "" || string(name) != p.opt.SessionCookie:
	case logtext.Deletes(value, attrs):
		e.Cleared = true
	default:
		e.SetSession, e.Has = session.Credential{Raw: value}, e.Has|session.HasSetSession
	}
}

// route says what became of the affinity cookie, and reads the upstream from it where no field names it: a cookie that was
// followed is not set again (selectionpolicies.go).
func (p *parser) route(e *session.Event) {
	if e.Has&session.HasSession != 0 {
		e.Has |= session.HasSetSession // both are shown, or neither
	}
	if p.affinity == "" || e.Has&session.HasAffinity == 0 {
		e.Flow.Unserved = e.Has&session.HasInstance != 0 && len(e.Instance) == 0 && e.Status >= 502 && e.Status <= 504
		return
	}
	e.Has |= session.HasFlow | session.HasSetAffinity
	asked, known := p.decode[string(e.Affinity)]
	given, set := p.decode[string(e.SetAffinity)]
	e.Flow.Set = session.SetNothing
	if len(e.SetAffinity) > 0 {
		e.Flow.Set = session.SetInserted
	}
	switch {
	case len(e.Affinity) == 0:
		e.Flow.Affinity = session.AffinityNone
	case len(e.SetAffinity) == 0:
		e.Flow.Affinity = session.AffinityValid
	case known || len(p.decode) == 0:
		e.Flow.Affinity = session.AffinityDown
	default:
		e.Flow.Affinity = session.AffinityInvalid
	}
	failed := e.Status >= 502 && e.Status <= 504
	switch {
	case len(e.Instance) > 0:
	case set:
		e.Instance, e.Has = []byte(given), e.Has|session.HasInstance
	case known && len(e.SetAffinity) == 0 && !failed:
		e.Instance, e.Has = []byte(asked), e.Has|session.HasInstance
	}
	e.Flow.Unserved = failed && len(e.Instance) == 0 && (len(p.decode) > 0 || e.Has&session.HasInstance != 0)
}
