package haproxy

import (
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
)

// duration notes a number of milliseconds, or reports that the field is none.
func (w *filler) duration(n *node, text []byte) bool {
	t := &w.t
	var into *int64
	switch n.what {
	case meansHandshakeMs:
		into = &t.handshake
	case meansIdleMs:
		into = &t.idle
	case meansRequestMs:
		into = &t.parse
	case meansQueueMs:
		into = &t.queue
	case meansConnectMs:
		into = &t.connect
	case meansServerMs:
		into = &t.server
	case meansDataMs:
		into = &t.data
	case meansActiveMs:
		into = &t.active
	case meansTotalMs:
		into = &t.total
	case meansUserMs:
		into = &t.user
	case meansRequestTotalMs:
		into = &t.tillOK
	default:
		return false
	}
	v, ok := logtext.Number(n.value(text, w.scratch))
	if !ok {
		return true
	}
	if n.what == meansIdleMs {
		t.knowsIdle = true
	}
	*into = v
	return true
}

// moment notes a point in time, or reports that the field is none.
func (w *filler) moment(n *node, text []byte) bool {
	t := &w.t
	switch n.what {
	case meansAcceptDate, meansRequestDate:
		v := n.value(text, w.scratch)
		nanos, ok := w.classic(v)
		if !ok {
			return true
		}
		if n.what == meansRequestDate {
			t.request, t.exact = nanos, true
		} else {
			t.accept, t.acceptExact = nanos, true
		}
	case meansAcceptZoned, meansRequestZoned:
		nanos, ok := logtext.ZonedDate(n.value(text, w.scratch))
		if !ok {
			return true
		}
		if n.what == meansRequestZoned && !t.exact {
			t.request = nanos
		} else if n.what == meansAcceptZoned && t.accept == 0 {
			t.accept = nanos
		}
	case meansAcceptSeconds, meansAcceptMillis, meansAcceptEpochMs, meansAcceptEpochUs, meansRequestMillis, meansRequestMicros:
		w.epoch(n, text)
	default:
		return false
	}
	return true
}

func (w *filler) epoch(n *node, text []byte) {
	read := logtext.Number
	if n.hex {
		read = hexNumber
	}
	v, ok := read(n.value(text, w.scratch))
	if !ok || v < 0 || v > 1<<53 {
		return
	}
	t := &w.t
	switch n.what {
	case meansAcceptSeconds:
		if v < 1<<33 {
			t.acceptSeconds = v * 1000 * msec
		}
	case meansAcceptMillis:
		t.acceptMs, t.clockExact = v*msec, true
	case meansAcceptEpochMs:
		t.acceptSeconds, t.acceptMs, t.clockExact = v*msec, 0, true
	case meansAcceptEpochUs:
		t.acceptSeconds, t.acceptMs, t.clockExact = v*1000, 0, true
	case meansRequestMillis:
		t.request, t.exact = v*msec, true
	case meansRequestMicros:
		t.request, t.exact = v*1000, true
	}
}

// classic reads a date of 20 or 24 signs.
func (w *filler) classic(v []byte) (int64, bool) {
	if len(v) != dateLen && len(v) != dateLen+4 {
		return 0, false
	}
	nanos, ok := w.date.read(v)
	if !ok {
		return 0, false
	}
	if len(v) > dateLen {
		nanos += (int64(v[21]-'0')*100 + int64(v[22]-'0')*10 + int64(v[23]-'0')) * msec
	}
	return nanos, true
}

// times works out when the request began and ended. lineTime is that of the syslog header (the end of the
// request as far as it knows), 0 none. It reports false if nothing says when the request was.
//
// The request's own start is, best first: accept + idle + handshake by the clock in UTC; the request's date;
// the same sum with the local accept date; the accept date alone; the line's own time less the duration.
func (w *filler) times(lineTime int64) bool {
	t, e := &w.t, w.e
	wait := int64(0) // between accept and the request's first byte
	if t.idle >= 0 && t.knowsIdle {
		wait = t.idle + max(t.handshake, 0)
	}
	active := t.activeMs(wait)
	if t.acceptSeconds != 0 && !t.clockExact && t.acceptExact {
		t.acceptMs, t.clockExact = t.accept%(1000*msec), true // the same instant: seconds in UTC, milliseconds from the date
	}
	switch {
	case t.acceptSeconds != 0 && t.clockExact && t.knowsIdle:
		e.Start = t.acceptSeconds + t.acceptMs + wait*msec
	case t.request != 0 && t.exact:
		e.Start = t.request
	case t.accept != 0 && t.acceptExact && t.knowsIdle:
		e.Start = t.accept + wait*msec
	case t.request != 0:
		e.Start = t.request
	case t.acceptSeconds != 0:
		e.Start = t.acceptSeconds + t.acceptMs + wait*msec
	case t.accept != 0:
		e.Start = t.accept + wait*msec
	case lineTime != 0:
		e.Start = lineTime - max(active, 0)*msec
	default:
		return false
	}
	e.End = e.Start
	if active >= 0 {
		e.TotalMs = clampMs(active)
		e.End += active * msec
	} else if known := max(t.parse, 0) + max(t.queue, 0) + max(t.connect, 0) + max(t.server, 0); known > 0 {
		e.End += known * msec
	}
	if t.server >= 0 {
		e.ServerMs = clampMs(t.server)
	}
	return true
}

// activeMs is the time from the request's first byte to its end, -1 unknown.
func (t *moments) activeMs(wait int64) int64 {
	switch {
	case t.active >= 0:
		return t.active
	case t.total >= 0:
		return max(t.total-wait, 0)
	case t.user >= 0:
		return max(t.user-max(t.handshake, 0), 0)
	case t.data >= 0:
		return max(t.parse, 0) + max(t.queue, 0) + max(t.connect, 0) + max(t.server, 0) + t.data
	}
	return session.UnknownMs
}

func clampMs(v int64) int32 { return int32(min(v, 1<<31-1)) }
