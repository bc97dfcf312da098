package cookie

import "strings"

// Split takes apart what a proxy joined with commas into one line. A comma begins a new
// cookie only if a token and "=" follow it before the next ";" or ","; the one in
// "Expires=Wed, 01 Jan" does not.
func Split(line string) []string {
	var out []string
	start := 0
	for i := 0; i < len(line); i++ {
		if line[i] == ',' && startsCookie(line[i+1:]) {
			out = append(out, trim(line[start:i]))
			start = i + 1
		}
	}
	if last := trim(line[start:]); last != "" || start > 0 {
		out = append(out, last)
	}
	return out
}

func startsCookie(rest string) bool {
	end := strings.IndexAny(rest, "=;,")
	return end > 0 && rest[end] == '=' && isToken(trim(rest[:end]))
}

// isToken reports an RFC 9110 token.
func isToken(s string) bool {
	for i := range len(s) {
		b := s[i]
		if b <= 0x20 || b >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, b) >= 0 {
			return false
		}
	}
	return s != ""
}
