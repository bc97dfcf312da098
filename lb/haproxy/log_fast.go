package haproxy

import (
	"bytes"
	"math/bits"

	"limpet.dev/session"
)

// fast reads a line of the default httplog (or httpslog) by position:
//
//	ip:port [date] listener pool/instance TR/Tw/Tc/Tr/Ta status bytes cookie cookie tsc c/c/c/c/rc sq/bq {…} {…} "GET /path HTTP/1.1"
//
// It is only a shorter way: whatever is unusual makes it return false, and the format's own steps read
// the line then. Tests hold the two against each other. Each part writes to e at once what it has read, which
// costs less than keeping all of a line's fields until the end.
func (p *parser) fast(v *variant, b []byte, at int, e *session.Event) bool {
	b = b[:len(b):len(b)]
	if len(b) < at+105 {
		return false
	}
	var m separators
	m.read(b, at)
	blank := at + firstBit(m.bits[0])
	if blank < at+9 || len(b) < blank+96 || word(b, blank+20)&millisMask != millisSigns || b[blank] != ' ' || b[blank+1] != '[' || b[blank+27] != ' ' {
		return false
	}
	*e = session.Event{} // Reset's numbers follow: all but Cart are written below
	e.Kind, e.Has, e.Cart = session.Request, v.has, -1
	if !p.fastClient(b, at, blank, e) {
		return false
	}
	i := fastNames(b, blank+28, &m, e)
	if i < 0 {
		return false
	}
	if i = fastNumbers(b, i, &m, e); i < 0 {
		return false
	}
	cookieAt := i
	cookieEnd := m.blank(b, i)
	if cookieEnd < 0 || cookieEnd+2 >= len(b) {
		return false
	}
	setCookieEnd := cookieEnd + 2
	if b[cookieEnd+1] != '-' || b[cookieEnd+2] != ' ' {
		if setCookieEnd = seekByte(b, cookieEnd+1, ' '); setCookieEnd < 0 {
			return false
		}
	}
	if i = fastState(b, setCookieEnd+1, &m, e); i < 0 {
		return false
	}
	headersAt := i
	if i = v.fastRequest(b, i, e); i < 0 {
		return false
	}
	cookie := b[cookieAt:cookieEnd]
	if k := len(v.quickCookie); k > 0 && len(cookie) > k && string(cookie[:k]) == v.quickCookie {
		e.Session.Raw, e.Session.Cut = cookie[k:], v.caps.cookieMax > 0 && len(cookie) >= v.caps.cookieMax
		cookie = nil
	}
	if len(cookie) > 1 || setCookieEnd-cookieEnd > 2 || headersAt != i {
		p.extras(v, e, cookie, b[cookieEnd+1:setCookieEnd], b[headersAt:i])
	}
	p.seen = e.End
	return true
}

// millisSigns is what stands around the milliseconds, ".123]", and millisMask where.
const (
	millisSigns = '.'<<16 | ']'<<48
	millisMask  = 0xff<<16 | 0xff<<48
)

// fastClient reads "ip:port [24/Nov/2026:10:00:00.123] " whose first blank is known.
func (p *parser) fastClient(b []byte, at, blank int, e *session.Event) bool {
	colons := marks(word(b, blank-8), ':'*ones)
	colon := blank - 1 - bits.LeadingZeros64(colons)>>3
	if colons == 0 || b[colon] != ':' {
		return false
	}
	d, start, ok := &p.date, p.date.nanos, true
	if word(b, blank+14) != d.b>>32|uint64(d.c)<<32 || word(b, blank+2) != d.a || word(b, blank+10) != d.b {
		start, ok = d.read(b[blank+2:])
	}
	ms, ok1 := threeDigits(b, blank+23)
	port := digitsOf(b, colon+1, blank)
	e.Client = b[at:colon]
	n := valueOf(port)
	e.Port = uint16(n)
	e.Start = start + int64(ms)*msec
	return ok && ok1 && n < 1<<16 && areDigits(port, 0, 0)
}

// fastNames reads "listener pool/instance " at i and returns the index behind it, -1 if it is something else.
func fastNames(b []byte, i int, m *separators, e *session.Event) int {
	w := m.from(i)
	listenerEnd := i + firstBit(w)
	w &= w - 1
	slash := i + firstBit(w)
	w &= w - 1
	end := i + firstBit(w)
	if w == 0 { // names longer than a window
		listenerEnd = seekByte(b, i, ' ')
		slash = seekByte(b, listenerEnd+1, '/')
		end = seekByte(b, slash+1, ' ')
	}
	if listenerEnd <= i || slash <= listenerEnd+1 || end <= slash+1 || b[listenerEnd] != ' ' || b[slash] != '/' || b[end] != ' ' {
		return -1
	}
	e.Pool = b[listenerEnd+1 : slash]
	if b[slash+1] == '<' {
		e.Flow.Unserved = true
	} else {
		e.Instance = b[slash+1 : end]
	}
	scheme := schemeHTTP
	if b[listenerEnd-1] == '~' {
		scheme = schemeHTTPS
		listenerEnd--
	}
	e.Scheme = scheme
	e.Listener = b[i:listenerEnd]
	return end + 1
}

// fastNumbers reads "TR/Tw/Tc/Tr/Ta status bytes " at i and returns the index behind it, -1 if it is something
// else. Of the timers only the last two count.
func fastNumbers(b []byte, i int, m *separators, e *session.Event) int {
	if !m.reaches(i) {
		m.read(b, i)
	}
	w := m.from(i)
	first := i + firstBit(w)
	w &= w - 1
	second := i + firstBit(w)
	w &= w - 1
	third := i + firstBit(w)
	w &= w - 1
	fourth := i + firstBit(w)
	w &= w - 1
	activeEnd := i + firstBit(w)
	w &= w - 1
	statusEnd := i + firstBit(w)
	w &= w - 1
	end := i + firstBit(w)
	if w == 0 || statusEnd != activeEnd+4 || b[first]&b[second]&b[third]&b[fourth] != '/' || b[activeEnd]|b[statusEnd]|b[end] != ' ' {
		return -1
	}
	status, ok := threeDigits(b, activeEnd+1)
	x, y, z := digitsOf(b, third+1, fourth), digitsOf(b, fourth+1, activeEnd), digitsOf(b, statusEnd+1, end)
	server, active, size := valueOf(x), valueOf(y), valueOf(z)
	if !areDigits(x, y, z) { // signs, or numbers too long
		var ok1, ok2, ok3 bool
		server, ok1 = counter(b, third+1, fourth)
		active, ok2 = counter(b, fourth+1, activeEnd)
		size, ok3 = counter(b, statusEnd+1, end)
		ok = ok && ok1 && ok2 && ok3 && active >= 0 && size >= 0
	}
	if !ok {
		return -1
	}
	e.End = e.Start + int64(active)*msec
	e.TotalMs = int32(active)
	e.ServerMs = int32(max(server, session.UnknownMs))
	e.Status = uint16(status)
	e.Bytes = int64(size)
	return end + 1
}

// fastState reads "tsc c/c/c/c/rc sq/bq " at i and returns the index behind it, -1 if it is something else.
func fastState(b []byte, i int, m *separators, e *session.Event) int {
	if i+24 > len(b) || b[i+4] != ' ' || b[i+5]-'0' > 9 || !isStateCode4(b[i:]) {
		return -1
	}
	unserved := e.Flow.Unserved
	e.Flow = flowOf([4]byte(b[i : i+4]))
	e.Flow.Unserved = e.Flow.Unserved || unserved

	if !m.reaches(i) {
		m.read(b, i)
	}
	w := m.from(i) >> 5
	first := i + 5 + firstBit(w)
	w &= w - 1
	second := i + 5 + firstBit(w)
	w &= w - 1
	third := i + 5 + firstBit(w)
	w &= w - 1
	fourth := i + 5 + firstBit(w)
	if w == 0 || b[first]&b[second]&b[third]&b[fourth] != '/' {
		return -1
	}
	i = fourth + 1
	if i+16 > len(b) {
		return -1
	}
	e.Flow.Redispatched = b[i] == '+'
	if word(b, i)<<16 == quietWord { // nearly always: no retries, no queues
		return i + 6
	}
	return fastQueues(b, i, e)
}

// fastQueues reads "rc sq/bq " at i and returns the index behind it, -1 if it is something else.
func fastQueues(b []byte, i int, e *session.Event) int {
	retriesEnd := seekByte(b, i, ' ')
	queueEnd := seekByte(b, retriesEnd+1, '/')
	poolQueueEnd := seekByte(b, queueEnd+1, ' ')
	if retriesEnd < 0 || queueEnd < 0 || poolQueueEnd < 0 {
		return -1
	}
	retries, ok1 := counter(b, i, retriesEnd)
	queued, ok2 := counter(b, retriesEnd+1, queueEnd)
	poolQueued, ok3 := counter(b, queueEnd+1, poolQueueEnd)
	if !ok1 || !ok2 || !ok3 {
		return -1
	}
	e.Flow.Retries = uint8(min(retries, 255))
	e.Flow.Queued = queued > 0 || poolQueued > 0
	return poolQueueEnd + 1
}

// fastRequest reads "{…} {…} "GET /path HTTP/1.1"" at i and returns the index of its first quote, -1 if it is
// something else.
func (v *variant) fastRequest(b []byte, i int, e *session.Event) int {
	for k := 0; i < len(b) && b[i] == '{'; k++ {
		n := bytes.IndexByte(b[i:], '}')
		if n < 0 || i+n+2 > len(b) || b[i+n+1] != ' ' || k == 2 {
			return -1
		}
		i += n + 2
	}
	end := len(b) - 1
	if b[end] != '"' && v.tls {
		end = beforeTLS(b)
	}
	targetEnd := end - 9
	if i+13 > end || b[i] != '"' || b[end] != '"' || word(b, targetEnd)&^versionDigit != versionWord || b[end-3] == ' ' || b[end-1] == ' ' {
		return -1
	}
	methodEnd := i + 1 + firstBit(marks(word(b, i+1), ' '*ones))>>3
	if methodEnd == i+9 {
		methodEnd = seekByte(b, methodEnd, ' ')
	}
	if methodEnd == i+1 || methodEnd >= targetEnd-1 {
		return -1
	}
	e.Method, e.Target = b[i+1:methodEnd], b[methodEnd+1:targetEnd]
	if bytes.IndexByte(e.Target, '#') >= 0 {
		return -1 // escapes to undo
	}
	return i
}

// beforeTLS returns the index of the quote that ends the request line of httpslog, in front of what that adds:
// " 0/0000000000000000/0/0/0 -/TLSv1.3/TLS_AES_256_GCM_SHA384". It is 0 if something else stands there.
func beforeTLS(b []byte) int {
	end := bytes.LastIndexByte(b, '"')
	if end < 0 || end+2 >= len(b) || b[end+1] != ' ' {
		return 0
	}
	tail := b[end+2:]
	blank := bytes.IndexByte(tail, ' ')
	if blank < 0 || bytes.Count(tail[:blank], slashSign) != 4 || bytes.Count(tail[blank+1:], slashSign) != 2 || bytes.IndexByte(tail[blank+1:], ' ') >= 0 {
		return 0
	}
	return end
}

var slashSign = []byte("/")

// quietWord is "0 0/0 " as a little-endian number, above two bytes that do not count.
const quietWord = '0'<<16 | ' '<<24 | '0'<<32 | '/'<<40 | '0'<<48 | ' '<<56

// versionWord is " HTTP/1." as a little-endian number, without its versionDigit.
const (
	versionWord  = ' ' | 'H'<<8 | 'T'<<16 | 'T'<<24 | 'P'<<32 | '/'<<40 | '.'<<56
	versionDigit = 0xff << 48
)

// extras notes what only some lines have: captured cookies and headers.
func (p *parser) extras(v *variant, e *session.Event, cookie, setCookie, headers []byte) {
	w := &p.filler
	w.v, w.e, w.caps, w.scratch, w.origin = v, e, v.caps, &p.scratch, nil
	p.scratch = p.scratch[:0]
	if len(cookie) > 1 {
		w.cookie(cookie, false)
	}
	if len(setCookie) > 1 {
		w.cookie(setCookie, true)
	}
	if v.caps.cookie == "" {
		e.Has |= v.shownCookie(e)
	}
	if len(headers) == 0 {
		return
	}
	k := bytes.IndexByte(headers, '}') + 1
	first := v.caps.request
	if len(first) == 0 && len(v.caps.response) > 0 {
		first = v.caps.response
	}
	w.headers(headers[:k], first, false)
	if k+1 < len(headers) {
		w.headers(headers[k+1:len(headers)-1], v.caps.response, false)
	}
	if len(e.Referer) == 0 {
		e.Referer = w.origin
	}
}

// isStateCode4 is isStateCode for the first four bytes, by table.
func isStateCode4(b []byte) bool {
	_ = b[3]
	return stateSigns[b[0]]&1|stateSigns[b[1]]&2|stateSigns[b[2]]&4|stateSigns[b[3]]&8 == 1|2|4|8
}

// stateSigns has a bit for each position at which a sign may stand in a termination state.
var stateSigns = func() (t [256]uint8) {
	for c := range t {
		for position := range 4 {
			code := []byte("----")
			code[position] = byte(c)
			if isStateCode(code) {
				t[c] |= 1 << position
			}
		}
	}
	return t
}()

// portAt reads the port that begins at i.
func portAt(b []byte, i int) uint16 {
	v := uint32(0)
	for ; i < len(b) && v < 1<<16; i++ {
		d := uint32(b[i]) - '0'
		if d > 9 {
			break
		}
		v = v*10 + d
	}
	return uint16(v)
}
