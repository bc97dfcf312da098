package haproxy

import "limpet.dev/lb/logtext"

// A lineHead remembers how the last line began, so that the next one's message is found by comparing.
type lineHead struct {
	form  logtext.Form
	set   bool
	tail  int // where the part begins that does not change: behind the time
	fixed []byte
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
