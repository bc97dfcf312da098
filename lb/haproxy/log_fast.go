package haproxy

import (
	"bytes"
	"encoding/binary"

	"limpet.dev/session"
)

// fast reads a line of the default httplog (or httpslog) by position:
//
//	ip:port [date] listener pool/instance TR/Tw/Tc/Tr/Ta status bytes cookie cookie tsc c/c/c/c/rc sq/bq {…} {…} "GET /path HTTP/1.1"
//
// It is only a shorter way: whatever is unusual makes it return false, and the format's own steps read
// the line then. A test holds the two against each other.
func (p *parser) fast(v *variant, b []byte, at int, e *session.Event) bool {
	// Client and date.
	n := bytes.IndexByte(b[at:], ' ')
	if n < 3 {
		return false
	}
	blank := at + n
	if len(b) < blank+96 || b[blank+1] != '[' || b[blank+22] != '.' || b[blank+26] != ']' || b[blank+27] != ' ' {
		return false
	}
	colon := blank - 2
	for b[colon] != ':' {
		if colon--; colon <= at {
			return false
		}
	}
	start, ok := p.date.read(b[blank+2:])
	if !ok {
		return false
	}
	d0, d1, d2 := b[blank+23]-'0', b[blank+24]-'0', b[blank+25]-'0'
	if d0 > 9 || d1 > 9 || d2 > 9 {
		return false
	}
	start += (int64(d0)*100 + int64(d1)*10 + int64(d2)) * msec

	// Listener, pool and instance.
	i := blank + 28
	if n = bytes.IndexByte(b[i:], ' '); n <= 0 {
		return false
	}
	listener, scheme := b[i:i+n], schemeHTTP
	if listener[n-1] == '~' {
		listener, scheme = listener[:n-1], schemeHTTPS
	}
	i += n + 1
	if n = bytes.IndexByte(b[i:], '/'); n <= 0 {
		return false
	}
	pool := b[i : i+n]
	i += n + 1
	if n = bytes.IndexByte(b[i:], ' '); n <= 0 {
		return false
	}
	instance := b[i : i+n]
	i += n + 1

	// Timers, status, bytes.
	if len(b) < i+48 {
		return false
	}
	var server, active int
	for range 3 {
		if i, ok = skipNumber(b, i, '/'); !ok {
			return false
		}
	}
	if server, i, ok = smallNumber(b, i, '/'); !ok {
		return false
	}
	if active, i, ok = smallNumber(b, i, ' '); !ok || active < 0 {
		return false
	}
	if i+24 > len(b) {
		return false
	}
	s0, s1, s2 := b[i]-'0', b[i+1]-'0', b[i+2]-'0'
	if s0 > 9 || s1 > 9 || s2 > 9 || b[i+3] != ' ' {
		return false
	}
	size, i, ok := smallNumber(b, i+4, ' ')
	if !ok || size < 0 {
		return false
	}

	// Cookies and termination state.
	cookie, i := wordAt(b, i)
	setCookie, i := wordAt(b, i)
	if i+16 > len(b) || b[i+4] != ' ' || b[i+5]-'0' > 9 || !isStateCode4(b[i:]) {
		return false
	}
	code := [4]byte{b[i], b[i+1], b[i+2], b[i+3]}
	i += 5

	// Connections, retries, queues.
	for range 4 {
		if i, ok = skipNumber(b, i, '/'); !ok {
			return false
		}
	}
	redispatched := i < len(b) && b[i] == '+'
	var retries, queued, queuedPool int
	if retries, i, ok = smallNumber(b, i, ' '); !ok {
		return false
	}
	if queued, i, ok = smallNumber(b, i, '/'); !ok {
		return false
	}
	if queuedPool, i, ok = smallNumber(b, i, ' '); !ok {
		return false
	}

	// Captured headers and the request line.
	captured := i
	for k := 0; i < len(b) && b[i] == '{'; k++ {
		if n = bytes.IndexByte(b[i:], '}'); n < 0 || i+n+2 > len(b) || b[i+n+1] != ' ' || k == 2 {
			return false
		}
		i += n + 2
	}
	end := len(b) - 1
	if i+12 > end || b[i] != '"' || b[end] != '"' {
		return false
	}
	request := b[i+1 : end]
	last := len(request) - 9
	if last < 3 || request[last] != ' ' || binary.LittleEndian.Uint32(request[last+1:]) != httpWord || request[last+5] != '/' {
		return false
	}
	if n = bytes.IndexByte(request[:last], ' '); n <= 0 || n == last-1 {
		return false
	}
	target := request[n+1 : last]
	if bytes.IndexByte(target, '#') >= 0 {
		return false // escapes to undo
	}

	e.Reset()
	e.Kind = session.Request
	e.Has = v.has
	e.Start = start
	e.End = start + int64(active)*msec
	e.TotalMs = int32(min(active, 1<<31-1))
	if server >= 0 {
		e.ServerMs = int32(min(server, 1<<31-1))
	}
	e.Client = b[at:colon]
	e.Port = portAt(b, colon+1)
	e.Listener, e.Scheme = listener, scheme
	e.Pool = pool
	e.Method, e.Target = request[:n], target
	e.Status = uint16(s0)*100 + uint16(s1)*10 + uint16(s2)
	e.Bytes = int64(size)
	e.Flow = flowOf(code)
	e.Flow.Redispatched = redispatched
	e.Flow.Retries = uint8(min(retries, 255))
	e.Flow.Queued = queued > 0 || queuedPool > 0
	if instance[0] == '<' {
		e.Flow.Unserved = true
	} else {
		e.Instance = instance
	}
	if len(cookie) > 1 || len(setCookie) > 1 || captured != i {
		p.extras(v, e, cookie, setCookie, b[captured:i])
	}
	p.seen = e.End
	return true
}

// httpWord is "HTTP" as a little-endian number.
const httpWord = 'H' | 'T'<<8 | 'T'<<16 | 'P'<<24

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
	w.headers(headers[:k], first)
	if k+1 < len(headers) {
		w.headers(headers[k+1:len(headers)-1], v.caps.response)
	}
	if len(e.Referer) == 0 {
		e.Referer = w.origin
	}
}

// skipNumber returns the index behind a number and the sign that ends it.
func skipNumber(b []byte, i int, end byte) (int, bool) {
	from := i
	for i < len(b) {
		c := b[i]
		i++
		if c == end {
			return i, i-from > 1
		}
		if c-'0' > 9 && (c != '-' && c != '+' || i-from > 1) {
			return i, false
		}
	}
	return i, false
}

// smallNumber reads a number of at most 18 digits and returns the index behind the sign that ends it.
func smallNumber(b []byte, i int, end byte) (v, next int, ok bool) {
	neg := false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		neg = b[i] == '-'
		i++
	}
	from := i
	for i < len(b) {
		c := b[i] - '0'
		if c > 9 {
			break
		}
		v = v*10 + int(c)
		i++
	}
	if i == from || i-from > 18 || i >= len(b) || b[i] != end {
		return 0, i, false
	}
	if neg {
		v = -v
	}
	return v, i + 1, true
}

// wordAt returns the word at i and the index behind the blank that ends it.
func wordAt(b []byte, i int) ([]byte, int) {
	if i+1 < len(b) && b[i] == '-' && b[i+1] == ' ' {
		return b[i : i+1], i + 2
	}
	if i >= len(b) {
		return nil, i
	}
	n := bytes.IndexByte(b[i:], ' ')
	if n < 0 {
		return nil, len(b)
	}
	return b[i : i+n], i + n + 1
}

// isStateCode4 is isStateCode for the first four bytes, by table.
func isStateCode4(b []byte) bool {
	return stateSigns[b[0]]&1 != 0 && stateSigns[b[1]]&2 != 0 && stateSigns[b[2]]&4 != 0 && stateSigns[b[3]]&8 != 0
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
