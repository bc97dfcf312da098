package httpd

import (
	"time"

	"limpet.dev/lb/logtext"
)

// A clock collects what a line says about time; ns since 1970.
type clock struct {
	zone     *time.Location
	moment   int64 // with a date
	epoch    int64 // to the second, or exactly
	exact    bool  // epoch needs no part
	part     int64 // ns within the second
	hasPart  bool
	total    int64 // ns, -1 unknown
	lastText string
	last     int64 // what lastText meant
}

func (c *clock) reset() {
	c.moment, c.epoch, c.exact, c.part, c.hasPart, c.total = 0, 0, false, 0, false, -1
}

// start is when the request began, 0 unknown.
func (c *clock) start() int64 {
	t := c.epoch
	if t == 0 {
		t = c.moment
	}
	if t != 0 && !c.exact && c.hasPart {
		t = t/int64(time.Second)*int64(time.Second) + c.part
	}
	return t
}

// field takes a field about time, or reports that it is none.
func (c *clock) field(f *field, v []byte) bool {
	n, isNumber := logtext.Number(v)
	switch f.what {
	case meansTime:
		c.moment = c.date(f.arg, v)
	case meansEpochSec, meansEpochMs, meansEpochUs:
		unit := map[meaning]time.Duration{meansEpochSec: time.Second, meansEpochMs: time.Millisecond, meansEpochUs: time.Microsecond}[f.what]
		if isNumber && n > 0 && n < 1<<62/int64(unit) {
			c.epoch, c.exact = n*int64(unit), unit < time.Second
		}
	case meansTimePart:
		if isNumber && n >= 0 {
			c.part, c.hasPart = n*int64(time.Millisecond), true
			if f.width == 6 {
				c.part = n * int64(time.Microsecond)
			}
		}
	case meansTotalUs, meansTotalMs, meansTotalSec:
		unit := map[meaning]time.Duration{meansTotalUs: time.Microsecond, meansTotalMs: time.Millisecond, meansTotalSec: time.Second}[f.what]
		if isNumber && n >= 0 && n < int64(24*time.Hour/unit) && (c.total < 0 || unit < time.Second) {
			c.total = n * int64(unit)
		}
	default:
		return false
	}
	return true
}

// date reads %t's "[25/Nov/2026:20:02:59 +0000]", or a time written by strftime's layout.
func (c *clock) date(layout string, v []byte) int64 {
	if string(v) == c.lastText {
		return c.last
	}
	var t int64
	if layout == "" {
		if len(v) != 28 || v[0] != '[' {
			return 0
		}
		var ok bool
		if t, ok = logtext.ZonedDate(v[1:27]); !ok {
			return 0
		}
	} else {
		goLayout, ok := layouts(layout)
		if !ok {
			return 0
		}
		parsed, err := time.ParseInLocation(goLayout, string(v), c.zone)
		if err != nil {
			return 0
		}
		t = parsed.UnixNano()
	}
	c.lastText, c.last = string(v), t
	return t
}

// strftime's letters as package time writes them; others are not read.
var letters = map[byte]string{
	'Y': "2006", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'y': "06", 'b': "Jan", 'h': "Jan", 'B': "January",
	'a': "Mon", 'A': "Monday", 'p': "PM", 'z': "-0700", 'Z': "MST", 'T': "15:04:05", 'F': "2006-01-02", 'D': "01/02/06", 'R': "15:04", 'j': "002",
	'%': "%", 't': "\t", 'n': "\n", 'c': "Mon Jan _2 15:04:05 2006",
}

func layouts(strftime string) (string, bool) {
	out := make([]byte, 0, 40)
	for i := 0; i < len(strftime); i++ {
		if strftime[i] != '%' {
			out = append(out, strftime[i])
			continue
		}
		i++
		if i == len(strftime) {
			return "", false
		}
		l, ok := letters[strftime[i]]
		if !ok {
			return "", false
		}
		out = append(out, l...)
	}
	return string(out), true
}
