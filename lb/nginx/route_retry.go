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
	q.now = max(q.now, c.Now.Unix())
	q.r.failed(q)
	again := q.r.on["error"] && !q.r.peers.single
	if c.Sent { // an instance may have acted on it already
		again = again && q.r.on["timeout"] && q.mayRepeat()
	}
	if !again {
		return r.giveUp(last), false
	}
	return r.again(last, q)
}

// failed counts a failed attempt; the only server of an upstream is never taken out.
func (r *router) failed(q *request) {
	if r.peers.single {
		return
	}
	q.peer.fail(q.now)
	if q.peer.maxFails > 0 && q.peer.fails >= q.peer.maxFails {
		r.out = append(r.out, q.peer.Name)
	}
}

// mayRepeat reports whether a request that was sent may be sent again: not what may change something,
// unless the configuration says so (http://nginx.org/r/proxy_next_upstream).
func (q *request) mayRepeat() bool {
	return q.r.on["non_idempotent"] || q.Method != "POST" && q.Method != "LOCK" && q.Method != "PATCH"
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
		q.exhausted = true
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
// http_…), and which; no instance means that there is none left. The caller then drops the answer.
func (r *router) Again(c *lb.Call, last lb.Decision, status int) (next lb.Decision, ok bool) {
	q, _ := last.Note.(*request)
	if q == nil || q.peer == nil || !q.r.on["http_"+strconv.Itoa(status)] || q.left <= 1 {
		return last, false
	}
	if !q.mayRepeat() {
		return last, false
	}
	if status != 403 && status != 404 {
		q.r.failed(q)
	}
	if next, ok = r.again(last, q); ok {
		return next, true
	}
	if q.exhausted { // the answer is dropped all the same: "no live upstreams", 502
		next.Instance = ""
		return next, true
	}
	return last, false
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
