// Package logtext knows what the lines of all balancers' logs have in common: what syslog and container
// runtimes put in front of a message (RFC 3164, RFC 5424), and how times and numbers are written.
package logtext

import (
	"bytes"
	"strings"
)

// Head returns at most n bytes of a sample, without a line that this would cut.
func Head(sample []byte, n int) []byte {
	if len(sample) <= n {
		return sample
	}
	sample = sample[:n]
	return sample[:bytes.LastIndexByte(sample, '\n')+1]
}

// IsDigit reports whether c is 0 to 9.
func IsDigit(c byte) bool { return c >= '0' && c <= '9' }

// Unhex returns the value of a hexadecimal digit, -1 if c is none.
func Unhex(c byte) int {
	switch {
	case IsDigit(c):
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// Number reads [+-]digits; ok is false for "-" and for what is no number or too long.
func Number(b []byte) (v int64, ok bool) {
	neg := false
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		neg = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if !IsDigit(c) {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	if neg {
		v = -v
	}
	return v, true
}

func twoDigits(b []byte) (int, bool) {
	if !IsDigit(b[0]) || !IsDigit(b[1]) {
		return 0, false
	}
	return int(b[0]-'0')*10 + int(b[1]-'0'), true
}

// CutParameters removes ";name=value" from the segments of a path: they may hold session ids.
func CutParameters(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i], _, _ = strings.Cut(s, ";")
	}
	return strings.Join(segments, "/")
}
