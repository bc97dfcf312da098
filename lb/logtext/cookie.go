package logtext

import "bytes"

// NextCookie returns the first cookie of a Cookie header and what stands behind it; ok is false for a part
// that is no "name=value".
func NextCookie(header []byte) (name, value, rest []byte, ok bool) {
	part := header
	if k := bytes.IndexByte(header, ';'); k >= 0 {
		part, rest = header[:k], header[k+1:]
	}
	name, value, ok = bytes.Cut(bytes.TrimSpace(part), []byte("="))
	return name, value, rest, ok
}

// SetCookie splits a Set-Cookie header; ok is false if it sets nothing. cut says that the header ends within
// the cookie's value, where a log may have cut it.
func SetCookie(header []byte) (name, value, attributes []byte, cut, ok bool) {
	first, attributes, more := bytes.Cut(header, []byte(";"))
	name, value, ok = bytes.Cut(bytes.TrimSpace(first), []byte("="))
	return name, value, attributes, !more, ok
}

// Deletes reports whether a Set-Cookie takes the cookie back: an empty value or "deleted", Max-Age=0 or below,
// or a date of 1970.
func Deletes(value, attributes []byte) bool {
	if len(value) == 0 || string(value) == "deleted" {
		return true
	}
	lower := bytes.ToLower(attributes)
	if _, age, ok := bytes.Cut(lower, []byte("max-age=")); ok && len(age) > 0 {
		return age[0] == '0' || age[0] == '-'
	}
	return bytes.Contains(lower, []byte("1970"))
}
