package nginx

import (
	"strconv"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// Failed says that the decision's server could not be reached or did not answer; attempt counts the failures
// of this request from 1. It returns the server to try next; if nginx would give up, ok is false and
// next is what it logs.
func (r *router) Failed(c *lb.Call, last lb.Decision, attempt int) (next lb.Decision, ok bool) {
	q, _ := last.Note.(*request)
	if q == nil || q.peer == nil {
		return r.giveUp(last), false
	}
	if !q.r.peers.single {
		q.now = max(q.now, c.Now.Unix())
		q.peer.fail(q.now)
	}
	if !q.r.on["error"] || q.r.peers.single {
		return r.giveUp(last), false
	}
	return r.again(last, q)
}

// again makes the next attempt.
func (r *router) again(last lb.Decision, q *request) (lb.Decision, bool) {
	if q.left--; q.left <= 0 {
		return r.giveUp(last), false
	}
	m := *q
	m.attempts++
	if m.state == session.AffinityValid {
		m.state = session.AffinityDown
	}
	if m.peer = m.r.choose(&m); m.peer == nil {
		return r.giveUp(last), false
	}
	return r.decide(&m), true
}

// giveUp is what is logged of a request that nobody answered. A cookie of sticky's names the last
// server all the same.
func (r *router) giveUp(last lb.Decision) lb.Decision {
	last.Flow.Unserved = true
	if r.sticky == nil {
		last.SetCookie = ""
		if q, ok := last.Note.(*request); ok {
			if own := r.setCookies(q, 502); len(own) > 0 {
				last.SetCookie = own[0]
			}
		}
		if last.Flow.Set != session.SetUnknown && last.SetCookie == "" {
			last.Flow.Set = session.SetNothing
		}
	}
	return last
}

// Again reports whether an answer of that status makes nginx try another server (proxy_next_upstream
// http_…), and which. The caller then drops the answer. A request that may change something is not repeated
// unless the configuration says so.
func (r *router) Again(c *lb.Call, last lb.Decision, status int) (next lb.Decision, ok bool) {
	q, _ := last.Note.(*request)
	if q == nil || q.peer == nil || !q.r.on["http_"+strconv.Itoa(status)] || q.left <= 1 {
		return last, false
	}
	if !q.r.on["non_idempotent"] && (c.Method == "POST" || c.Method == "LOCK" || c.Method == "PATCH") {
		return last, false
	}
	if status != 403 && status != 404 {
		q.peer.fail(q.now)
	}
	next, ok = r.again(last, q)
	if !ok {
		return last, false
	}
	return next, true
}

// Answered notes that the server answered, learns for stickiness, and adds nginx's own cookies to
// the application's.
func (r *router) Answered(c *lb.Call, d lb.Decision, a lb.Answer) (lb.Decision, []string) {
	q, _ := d.Note.(*request)
	if q == nil || q.peer == nil {
		return d, a.SetCookie
	}
	q.peer.succeed()
	if q.r.learned != nil {
		q.r.learn(q, a)
	}
	own := r.setCookies(q, a.Status)
	d.SetCookie = ""
	if len(own) > 0 {
		d.SetCookie = own[0]
	}
	d.Flow.Set = r.whatIsSet(q, d.SetCookie)
	return d, append(append([]string{}, a.SetCookie...), own...)
}
