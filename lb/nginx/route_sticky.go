package nginx

import (
	"container/list"
	"crypto/md5"
	"fmt"
	"slices"
	"strings"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// findHint finds the server that stickiness names: among the primaries, whatever state they are in, or among
// the backups when there are no primaries.
func (r *router) findHint(q *request) {
	id := ""
	switch r.sticky.kind {
	case "cookie":
		id = q.cookieValue(r.sticky.cookie)
	case "route":
		id = q.firstOf(r.sticky.lookup)
	case "learn":
		if q.key = q.firstOf(r.sticky.lookup); q.key != "" {
			id = r.learned.find(q.key, q.Now)
		}
	}
	if id == "" {
		return
	}
	list := r.peers.list
	if len(list) == 0 {
		list = r.peers.backup.list
	}
	if i := slices.IndexFunc(list, func(p *peer) bool { return p.CookieValue == id }); i >= 0 {
		q.hint = list[i]
		return
	}
	q.state = session.AffinityInvalid
}

// firstOf is the first value of some variables that is not empty.
func (q *request) firstOf(texts []string) string {
	for _, t := range texts {
		if v := q.text(t); v != "" {
			return v
		}
	}
	return ""
}

// line is the Set-Cookie line of sticky cookie, which goes with every answer.
func (s *stickyRule) line(id string, now time.Time) string {
	var b strings.Builder
	b.WriteString(s.cookie + "=" + id)
	switch {
	case s.forever:
		b.WriteString("; expires=Thu, 31-Dec-37 23:55:55 GMT; max-age=315360000")
	case s.expires > 0:
		fmt.Fprintf(&b, "; expires=%s; max-age=%d", now.Add(s.expires).UTC().Format("Mon, 02-Jan-06 15:04:05 GMT"), int(s.expires.Seconds()))
	}
	if s.domain != "" {
		b.WriteString("; domain=" + s.domain)
	}
	if s.httpOnly {
		b.WriteString("; httponly")
	}
	if s.secure {
		b.WriteString("; secure")
	}
	if s.sameSite != "" {
		b.WriteString("; samesite=" + s.sameSite)
	}
	if s.path != "" {
		b.WriteString("; path=" + s.path)
	}
	return b.String()
}

// learn stores which server answered: for the session that the answer creates, or for the one that led
// here.
func (r *router) learn(q *request, a lb.Answer) {
	key := ""
	for _, t := range r.sticky.create {
		if name, ok := strings.CutPrefix(t, "$upstream_cookie_"); ok {
			key = answerCookie(a.SetCookie, name)
		} else {
			key = q.text(t)
		}
		if key != "" {
			break
		}
	}
	if key == "" {
		if key = q.key; key == "" || r.learned.find(key, q.Now) == "" {
			return
		}
	}
	r.learned.store(key, q.peer.CookieValue, q.Now)
}

func answerCookie(lines []string, name string) string {
	for _, line := range lines {
		pair, _, _ := strings.Cut(line, ";")
		if n, v, ok := strings.Cut(pair, "="); ok && strings.EqualFold(strings.TrimSpace(n), name) {
			return v
		}
	}
	return ""
}

// learned is the zone of sticky learn: which server has a session, by the MD5 of its id. An entry that is
// not used for the timeout is gone; a full zone forgets the one not used for the longest time.
type learned struct {
	size    int
	timeout time.Duration
	byKey   map[[md5.Size]byte]*list.Element
	order   *list.List // most recently used first
}

type entry struct {
	key  [md5.Size]byte
	id   string
	used time.Time
}

func newLearned(size int, timeout time.Duration) *learned {
	return &learned{size: max(size, 1), timeout: timeout, byKey: map[[md5.Size]byte]*list.Element{}, order: list.New()}
}

func (l *learned) find(key string, now time.Time) string {
	el := l.byKey[md5.Sum([]byte(key))]
	if el == nil {
		return ""
	}
	e := el.Value.(*entry)
	if now.Sub(e.used) > l.timeout {
		l.drop(el)
		return ""
	}
	e.used = now
	l.order.MoveToFront(el)
	return e.id
}

func (l *learned) store(key, id string, now time.Time) {
	sum := md5.Sum([]byte(key))
	if el := l.byKey[sum]; el != nil {
		e := el.Value.(*entry)
		e.id, e.used = id, now
		l.order.MoveToFront(el)
		return
	}
	if l.order.Len() >= l.size {
		l.drop(l.order.Back())
	}
	l.byKey[sum] = l.order.PushFront(&entry{sum, id, now})
}

func (l *learned) drop(el *list.Element) {
	delete(l.byKey, el.Value.(*entry).key)
	l.order.Remove(el)
}
