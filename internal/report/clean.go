package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes a string harmless on a terminal and keeps it on one line: control characters
// (C0, DEL and C1, with which escape sequences begin), marks that reverse the direction of
// text or are invisible, line and paragraph separators, and invalid UTF-8 become U+FFFD;
// tabs and line ends become a space.
func clean(s string) string {
	if isPlain(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case hostile(r):
			return utf8.RuneError
		}
		return r
	}, s)
}

// isPlain reports whether s is printable ASCII, as nearly everything is.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// hostile reports whether a character may act on what shows it instead of being shown:
// control (Cc), format (Cf: direction, zero width), surrogate, private use, separators of
// lines and paragraphs.
func hostile(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp)
}

// cut shortens s to n characters; an ellipsis shows that it was cut.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	rs := []rune(s)
	if n <= 1 {
		return string(rs[:max(n, 0)])
	}
	return string(rs[:n-1]) + "…"
}
