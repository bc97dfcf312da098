package haproxy

import (
	"strconv"
	"strings"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// Failed says that the decision's server could not be connected; attempt counts the failures of
// this request from 1. It returns the server to try next. If HAProxy would give up, ok is false and next
// is what it logs: the last server, unserved.
func (r *router) Failed(c *lb.Call, last lb.Decision, attempt int) (next lb.Decision, ok bool) {
	n, _ := last.Note.(*note)
	if n == nil || n.srv == nil || n.attempts >= r.retries || !r.retryOn["conn-failure"] && !r.retryOn["all-retryable-errors"] {
		return r.giveUp(last, n), false
	}
	return r.retry(last, n), true
}

// retry makes the next attempt: at the same server, or at another one when it is time to
// redispatch (src/backend.c, back_handle_st_cer).
func (r *router) retry(last lb.Decision, n *note) lb.Decision {
	m := *n
	m.attempts++
	if r.mayRedispatch(&m) {
		if s := r.choose(m.req, n.srv); s != nil {
			m.srv, m.direct = s, false
		}
	}
	if m.srv != n.srv && m.cookie.state == session.AffinityValid {
		m.cookie.state = session.AffinityDown
	}
	d := r.decide(&m)
	d.Flow.Redispatched = last.Flow.Redispatched || m.srv != n.srv
	return d
}

// mayRedispatch reports whether attempt number n.attempts may leave the server: as "option
// redispatch N" says, or at once for a client that nothing binds.
func (r *router) mayRedispatch(n *note) bool {
	if r.redispatch == 0 || n.req.forcePersist {
		return false
	}
	switch {
	case r.redispatch > 0 && n.attempts%r.redispatch == 0:
		return true
	case r.redispatch < 0 && r.retries+1+r.redispatch > 0 && n.attempts%(r.retries+1+r.redispatch) == 0:
		return true
	}
	return !n.direct && r.active() > 1 && !r.balance.deterministic()
}

func (r *router) active() int {
	n := 0
	for _, s := range r.servers {
		if s.usable() && !s.Backup {
			n++
		}
	}
	return n
}

func (r *router) giveUp(last lb.Decision, n *note) lb.Decision {
	last.SetCookie = ""
	last.Flow.Unserved = true
	last.Flow.Code[0], last.Flow.Code[1] = 'S', 'C'
	if last.Flow.Set != session.SetUnknown {
		last.Flow.Set, last.Flow.Code[3] = session.SetNothing, 'N'
	}
	if n != nil {
		r.unstore(n)
	}
	return last
}

// Again reports whether an answer of that status makes HAProxy try once more (retry-on), and
// where. The caller then drops the answer.
func (r *router) Again(c *lb.Call, last lb.Decision, status int) (next lb.Decision, ok bool) {
	n, _ := last.Note.(*note)
	if n == nil || n.attempts >= r.retries || !r.retryOn[strconv.Itoa(status)] && !(r.retryOn["all-retryable-errors"] && retryable[status]) {
		return last, false
	}
	return r.retry(last, n), true
}

// retryable are the statuses of "retry-on all-retryable-errors" (manual, retry-on).
var retryable = map[int]bool{500: true, 502: true, 503: true, 504: true}

// Answered applies the cookie rule to the application's own Set-Cookie lines, learns for
// store-response, and returns the lines that the client gets.
func (r *router) Answered(c *lb.Call, d lb.Decision, a lb.Answer) (lb.Decision, []string) {
	n, _ := d.Note.(*note)
	if n == nil || n.srv == nil {
		return d, a.SetCookie
	}
	r.stickResponse(n, a)
	if r.cookie == nil {
		return d, a.SetCookie
	}
	lines := make([]string, 0, len(a.SetCookie)+1)
	set := session.SetNothing
	for _, line := range a.SetCookie {
		out, did := r.answerLine(n, line)
		if did != session.SetNothing {
			set = did
		}
		if out != "" {
			lines = append(lines, out)
		}
	}
	switch {
	case d.SetCookie == "":
		d.Flow.Set = set
	case set == session.SetPassed && r.cookie.preserve:
		d.SetCookie, d.Flow.Set = "", set
	default:
		lines = append(lines, d.SetCookie)
	}
	if !r.cookie.logged() {
		d.Flow.Set = session.SetUnknown
	}
	d.Flow.Code[3] = setLetters[d.Flow.Set]
	return d, lines
}

// answerLine handles one Set-Cookie line of the application (src/http_ana.c,
// http_manage_server_side_cookies): a cookie of the rule's name is dropped, given the server's value, given
// a prefix, or passed.
func (r *router) answerLine(n *note, line string) (string, session.AffinitySet) {
	name, rest, ok := strings.Cut(line, "=")
	if !ok || strings.TrimSpace(name) != r.cookie.name {
		return line, session.SetNothing
	}
	value, attrs := rest, ""
	if i := strings.IndexByte(rest, ';'); i >= 0 {
		value, attrs = rest[:i], rest[i:]
	}
	c, id := r.cookie, n.srv.CookieValue
	switch {
	case c.preserve:
	case c.insert, n.direct && c.indirect:
		return "", session.SetDeleted
	case c.rewrite && id != "":
		return name + "=" + id + attrs, session.SetRewritten
	case c.prefix && id != "":
		return name + "=" + id + "~" + value + attrs, session.SetRewritten
	}
	return line, session.SetPassed
}
