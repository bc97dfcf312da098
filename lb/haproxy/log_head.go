package haproxy

import "limpet.dev/lb/logtext"

// A lineHead remembers how the last line began, so that the next one's message is found by comparing.
type lineHead struct {
	form  logtext.Form
	set   bool
	tail  int // where the part begins that does not change: behind the time
	fixed []byte
	start fixedText // fixed again
	msg   int
}

// learn remembers a line's header. RFC 5424 and unusual ones are not worth it.
func (l *lineHead) learn(line []byte, h logtext.Header) {
	l.set = false
	switch h.Form {
	case logtext.None:
		l.tail = 0
	case logtext.BSD, logtext.ISO:
		l.tail = h.TimeTo
	default:
		return
	}
	l.set = true
	l.form, l.msg = h.Form, h.Msg
	l.fixed = append(l.fixed[:0], line[l.tail:h.Msg]...)
	l.start = fixText(l.fixed)
}

// quick returns where the message begins if the line begins as the last one did.
func (l *lineHead) quick(line []byte) (int, bool) {
	if !l.set || len(line) <= l.msg || string(line[l.tail:l.msg]) != string(l.fixed) {
		return 0, false
	}
	switch l.form {
	case logtext.BSD:
		t := line[l.tail-15:]
		if t[3] != ' ' || t[6] != ' ' || t[9] != ':' || t[12] != ':' {
			return 0, false
		}
	case logtext.ISO:
		if line[l.tail-1] == ' ' {
			return 0, false
		}
	}
	return l.msg, true
}

// at is quick for a line that begins at b[i]; it returns -1 if the line begins otherwise. Only for what is at most
// 32 bytes long; 40 bytes must follow.
func (l *lineHead) at(b []byte, i int) int {
	tail := i + l.tail
	if !l.set || !l.start.at(b, tail) {
		return -1
	}
	switch l.form {
	case logtext.BSD:
		const day, clock = ' '<<24 | ' '<<48, ':'<<8 | ':'<<32 // signs of "Nov 24 10:00:00"
		if word(b, tail-15)&(0xff<<24|0xff<<48) != day || word(b, tail-7)&(0xff<<8|0xff<<32) != clock {
			return -1
		}
	case logtext.ISO:
		if b[tail-1] == ' ' {
			return -1
		}
	}
	return i + l.msg
}

// A fixedText is a text of at most 32 bytes to compare with, in words.
type fixedText struct {
	words, masks [4]uint64
	none         bool // it is longer
}

func fixText(text []byte) fixedText {
	var f fixedText
	var all, mask [32]byte
	f.none = len(text) > len(all)
	for i := range mask[:copy(all[:], text)] {
		mask[i] = 0xff
	}
	for k := range f.words {
		f.words[k], f.masks[k] = word(all[:], 8*k), word(mask[:], 8*k)
	}
	return f
}

// at reports whether the text stands at b[i], of which 32 bytes must follow.
func (f *fixedText) at(b []byte, i int) bool {
	if f.none || i+32 > len(b) {
		return false
	}
	t := b[i : i+32]
	return (word(t, 0)&f.masks[0]^f.words[0])|(word(t, 8)&f.masks[1]^f.words[1])|(word(t, 16)&f.masks[2]^f.words[2])|(word(t, 24)&f.masks[3]^f.words[3]) == 0
}
