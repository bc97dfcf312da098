package nginx

import (
	"bytes"

	"limpet.dev/session"
)

// upstreams is what a line says about the servers that a request was sent to. nginx writes one item for each
// attempt, ", " between attempts and " : " between groups to which it went one after the other
// (ngx_http_upstream_module, "Embedded Variables"); the last one answered.
type upstreams struct {
	seen     bool   // the format shows upstreams
	instance []byte // the last one
	attempts int    // in the last group
	moved    bool   // the attempts in the last group went to different servers
	group    bool   // it is a group's name: no server of it could be chosen
	status   int    // the last one's, 0 none or not shown
	took     int64  // ms, of the last one
	sum      int64  // of all, -1 unknown
	headed   bool   // the format shows when the answer's headers came
	header   int64  // ms until they came, -1 never
	connect  int64
}

var noUpstreams = upstreams{took: session.UnknownMs, sum: session.UnknownMs, header: session.UnknownMs, connect: session.UnknownMs}

// addresses reads $upstream_addr.
func (u *upstreams) addresses(list []byte, e *session.Event) {
	u.seen = true
	if len(list) == 0 {
		return
	}
	u.attempts = 1
	if seek(list, 0, ' '*ones) >= 0 {
		list = u.several(list)
	}
	u.instance = list
	u.group = bytes.IndexByte(list, ':') < 0 // neither ip:port nor unix:/path
}

// several looks at more than one item and returns the last.
func (u *upstreams) several(list []byte) []byte {
	for {
		k := bytes.Index(list, []byte(" : "))
		if k < 0 {
			break
		}
		list = list[k+3:]
	}
	first, last := list, list
	for {
		k := bytes.Index(last, []byte(", "))
		if k < 0 {
			break
		}
		if u.attempts == 1 {
			first = last[:k]
		}
		last = last[k+2:]
		u.attempts++
	}
	u.moved = u.attempts > 1 && string(first) != string(last)
	return last
}

// lastItem returns the last item of a list.
func lastItem(list []byte) []byte {
	if k := bytes.LastIndexByte(list, ' '); k >= 0 {
		return list[k+1:]
	}
	return list
}

// lastStatus reads the last item of $upstream_status, 0 if it is none.
func lastStatus(list []byte) int {
	n, ok := count(lastItem(list))
	if !ok || n > 999 {
		return 0
	}
	return int(n)
}

// lastMillis reads the last item of a list of times, and the sum of all; -1 where there is none.
func lastMillis(list []byte) (last, sum int64) {
	if last, ok := millis(list); ok {
		return last, last
	}
	last, sum = session.UnknownMs, session.UnknownMs
	for len(list) > 0 {
		k := bytes.IndexByte(list, ' ')
		item := list
		if k >= 0 {
			item, list = list[:k], list[k+1:]
		} else {
			list = nil
		}
		v, ok := millis(bytes.TrimSuffix(item, []byte(",")))
		switch {
		case ok:
			last, sum = v, max(sum, 0)+v
		case len(item) != 1 || item[0] != ':':
			last = session.UnknownMs
		}
	}
	return last, sum
}

// settle says which server answered, and how the request got there.
func (p *parser) settle(e *session.Event) {
	u := &p.filler.up
	switch {
	case u.group:
		e.Pool = u.instance
		e.Flow.Unserved = true
	case u.instance != nil:
		e.Instance = u.instance
		if p.place != nil {
			p.place.of(u.instance, e)
		}
		e.Flow.Unserved = u.unanswered(e.Status)
	case u.seen && e.Status >= 500:
		e.Flow.Unserved = true
	}
	if u.attempts > 1 {
		e.Flow.Retries = uint8(min(u.attempts-1, 255))
		e.Flow.Redispatched = u.moved
	}
	if e.Status == 499 { // the client closed the connection (ngx_http_request.h)
		e.Flow.Aborted = true
	}
	e.ServerMs = session.UnknownMs
	switch {
	case u.header >= 0:
		e.ServerMs = clampMs(u.header)
	case u.took >= 0 && !u.headed:
		e.ServerMs = clampMs(u.took)
	}
}

// unanswered reports whether the answer is nginx's own although it tried a server: the server sent no headers.
// Where the format does not show that, nginx's own statuses for it decide (ngx_http_upstream_next): 502 and 504
// for the server as for the client.
func (u *upstreams) unanswered(status uint16) bool {
	if u.headed {
		return u.header < 0 && status != 499
	}
	return (status == 502 || status == 504) && (u.status == int(status) || u.status == 0)
}

// affinity says what became of the balancer's own cookie. The sticky module sets it anew with every answer,
// naming the server that answered (ngx_http_upstream_sticky_module.c); one made of a map and add_header is set
// where it changes.
func (p *parser) affinity(e *session.Event) {
	if e.Has&session.HasFlow == 0 {
		return
	}
	switch {
	case len(e.Affinity) == 0 && p.noAffinity:
		e.Flow.Affinity = session.AffinityOff
		return
	case len(e.Affinity) == 0:
		e.Flow.Affinity = session.AffinityNone
	case len(e.SetAffinity) == 0 && e.Flow.Unserved:
	case len(e.SetAffinity) == 0:
		e.Flow.Affinity = session.AffinityValid
	case string(e.Affinity) == string(e.SetAffinity):
		e.Flow.Affinity = session.AffinityValid
	case e.Flow.Redispatched, p.place != nil && p.place.names(e.Affinity):
		e.Flow.Affinity = session.AffinityDown
	default:
		e.Flow.Affinity = session.AffinityInvalid
	}
	switch {
	case len(e.SetAffinity) == 0:
		e.Flow.Set = session.SetNothing
	case e.Flow.Affinity == session.AffinityValid:
		e.Flow.Set = session.SetRefreshed
	default:
		e.Flow.Set = session.SetInserted
	}
}
