package haproxy

import (
	"strings"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// presented is what the request's affinity cookie came to (src/http_ana.c,
// http_manage_client_side_cookies).
type presented struct {
	state       session.AffinityState
	srv         *server
	first, last int64 // dates in the cookie, seconds since 1970, 0: none
	trim        bool  // prefix mode: a prefix stands before the application's value
}

// Dates in cookies are ignored when they lie further in the future.
const futureDate = 86400

// readCookie judges the cookies of the rule's name from left to right: the first that names a
// usable server wins, otherwise the state of the first one that is not merely unknown.
func (r *router) readCookie(q *request, assigned bool) presented {
	p := presented{state: session.AffinityNone}
	if q.Cookie == nil {
		return p
	}
	for _, value := range q.Cookie(r.cookie.name) {
		id := value
		if r.cookie.prefix {
			if n := strings.IndexByte(value, '~'); n >= 0 {
				id, p.trim = value[:n], true
			}
		} else {
			id = r.readDates(&p, value, q.Now.Unix())
		}
		if id != "" && !q.ignorePersist && !assigned && p.srv == nil {
			r.match(&p, id, q.forcePersist)
		}
		if p.srv == nil && p.state == session.AffinityNone {
			p.state = session.AffinityInvalid
			if q.ignorePersist || assigned {
				p.state = session.AffinityUnused
			}
		}
	}
	return p
}

// readDates cuts "VALUE|LAST|FIRST" and returns VALUE, or "" if the cookie is too old.
func (r *router) readDates(p *presented, value string, now int64) string {
	id, dates, ok := strings.Cut(value, "|")
	if !ok {
		return value
	}
	if v := base64to30(dates); v > 0 {
		p.last = v << 2
	}
	if _, first, ok := strings.Cut(dates, "|"); ok {
		if v := base64to30(first); v > 0 {
			p.first = v << 2
		}
	}
	idle, life := int64(r.cookie.maxIdle.Seconds()), int64(r.cookie.maxLife.Seconds())
	switch {
	case p.first != 0 && life != 0 && (now-p.first > life || p.first-now > futureDate):
		p.state, p.first, p.last = session.AffinityOld, 0, 0
		return ""
	case p.last != 0 && idle != 0 && (now-p.last > idle || p.last-now > futureDate):
		p.state, p.first, p.last = session.AffinityIdle, 0, 0
		return ""
	}
	return id
}

// match finds the first running server of that cookie value; with "option persist" or
// force-persist a stopped one will do.
func (r *router) match(p *presented, id string, force bool) {
	for _, s := range r.servers {
		if s.CookieValue != id {
			continue
		}
		p.state = session.AffinityDown
		if s.up {
			p.state = session.AffinityValid
		}
		if s.up || r.keepDown || force {
			p.srv = s
			return
		}
	}
}

// setCookie fills in what the decision does with cookies and what is logged of it.
func (r *router) setCookie(n *note, d *lb.Decision) {
	c := r.cookie
	d.Flow.Affinity = n.cookie.state
	d.Flow.Set = session.SetNothing
	if c.insert && c.indirect {
		d.StripCookie = c.name
	}
	if n.cookie.trim {
		d.TrimCookie, d.TrimMark = c.name, '~'
	}
	d.SetCookie = ""
	if c.insert && n.srv != nil && !n.req.ignorePersist && r.issues(n) {
		d.SetCookie = r.cookieLine(n)
		d.Flow.Set = session.SetInserted
		if n.direct && n.srv.CookieValue != "" {
			d.Flow.Set = session.SetRefreshed
		}
	}
	if !c.logged() {
		d.Flow.Affinity, d.Flow.Set = session.AffinityOff, session.SetUnknown
	}
	d.Flow.Code[2], d.Flow.Code[3] = stateLetters[d.Flow.Affinity], setLetters[d.Flow.Set]
}

// logged reports whether the log tells of the cookie: not for a rule that is only read.
func (c *cookieRule) logged() bool { return c.insert || c.rewrite || c.prefix || c.indirect }

// issues reports whether an inserting rule adds a Set-Cookie: when the client was not led by its
// cookie or table entry, or when the dates in the cookie must be renewed.
func (r *router) issues(n *note) bool {
	c := r.cookie
	if c.postonly && n.req.Method != "POST" {
		return false
	}
	now := n.req.Now.Unix()
	return !n.direct ||
		(c.maxIdle != 0 || n.cookie.last != 0) && (n.cookie.last == 0 || n.cookie.last < now) ||
		c.maxLife != 0 && n.cookie.first == 0 ||
		c.maxLife == 0 && n.cookie.first != 0
}

func (r *router) cookieLine(n *note) string {
	c := r.cookie
	var b strings.Builder
	b.WriteString(c.name + "=")
	if n.srv.CookieValue == "" {
		b.WriteString("; Expires=Thu, 01-Jan-1970 00:00:01 GMT")
	} else {
		b.WriteString(n.srv.CookieValue)
		now := (n.req.Now.Unix() + 3) >> 2
		if c.maxIdle != 0 || c.maxLife != 0 {
			b.WriteString("|" + base64of30(now))
		}
		if c.maxLife != 0 {
			first := n.cookie.first >> 2
			if first == 0 {
				first = now
			}
			b.WriteString("|" + base64of30(first))
		}
	}
	b.WriteString("; path=/")
	for _, d := range c.domains {
		b.WriteString("; domain=" + d)
	}
	if c.httpOnly {
		b.WriteString("; HttpOnly")
	}
	if c.secure {
		b.WriteString("; Secure")
	}
	for _, a := range c.attrs {
		b.WriteString("; " + a)
	}
	return b.String()
}

// The letters of the third and fourth character of HAProxy's termination state.
var (
	stateLetters = [...]byte{
		session.AffinityUnknown: '-', session.AffinityOff: '-', session.AffinityNone: 'N', session.AffinityValid: 'V',
		session.AffinityInvalid: 'I', session.AffinityDown: 'D', session.AffinityIdle: 'E', session.AffinityOld: 'O',
		session.AffinityUnused: 'U',
	}
	setLetters = [...]byte{
		session.SetUnknown: '-', session.SetNothing: 'N', session.SetInserted: 'I', session.SetRewritten: 'R',
		session.SetRefreshed: 'U', session.SetDeleted: 'D', session.SetPassed: 'P',
	}
)

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// base64of30 writes a 30-bit number in five characters, most significant first (src/base64.c, s30tob64).
func base64of30(v int64) string {
	var out [5]byte
	for i := range out {
		out[i] = base64Digits[v>>(24-6*i)&63]
	}
	return string(out[:])
}

// base64to30 reads what base64of30 wrote at the start of text, -1 if it is something else.
func base64to30(text string) int64 {
	if len(text) < 5 {
		return -1
	}
	var v int64
	for i := range 5 {
		n := strings.IndexByte(base64Digits, text[i])
		if n < 0 {
			return -1
		}
		v = v<<6 | int64(n)
	}
	return v
}
