package nginx

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Eight bytes at a time: finding a sign and reading a number without a branch for each byte.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// load8 returns the eight bytes at i as a little-endian number.
func load8(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

// seek returns the index of the first byte at or after i that mark repeats, or -1. Most fields are short.
func seek(b []byte, i int, mark uint64) int {
	if i+16 <= len(b) {
		x := load8(b, i) ^ mark
		if m := (x - ones) &^ x & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		x = load8(b, i+8) ^ mark
		if m := (x - ones) &^ x & highs; m != 0 {
			return i + 8 + bits.TrailingZeros64(m)>>3
		}
		i += 16
	}
	if i > len(b) {
		return -1
	}
	if n := bytes.IndexByte(b[i:], byte(mark)); n >= 0 {
		return i + n
	}
	return -1
}

// seekText returns where text first stands at or after i, or -1.
func seekText(b []byte, i int, text string, mark uint64) int {
	for {
		if i = seek(b, i, mark); i < 0 {
			return -1
		}
		if hasText(b, i, text) {
			return i
		}
		i++
	}
}

// hasText reports whether text stands at i.
func hasText(b []byte, i int, text string) bool {
	return len(b)-i >= len(text) && string(b[i:i+len(text)]) == text
}

// seekQuote returns the index of the first quote at or after i that no backslash escapes, or -1.
func seekQuote(b []byte, i int) int {
	for at := i; ; at++ {
		if at = seek(b, at, '"'*ones); at < 0 {
			return -1
		}
		k := at
		for k > i && b[k-1] == '\\' {
			k--
		}
		if (at-k)&1 == 0 {
			return at
		}
	}
}

// listEnd returns the end of a list of upstreams: blanks within it stand behind a comma, or around a colon
// (ngx_http_upstream.c, ngx_http_upstream_addr_variable).
func listEnd(b []byte, i int) int {
	for {
		k := seek(b, i, ' '*ones)
		switch {
		case k < 0:
			return len(b)
		case k > i && b[k-1] == ',':
			i = k + 1
		case k+2 < len(b) && b[k+1] == ':' && b[k+2] == ' ':
			i = k + 3
		default:
			return k
		}
	}
}

// millis reads "12.345" as 12345: seconds with three decimals.
func millis(b []byte) (int64, bool) {
	n := len(b) - 4
	if n < 1 || n > 14 || b[n] != '.' {
		return 0, false
	}
	var v uint64
	for _, c := range b[:n] {
		d := uint64(c) - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + d
	}
	x, y, z := uint64(b[n+1])-'0', uint64(b[n+2])-'0', uint64(b[n+3])-'0'
	return int64(v*1000 + x*100 + y*10 + z), x <= 9 && y <= 9 && z <= 9
}

// count reads digits, at most 18.
func count(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var v uint64
	for _, c := range b {
		d := uint64(c) - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + d
	}
	return int64(v), true
}
