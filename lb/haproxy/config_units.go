package haproxy

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"limpet.dev/lb/logtext"
)

const millisecond = time.Millisecond

// maxTime is HAProxy's longest time: 2^31-1 ms, about 24.8 days.
const maxTime = (1<<31 - 1) * time.Millisecond

var timeUnits = map[string]time.Duration{
	"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second,
	"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

// parseTime reads a time with a unit (us, ms, s, m, h, d); a bare number counts in bare.
func parseTime(text string, bare time.Duration) (time.Duration, error) {
	n := 0
	for n < len(text) && logtext.IsDigit(text[n]) {
		n++
	}
	v, err := strconv.ParseInt(text[:n], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("not a time")
	}
	unit := bare
	if n < len(text) {
		if unit = timeUnits[text[n:]]; unit == 0 {
			return 0, fmt.Errorf("not a unit of time (us, ms, s, m, h, d)")
		}
	}
	if v > math.MaxInt64/int64(unit) {
		return 0, fmt.Errorf("a time longer than HAProxy can keep (24 days)")
	}
	return time.Duration(v) * unit, nil
}

// parseTimer is parseTime for timers, which HAProxy keeps in 31 bits of milliseconds.
func parseTimer(text string) (time.Duration, error) {
	d, err := parseTime(text, millisecond)
	if err == nil && d > maxTime {
		return 0, fmt.Errorf("a time longer than HAProxy can keep (24 days)")
	}
	return d, err
}

func parseInt(text string, lo, hi int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("not a number")
	}
	if n < lo || n > hi {
		return 0, fmt.Errorf("not between %d and %d", lo, hi)
	}
	return n, nil
}

// parseSize reads a number with the suffix k, m or g (powers of 1024).
func parseSize(text string) (int, error) {
	mult := 1
	if n := len(text); n > 0 {
		switch text[n-1] {
		case 'k', 'K':
			mult, text = 1<<10, text[:n-1]
		case 'm', 'M':
			mult, text = 1<<20, text[:n-1]
		case 'g', 'G':
			mult, text = 1<<30, text[:n-1]
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > math.MaxInt/mult {
		return 0, fmt.Errorf("not a size")
	}
	return n * mult, nil
}
