package haproxy

import (
	"encoding/binary"
	"math/bits"

	"limpet.dev/lb/signs"
	"limpet.dev/session"
)

// A short remembers between lines what the short way from lines to records needs.
type short struct {
	signs  signs.Map
	at     int // where in the data the map begins
	next   int // where in the data the line begins that the map gives next
	places [64]knownPlace
	code   uint32 // the last termination state, and what it means
	flow   session.Flow
}

// ReadRecords reads default httplog lines with at most a session cookie captured, by position, as fast does:
//
//	ip:port [date] listener pool/instance TR/Tw/Tc/Tr/Ta status bytes NAME=value - tsc c/c/c/c/0 0/0 "GET /path HTTP/1.1"
//
// It fills records without an event in between. Whatever is unusual is left to Parse, and a test holds the two against each other.
func (p *parser) ReadRecords(data []byte, at int, red *session.Reducer, like *session.Record, out []session.Record) (read, next int) {
	v := p.variants[p.cur]
	if !v.http || v.tls || p.byListener != nil || v.quickCookie == "" || !p.head.set {
		return 0, at
	}
	if p.short == nil {
		p.short = new(short)
	}
	s := p.short
	if at == 0 || at != s.next {
		s.signs.Read(nil)
	}
	for read < len(out) {
		end, ok := s.signs.Line()
		if !ok {
			s.at = at
			s.signs.Read(data[at:])
			if end, ok = s.signs.Line(); !ok {
				break // the data's end, or a line longer than a map
			}
		}
		s.next = s.at + end + 1
		r := &out[read]
		*r = *like
		if !p.record(v, at-s.at, end, red, r) {
			break
		}
		read++
		r.Line += uint32(read)
		r.PresentedAt.At += uint32(s.at)
		p.seen = r.End
		at = s.next
	}
	return read, at
}

// record reads the line b[at:end] of the mapped text into r, and reports whether it could.
func (p *parser) record(v *variant, at, end int, red *session.Reducer, r *session.Record) bool {
	m := &p.short.signs
	b := m.Text
	if end-at < 105 || end > len(b) {
		return false
	}
	msg := p.head.at(b, at)
	if msg < 0 {
		return false
	}
	blank := msg + signs.First(m.Cuts.From(msg))
	if blank < msg+9 || blank+96 > end || word(b, blank+20)&millisMask != millisSigns || b[blank] != ' ' || b[blank+1] != '[' || b[blank+27] != ' ' {
		return false
	}
	if !p.recordClient(b, msg, blank, red, r) {
		return false
	}

	i := blank + 28 // "listener pool/instance "
	w := m.Cuts.From(i)
	listenerEnd := i + signs.First(w)
	w &= w - 1
	slash := i + signs.First(w)
	w &= w - 1
	placeEnd := i + signs.First(w)
	w &= w - 1
	if w == 0 || b[listenerEnd] != ' ' || b[slash] != '/' || b[placeEnd] != ' ' || !p.place(b, i, listenerEnd, slash, placeEnd, red, r) {
		return false
	}

	i = placeEnd + 1 // "TR/Tw/Tc/Tr/Ta status bytes "
	w = m.Cuts.From(i)
	first := i + signs.First(w)
	w &= w - 1
	second := i + signs.First(w)
	w &= w - 1
	third := i + signs.First(w)
	w &= w - 1
	fourth := i + signs.First(w)
	w &= w - 1
	activeEnd := i + signs.First(w)
	w &= w - 1
	statusEnd := i + signs.First(w)
	w &= w - 1
	bytesEnd := i + signs.First(w)
	if w == 0 || bytesEnd+40 > end || statusEnd != activeEnd+4 || b[first]&b[second]&b[third]&b[fourth] != '/' || b[activeEnd]|b[statusEnd]|b[bytesEnd] != ' ' {
		return false
	}
	status, ok := threeDigits(b, activeEnd+1)
	active, size := digitsOf(b, fourth+1, activeEnd), digitsOf(b, statusEnd+1, bytesEnd)
	if !ok || !areDigits(active, size, digitsOf(b, third+1, fourth)) {
		return false
	}
	r.End = r.Start + int64(valueOf(active))*msec
	r.Status, r.Has = uint16(status), v.has
	r.Bytes = int32(valueOf(size))

	// "NAME=value - tsc c/c/c/c/0 0/0 "
	i = bytesEnd + 1
	value := i + len(v.quickCookie)
	cookieEnd := i + signs.First(m.Cuts.From(i))
	if cookieEnd == i+signs.Window || b[cookieEnd] != ' ' { // a long value, or one with slashes
		cookieEnd = seekByte(b[:end], i, ' ')
	}
	if cookieEnd < value+8 || cookieEnd+30 > end || v.caps.cookieMax > 0 && cookieEnd-i >= v.caps.cookieMax ||
		b[cookieEnd+1] != '-' || b[cookieEnd+2] != ' ' || !v.quickStart.at(b, i) {
		return false
	}
	red.Presented(b, value, cookieEnd, r)
	i = cookieEnd + 3
	if b[i+4] != ' ' || b[i+5]-'0' > 9 || !p.state(b, i, r) {
		return false
	}
	w = m.Cuts.From(i + 5)
	first = i + 5 + signs.First(w)
	w &= w - 1
	second = i + 5 + signs.First(w)
	w &= w - 1
	third = i + 5 + signs.First(w)
	w &= w - 1
	fourth = i + 5 + signs.First(w)
	if w == 0 || fourth+20 > end || b[first]&b[second]&b[third]&b[fourth] != '/' || word(b, fourth+1)<<16 != quietWord {
		return false
	}
	return recordRequest(m, fourth+7, end-1, red, r)
}

// recordClient reads "ip:port [24/Nov/2026:10:00:00.123] " whose first blank is known.
func (p *parser) recordClient(b []byte, at, blank int, red *session.Reducer, r *session.Record) bool {
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
	n := valueOf(port)
	r.Port = uint16(n)
	r.Start = start + int64(ms)*msec
	return ok && ok1 && n < 1<<16 && areDigits(port, 0, 0) && red.Address4(b, at, colon, r)
}

// A knownPlace is what "listener pool/instance" means.
type knownPlace struct {
	text  []byte
	place session.Place
	flags session.Flags
}

// place reads "listener pool/instance" at i, of which a log has few.
func (p *parser) place(b []byte, i, listenerEnd, slash, end int, red *session.Reducer, r *session.Record) bool {
	const spread = 0x9e3779b97f4a7c15
	k := &p.short.places[(word(b, i)^word(b, end-8)*spread)*spread>>58]
	if string(k.text) != string(b[i:end]) {
		if listenerEnd <= i || slash <= listenerEnd+1 || end <= slash+1 || b[slash+1] == '<' {
			return false
		}
		k.text = append(k.text[:0], b[i:end]...)
		k.flags = session.KnownTLS
		nameEnd := listenerEnd
		if b[listenerEnd-1] == '~' {
			k.flags |= session.Secure
			nameEnd--
		}
		k.place = red.Place(b[i:nameEnd], b[listenerEnd+1:slash], b[slash+1:end])
	}
	r.Listener, r.Pool, r.Instance = k.place.Listener, k.place.Pool, k.place.Instance
	r.Flags |= k.flags
	return true
}

// state reads the termination state at i.
func (p *parser) state(b []byte, i int, r *session.Record) bool {
	s := p.short
	if code := binary.LittleEndian.Uint32(b[i:]); code != s.code {
		if !isStateCode4(b[i:]) {
			return false
		}
		s.code, s.flow = code, flowOf([4]byte(b[i:i+4]))
	}
	r.Flow = s.flow
	return true
}

// recordRequest reads the request line in quotes from i to end.
func recordRequest(m *signs.Map, i, end int, red *session.Reducer, r *session.Record) bool {
	b := m.Text
	targetEnd := end - 9
	if i+13 > end || b[i] != '"' || b[end] != '"' || word(b, targetEnd)&^versionDigit != versionWord || b[end-3] == ' ' || b[end-1] == ' ' {
		return false
	}
	method := word(b, i+1)
	n := signs.First(marks(method, ' '*ones)) / 8
	i += 1 + n
	if n == 8 || i+1 >= targetEnd || b[i+1] != '/' {
		return false
	}
	if uint32(method) == getWord {
		r.Method = session.GET
	} else {
		r.Method = session.MethodOf(b[i-n : i])
	}
	i++
	pathEnd := i
	for {
		k := signs.First(m.Marks.From(pathEnd))
		pathEnd += k
		if k < signs.Window || pathEnd >= targetEnd {
			break
		}
	}
	if pathEnd >= targetEnd {
		pathEnd = targetEnd
	} else if b[pathEnd] != '?' {
		return false // escapes to undo
	}
	r.Route = red.Path(b[i:pathEnd])
	return true
}

const getWord = 'G' | 'E'<<8 | 'T'<<16 | ' '<<24
