package session

import (
	"testing"
	"time"
)

// Whoever waits for an answer does not rest; an expiry is still counted from request to request.
func TestARestBeginsWithTheAnswer(t *testing.T) {
	const s, ms = int64(time.Second), int64(time.Millisecond)
	page := brief{start: 10 * s, durUs: 1_500_000}
	file := brief{start: 11*s + ms/2, durUs: 100}
	for _, tt := range []struct {
		name        string
		seen        []brief
		untouched   uint32
		rest, pause int64
	}{
		{"after a slow answer", []brief{page}, 0, 4500 * ms, 6 * s},
		{"a static file between does not use the session", []brief{page, file}, 1000, 4500 * ms, 6*s - ms/2},
		{"before the answer is complete", []brief{{start: 15500 * ms, durUs: 2_000_000}}, 0, 0, 500 * ms},
	} {
		var l life
		l.seen, l.untouched, l.last = uint32(len(tt.seen)), tt.untouched, tt.seen[len(tt.seen)-1].start
		copy(l.ring[:], tt.seen)
		if rest, pause := l.rest(16*s), l.pause(16*s); rest != tt.rest || pause != tt.pause {
			t.Errorf("%s: rest %v, pause %v, want %v, %v", tt.name, time.Duration(rest), time.Duration(pause), time.Duration(tt.rest), time.Duration(tt.pause))
		}
	}
}
