package session

import (
	"bytes"
	"hash/maphash"
	"strconv"
	"time"
)

// An EventParser reads lifecycle events, one JSON object a line, in the form of
// architecture.md section 5 (what limpet.dev/witness writes). Real applications leave fields
// out: only a time, an event and one of session, request id or trace id are required. It is
// used by one goroutine.
type EventParser struct {
	scratch []byte
	lastDay string
	dayNs   int64
}

// Reasons why a line is no event; stable, reports count by them.
const (
	NotJSON      = "not a JSON object"
	NoTime       = "no readable time"
	NoEventName  = "no event name"
	UnknownEvent = "an event of another kind"
	NoKey        = "no session, request id or trace id"
)

var kinds = map[string]Kind{
	"websession.create": Create, "websession.read": Read, "websession.write": Write, "websession.rotate": Rotate,
	"websession.destroy": Destroy, "websession.restore": Restore, "process.start": Start,
}

// Parse reads one line into e, or says why it is no event. e points into line, or into the parser
// for strings with escapes, until the next call.
func (p *EventParser) Parse(line []byte, e *Event) (skip string) {
	e.Reset()
	p.scratch = p.scratch[:0]
	j := jsonLine{b: line, scratch: &p.scratch}
	if !j.object() {
		return NotJSON
	}
	var timeText, event []byte
	for {
		key, ok := j.next()
		if !ok {
			break
		}
		switch string(key) {
		case "time":
			timeText = j.text()
		case "event":
			event = j.text()
		case "session":
			e.Session = credentialOf(j.text())
		case "previous":
			e.Previous = credentialOf(j.text())
		case "instance":
			e.Instance = j.text()
		case "request_id":
			e.RequestID = j.text()
		case "trace_id":
			e.TraceID = j.text()
		case "result":
			e.Result = resultOf(j.text())
		case "reason":
			e.Reason = j.text()
		case "user":
			e.User = j.text()
		case "store":
			e.Store = j.text()
		case "store_ms":
			e.StoreMs = float32(j.number(-1))
		case "release":
			e.Release = j.text()
		case "route":
			e.Target = j.text()
		case "copies":
			e.Twice = j.number(1) > 1
		case "state":
			p.state(&j, e)
		default:
			j.skip()
		}
	}
	if j.bad {
		return NotJSON
	}
	if e.Kind = kinds[string(event)]; e.Kind == 0 {
		if len(event) == 0 {
			return NoEventName
		}
		return UnknownEvent
	}
	ns, ok := p.time(timeText)
	if !ok {
		return NoTime
	}
	e.Start, e.End = ns, ns
	if e.Kind != Start && e.Session.Empty() && len(e.RequestID) == 0 && len(e.TraceID) == 0 {
		return NoKey
	}
	e.Has = HasSession | HasInstance | HasRequestID
	return ""
}

func (p *EventParser) state(j *jsonLine, e *Event) {
	if !j.object() {
		j.bad = false
		j.skip()
		return
	}
	for {
		key, ok := j.next()
		if !ok {
			return
		}
		if string(key) == "cart_items" {
			e.Cart = int32(j.number(-1))
			continue
		}
		h := maphash.Bytes(stateSeed, key)
		e.State ^= uint32(h>>32) ^ uint32(maphash.Bytes(stateSeed, j.text()))*uint32(h|1)
	}
}

// stateSeed seeds the hash of what applications show of their state, so that values never leave the process.
var stateSeed = maphash.MakeSeed()

// credentialOf tells our pseudonym from an identifier of the application's own.
func credentialOf(b []byte) Credential {
	if _, ok := ParsePseudonym(b); ok {
		return Credential{Raw: b, Fingerprint: true}
	}
	return Credential{Raw: b, Opaque: true}
}

func resultOf(b []byte) Result {
	switch string(b) {
	case "hit":
		return Hit
	case "miss":
		return Miss
	case "stale":
		return Stale
	case "error":
		return Error
	}
	return NoResult
}

// time reads RFC 3339 with any fraction and zone, remembering the day it saw last.
func (p *EventParser) time(b []byte) (int64, bool) {
	if len(b) < 20 {
		return 0, false
	}
	if string(b[:10]) != p.lastDay {
		day, err := time.Parse("2006-01-02", string(b[:10]))
		if err != nil {
			return 0, false
		}
		p.lastDay, p.dayNs = string(b[:10]), day.UnixNano()
	}
	if b[10] != 'T' && b[10] != ' ' && b[10] != 't' || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	h, ok1 := twoDigits(b[11:])
	m, ok2 := twoDigits(b[14:])
	s, ok3 := twoDigits(b[17:])
	if !ok1 || !ok2 || !ok3 || h > 24 || m > 59 || s > 60 {
		return 0, false
	}
	ns := p.dayNs + (h*3600+m*60+s)*1e9
	rest := b[19:]
	if len(rest) > 0 && (rest[0] == '.' || rest[0] == ',') {
		rest = rest[1:]
		unit := int64(1e8)
		for len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
			ns += int64(rest[0]-'0') * unit
			unit /= 10
			rest = rest[1:]
		}
	}
	off, ok := zoneOffset(rest)
	return ns - off, ok
}

func twoDigits(b []byte) (int64, bool) {
	if b[0] < '0' || b[0] > '9' || b[1] < '0' || b[1] > '9' {
		return 0, false
	}
	return int64(b[0]-'0')*10 + int64(b[1]-'0'), true
}

// zoneOffset reads "Z" or "+02:00" or "+0200", in nanoseconds east of UTC.
func zoneOffset(b []byte) (int64, bool) {
	if len(b) == 1 && (b[0] == 'Z' || b[0] == 'z') {
		return 0, true
	}
	if len(b) != 6 && len(b) != 5 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	h, ok1 := twoDigits(b[1:])
	m, ok2 := twoDigits(b[len(b)-2:])
	off := (h*3600 + m*60) * 1e9
	if b[0] == '-' {
		off = -off
	}
	return off, ok1 && ok2
}

// A jsonLine walks over one JSON object in place.
type jsonLine struct {
	b       []byte
	i       int
	first   bool
	bad     bool
	scratch *[]byte
}

func (j *jsonLine) space() byte {
	for j.i < len(j.b) {
		if c := j.b[j.i]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
		j.i++
	}
	return 0
}

// object steps into an object.
func (j *jsonLine) object() bool {
	if j.space() != '{' {
		j.bad = true
		return false
	}
	j.i++
	j.first = true
	return true
}

// next returns the next key of the object, or ok false at its end.
func (j *jsonLine) next() (key []byte, ok bool) {
	if j.bad {
		return nil, false
	}
	c := j.space()
	if c == '}' {
		j.i++
		j.first = false
		return nil, false
	}
	if !j.first {
		if c != ',' {
			j.bad = true
			return nil, false
		}
		j.i++
		c = j.space()
	}
	j.first = false
	if c != '"' {
		j.bad = true
		return nil, false
	}
	key = j.str()
	if j.space() != ':' {
		j.bad = true
		return nil, false
	}
	j.i++
	return key, !j.bad
}

// str reads a string; j.i is at its opening quote.
func (j *jsonLine) str() []byte {
	j.i++
	start := j.i
	n := bytes.IndexByte(j.b[start:], '"')
	if n < 0 {
		j.bad = true
		return nil
	}
	if bytes.IndexByte(j.b[start:start+n], '\\') < 0 {
		j.i = start + n + 1
		return j.b[start : start+n]
	}
	for i := start; i < len(j.b); i++ {
		switch j.b[i] {
		case '\\':
			i++
		case '"':
			j.i = i + 1
			return j.unescape(j.b[start-1 : i+1])
		}
	}
	j.bad = true
	return nil
}

func (j *jsonLine) unescape(quoted []byte) []byte {
	s := *j.scratch
	from := len(s)
	for i := 1; i < len(quoted)-1; i++ {
		c := quoted[i]
		if c != '\\' {
			s = append(s, c)
			continue
		}
		i++
		switch quoted[i] {
		case 'n':
			s = append(s, '\n')
		case 't':
			s = append(s, '\t')
		case 'r':
			s = append(s, '\r')
		case 'b':
			s = append(s, '\b')
		case 'f':
			s = append(s, '\f')
		case 'u':
			if i+4 >= len(quoted)-0 {
				j.bad = true
				return nil
			}
			v, err := strconv.ParseUint(string(quoted[i+1:i+5]), 16, 32)
			if err != nil {
				j.bad = true
				return nil
			}
			s = append(s, string(rune(v))...)
			i += 4
		default:
			s = append(s, quoted[i])
		}
	}
	*j.scratch = s
	return s[from:len(s):len(s)]
}

// text reads a value as text: a string, or "" for null. Numbers and booleans keep their spelling.
func (j *jsonLine) text() []byte {
	if j.space() == '"' {
		return j.str()
	}
	from := j.i
	j.skip()
	v := j.b[min(from, len(j.b)):min(j.i, len(j.b))]
	if len(v) == 0 || v[0] == 'n' || v[0] == '{' || v[0] == '[' {
		return nil
	}
	return v
}

func (j *jsonLine) number(otherwise float64) float64 {
	v, err := strconv.ParseFloat(string(j.text()), 64)
	if err != nil || v != v || v > 1<<31-1 || v < -(1<<31) {
		return otherwise
	}
	return v
}

// skip passes over any value.
func (j *jsonLine) skip() {
	depth := 0
	for j.i < len(j.b) {
		switch c := j.space(); c {
		case 0:
			j.bad = true
			return
		case '"':
			j.str()
		case '{', '[':
			depth++
			j.i++
		case '}', ']':
			if depth == 0 {
				j.bad = true
				return
			}
			depth--
			j.i++
		case ',', ':':
			if depth == 0 {
				j.bad = true
				return
			}
			j.i++
		default:
			for j.i < len(j.b) && bytes.IndexByte([]byte(",:]} \t\r\n\""), j.b[j.i]) < 0 {
				j.i++
			}
		}
		if depth == 0 || j.bad {
			return
		}
	}
	j.bad = true
}
