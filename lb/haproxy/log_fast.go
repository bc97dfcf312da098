package haproxy

import (
	"bytes"
	"encoding/binary"
	"math/bits"

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
	blank := seek(b, at, ' '*ones)
	if blank < at+9 || len(b) < blank+96 || b[blank+1] != '[' || b[blank+22] != '.' || b[blank+26] != ']' || b[blank+27] != ' ' {
		return false
	}
	colons := marks(binary.LittleEndian.Uint64(b[blank-8:]), ':'*ones)
	colon := blank - 1 - bits.LeadingZeros64(colons)>>3
	if colons == 0 || b[colon] != ':' {
		return false
	}
	port, ok := shortNumber(b, colon+1, blank)
	if !ok {
		return false
	}
	start, ok := p.date.read(b[blank+2:])
	if !ok {
		return false
	}
	ms, ok := threeDigits(b, blank+23)
	if !ok {
		return false
	}
	start += int64(ms) * msec

	// Listener, pool and instance.
	from := blank + 28
	listenerEnd := seek(b, from, ' '*ones)
	slash := seek(b, max(listenerEnd, 0)+1, '/'*ones)
	instanceEnd := seek(b, max(slash, 0)+1, ' '*ones)
	if listenerEnd <= from || slash <= listenerEnd+1 || instanceEnd <= slash+1 {
		return false
	}
	listener, scheme := b[from:listenerEnd], schemeHTTP
	if b[listenerEnd-1] == '~' {
		listener, scheme = b[from:listenerEnd-1], schemeHTTPS
	}
	pool, instance := b[listenerEnd+1:slash], b[slash+1:instanceEnd]

	// Timers, status, bytes. Of the timers only the last two count; in front of them are three more.
	i := seekNth(b, instanceEnd+1, 3, '/'*ones) + 1
	serverEnd := seek(b, i, '/'*ones)
	activeEnd := seek(b, max(serverEnd, 0)+1, ' '*ones)
	if i == 0 || serverEnd < 0 || activeEnd < 0 || activeEnd-instanceEnd > 64 {
		return false
	}
	server, ok1 := counter(b, i, serverEnd)
	active, ok2 := counter(b, serverEnd+1, activeEnd)
	if !ok1 || !ok2 || active < 0 {
		return false
	}
	i = activeEnd + 1
	sizeEnd := seek(b, i+4, ' '*ones)
	if sizeEnd < 0 || b[i+3] != ' ' {
		return false
	}
	status, ok1 := threeDigits(b, i)
	size, ok2 := counter(b, i+4, sizeEnd)
	if !ok1 || !ok2 || size < 0 {
		return false
	}

	// Cookies and termination state.
	cookie, i := wordAt(b, sizeEnd+1)
	setCookie, i := wordAt(b, i)
	if i+24 > len(b) || b[i+4] != ' ' || b[i+5]-'0' > 9 || !isStateCode4(b[i:]) {
		return false
	}
	code := [4]byte(b[i:])

	// Connections, retries, queues: "c/c/c/c/rc sq/bq ", nearly always without retries and queues.
	i = seekNth(b, i+5, 4, '/'*ones) + 1
	if i == 0 || i+16 > len(b) {
		return false
	}
	var retries, queued, poolQueued int
	redispatched := b[i] == '+'
	if binary.LittleEndian.Uint64(b[i:])<<16 == quietWord {
		i += 6
	} else {
		retriesEnd := seek(b, i, ' '*ones)
		queueEnd := seek(b, max(retriesEnd, 0)+1, '/'*ones)
		poolQueueEnd := seek(b, max(queueEnd, 0)+1, ' '*ones)
		if retriesEnd < 0 || queueEnd < 0 || poolQueueEnd < 0 {
			return false
		}
		var ok1, ok2, ok3 bool
		retries, ok1 = counter(b, i, retriesEnd)
		queued, ok2 = counter(b, retriesEnd+1, queueEnd)
		poolQueued, ok3 = counter(b, queueEnd+1, poolQueueEnd)
		if !ok1 || !ok2 || !ok3 {
			return false
		}
		i = poolQueueEnd + 1
	}

	// Captured headers and the request line.
	captured := i
	for k := 0; i < len(b) && b[i] == '{'; k++ {
		n := bytes.IndexByte(b[i:], '}')
		if n < 0 || i+n+2 > len(b) || b[i+n+1] != ' ' || k == 2 {
			return false
		}
		i += n + 2
	}
	end := len(b) - 1
	if b[end] != '"' && v.tls {
		end = beforeTLS(b)
	}
	if i+12 > end || b[i] != '"' || b[end] != '"' {
		return false
	}
	request := b[i+1 : end]
	last := len(request) - 9
	if last < 3 || request[last] != ' ' || binary.LittleEndian.Uint32(request[last+1:]) != httpWord || request[last+5] != '/' {
		return false
	}
	n := seek(request, 0, ' '*ones)
	if n <= 0 || n >= last-1 {
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
	e.Port = uint16(min(port, 65535))
	e.Listener, e.Scheme = listener, scheme
	e.Pool = pool
	e.Method, e.Target = request[:n], target
	e.Status = uint16(status)
	e.Bytes = int64(size)
	e.Flow.Code = code
	e.Flow.Affinity, e.Flow.Set = affinityStates[code[2]], affinitySets[code[3]]
	e.Flow.Unserved = unservedState(code[0], code[1])
	e.Flow.Aborted = code[0] == 'C' || code[0] == 'c'
	e.Flow.Redispatched = redispatched
	e.Flow.Retries = uint8(min(retries, 255))
	e.Flow.Queued = queued > 0 || poolQueued > 0
	if instance[0] == '<' {
		e.Flow.Unserved = true
	} else {
		e.Instance = instance
	}
	if k := len(v.quickCookie); k > 0 && len(cookie) > k && string(cookie[:k]) == v.quickCookie {
		e.Session = session.Credential{Raw: cookie[k:], Cut: v.caps.cookieMax > 0 && len(cookie) >= v.caps.cookieMax}
		cookie = nil
	}
	if len(cookie) > 1 || len(setCookie) > 1 || captured != i {
		p.extras(v, e, cookie, setCookie, b[captured:i])
	}
	p.seen = e.End
	return true
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
	w.headers(headers[:k], first, false)
	if k+1 < len(headers) {
		w.headers(headers[k+1:len(headers)-1], v.caps.response, false)
	}
	if len(e.Referer) == 0 {
		e.Referer = w.origin
	}
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
