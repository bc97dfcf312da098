package nginx

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

var timeUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "M": 30 * 24 * time.Hour, "y": 365 * 24 * time.Hour,
}

// parseTime reads nginx's times: numbers with units, greatest first ("1h 30m" as one word, "1h30m");
// seconds without a unit (http://nginx.org/en/docs/syntax.html).
func parseTime(text string) (time.Duration, error) {
	if text == "" {
		return 0, fmt.Errorf("not a time")
	}
	var sum time.Duration
	for text != "" {
		n := 0
		for n < len(text) && text[n] >= '0' && text[n] <= '9' {
			n++
		}
		v, err := strconv.ParseInt(text[:n], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("not a time")
		}
		text = text[n:]
		n = 0
		for n < len(text) && (text[n] < '0' || text[n] > '9') && text[n] != ' ' {
			n++
		}
		unit, ok := timeUnits[text[:n]]
		if !ok || v > math.MaxInt64/int64(unit)-int64(sum/unit)-1 {
			return 0, fmt.Errorf("not a time")
		}
		sum += time.Duration(v) * unit
		for text = text[n:]; text != "" && text[0] == ' '; text = text[1:] {
		}
	}
	return sum, nil
}

// parseSize reads a number of bytes with the suffix k or m (g for offsets).
func parseSize(text string) (int, error) {
	mult := 1
	if n := len(text); n > 0 {
		switch text[n-1] {
		case 'k', 'K':
			mult = 1 << 10
		case 'm', 'M':
			mult = 1 << 20
		case 'g', 'G':
			mult = 1 << 30
		}
		if mult > 1 {
			text = text[:n-1]
		}
	}
	n, err := parseInt(text, math.MaxInt/mult)
	return n * mult, err
}

// parseInt reads a number from 0 to most.
func parseInt(text string, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most || text[0] == '+' {
		return 0, fmt.Errorf("not a number")
	}
	return n, nil
}

// number is a number, 0 for what is none.
func number(text string) int {
	n, err := parseInt(text, math.MaxInt32)
	if err != nil {
		return 0
	}
	return n
}

func orElse[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
