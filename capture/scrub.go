package capture

import (
	"encoding/base32"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"limpet.dev/session"
)

// A Scrubber takes credentials out of text. One value becomes the same pseudonym wherever it stands, so that what is left
// still tells one session from another. It keeps what it knows to be harmless and takes out all else.
type Scrubber struct {
	Key session.Key

	// Removed counts what was taken out, by the kind and the name of the place ("cookie sid", "header authorization"). Never a value.
	Removed map[string]int
}

// Gone is what stands where something was taken out for good.
const Gone = "[removed]"

// List returns what was removed, in the order of names.
func (s *Scrubber) List() []string { return slices.Sorted(maps.Keys(s.Removed)) }

// Count notes that something was taken out; the name of the place is part of what is shown, so it is cut and cleaned.
func (s *Scrubber) Count(kind, name string) {
	if s.Removed == nil {
		s.Removed = map[string]int{}
	}
	s.Removed[strings.TrimSpace(kind+" "+s.name(name))]++
}

// name returns a name fit to be shown: a name that looks like a value is none.
func (s *Scrubber) name(name string) string {
	name = strings.ToLower(plain(name))
	if ours.MatchString(name) {
		return name
	}
	if !nameLike.MatchString(name) || tokenLike(name) {
		return ""
	}
	return name
}

// ours are names that stand for others since an earlier scrubbing.
var ours = regexp.MustCompile(`^(?:n-|x-|page_)[a-z2-7]{8}$`)

var nameLike = regexp.MustCompile(`^[A-Za-z_:$.][A-Za-z0-9_:$.\-\[\]~]{0,47}$`)

// Credential returns what stands for a credential: its pseudonym; of a long one, filled up to its length, because the
// length decides whether browsers take it.
func (s *Scrubber) Credential(kind, name, value string) string {
	if value == "" || Secret(value).Redacted() {
		return value
	}
	if _, ok := session.ParsePseudonym([]byte(value)); ok && strings.HasPrefix(value, "s:") {
		return value
	}
	if emptied(value) {
		return value
	}
	s.Count(kind, name)
	p := s.Key.Pseudonym([]byte(value)).String()
	if len(value) > 1024 {
		p += strings.Repeat("x", len(value)-len(p))
	}
	return p
}

// emptied reports a value by which applications take a cookie back: it names nobody.
func emptied(v string) bool {
	switch strings.Trim(v, `"`) {
	case "", "deleted", "delete", "null", "none", "invalid", "expired", "0", "-1":
		return true
	}
	return false
}

// Cookie scrubs a Cookie header.
func (s *Scrubber) Cookie(header string) string {
	var out []string
	for _, p := range appendPairs(nil, header) {
		v := s.Credential("cookie", p.Name, string(p.Value))
		if p.Name != "" {
			v = s.cookieName(p.Name) + "=" + v
		}
		out = append(out, v)
	}
	return strings.Join(out, "; ")
}

// cookieName keeps a cookie's name unless it looks like a value; a pseudonym then stands for it.
func (s *Scrubber) cookieName(name string) string {
	if ours.MatchString(name) || len(name) <= 64 && !strings.ContainsAny(name, "{}\"\\<>") && !tokenLike(name) {
		return name
	}
	s.Count("cookie name", "")
	return "n-" + s.short(name)
}

func (s *Scrubber) short(v string) string {
	p := s.Key.Pseudonym([]byte(v))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(p[:5]))
}

// SetCookie scrubs a Set-Cookie line: name and known attributes stay.
func (s *Scrubber) SetCookie(line string) string {
	pair, rest, more := strings.Cut(line, ";")
	name, value, found := strings.Cut(pair, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !found {
		name, value = "", name
	}
	out := s.Credential("cookie", name, value)
	if found {
		out = s.cookieName(name) + "=" + out
	}
	if !more {
		return out
	}
	for attr := range strings.SplitSeq(rest, ";") {
		out += "; " + s.attribute(strings.TrimSpace(attr))
	}
	return out
}

func (s *Scrubber) attribute(attr string) string {
	name, value, _ := strings.Cut(attr, "=")
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "secure", "httponly", "partitioned", "samesite", "max-age", "priority", "version":
		if len(attr) <= 40 && !tokenLike(value) {
			return attr
		}
	case "expires":
		if v := strings.TrimSpace(value); v == "" || v == "0" || v == "-1" || cookieDate.MatchString(v) {
			return attr
		}
	case "domain":
		if hostLike.MatchString(strings.TrimSpace(value)) {
			return attr
		}
	case "path":
		return name + "=" + s.path(strings.TrimSpace(value))
	case "":
		return ""
	}
	s.Count("cookie attribute", "")
	if k := s.name(name); k != "" && len(k) < 16 {
		return k
	}
	return "x"
}

var cookieDate = regexp.MustCompile(`^(?:[A-Za-z]{3,9},? )?\d{1,2}[ -][A-Za-z]{3}[ -]\d{2,4} \d{1,2}:\d{2}:\d{2}(?: [A-Z]{3})?$`)

var hostLike = regexp.MustCompile(`^\.{0,2}[A-Za-z0-9*\-._]{0,120}(?::\d{1,5})?$|^https?://[A-Za-z0-9\-.]{1,100}(?::\d{1,5})?/?$|^\[[0-9a-fA-F:.]+\]$`)

// path scrubs a path: segments that look like identifiers or tokens become ":id", parameters go.
func (s *Scrubber) path(p string) string {
	if p == "" {
		return ""
	}
	out := session.RouteOf([]byte(p))
	segments := strings.Split(out, "/")
	for i, seg := range segments {
		if tokenLike(seg) && seg != ":id" {
			segments[i] = ":id"
		}
	}
	if out = strings.Join(segments, "/"); out != p {
		s.Count("path segment", "")
	}
	return out
}

// URL scrubs an address: no user information, no fragment, names of the query without their values.
func (s *Scrubber) URL(text string) string {
	if text == "" {
		return ""
	}
	text, fragment, cut := strings.Cut(text, "#")
	if cut && fragment != "" {
		s.Count("fragment", "")
	}
	base, query, has := strings.Cut(text, "?")
	prefix := ""
	if i := strings.Index(base, "://"); i >= 0 {
		rest := base[i+3:]
		authority, path := rest, ""
		if j := strings.IndexByte(rest, '/'); j >= 0 {
			authority, path = rest[:j], rest[j:]
		}
		if at := strings.LastIndexByte(authority, '@'); at >= 0 {
			s.Count("user information in a URL", "")
			authority = authority[at+1:]
		}
		scheme := base[:i]
		if !nameLike.MatchString(scheme) || !hostLike.MatchString(authority) {
			s.Count("address", "")
			return Gone
		}
		prefix, base = scheme+"://"+authority, path
	} else if strings.HasPrefix(base, "data:") || strings.HasPrefix(base, "blob:") || !strings.HasPrefix(base, "/") {
		s.Count("address", "")
		return Gone
	}
	out := prefix + s.path(base)
	if has {
		out += "?" + s.query(query)
	}
	return out
}

// query keeps the names of a query.
func (s *Scrubber) query(q string) string {
	if q == "" {
		return ""
	}
	var out []string
	for part := range strings.SplitSeq(q, "&") {
		name, value, found := strings.Cut(part, "=")
		if plainName, err := url.QueryUnescape(name); err == nil {
			name = plainName
		}
		shown := s.name(name)
		switch {
		case !found || shown == "":
			s.Count("query", "")
			out = append(out, "x")
		case value == "":
			out = append(out, shown+"=")
		default:
			s.Count("query", shown)
			out = append(out, shown+"="+Gone)
		}
	}
	return strings.Join(out, "&")
}

// keptFields are header fields whose values say nothing about anybody; they are still looked through for tokens.
var keptFields = setOf("accept", "accept-encoding", "accept-language", "accept-ranges", "age", "allow", "alt-svc", "cache-control", "cf-cache-status",
	"connection", "content-encoding", "content-length", "content-type", "date", "expires", "host", ":authority", ":method", ":scheme", ":status", "keep-alive", "last-modified",
	"pragma", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "sec-fetch-user", "server", "strict-transport-security",
	"transfer-encoding", "upgrade-insecure-requests", "user-agent", "vary", "via", "x-cache", "x-cache-status", "x-forwarded-proto",
	"access-control-allow-credentials", "access-control-allow-methods", "access-control-allow-headers", "access-control-request-method",
	"access-control-request-headers", "access-control-max-age", "x-powered-by")

// Header scrubs the value of a header field.
func (s *Scrubber) Header(name, value string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	switch name {
	case "cookie":
		return s.Cookie(value)
	case "set-cookie":
		var lines []string
		for _, l := range appendLines(nil, value) {
			lines = append(lines, s.SetCookie(string(l)))
		}
		return strings.Join(lines, "\n")
	case "referer", "origin", "location", "content-location", ":path", "access-control-allow-origin":
		if value == "null" || value == "*" || value == "" {
			return value
		}
		return s.URL(value)
	case "x-forwarded-for", "x-real-ip", "true-client-ip", "cf-connecting-ip":
		s.Count("address", name)
		return s.addresses(value)
	case "x-request-id", "x-correlation-id", "request-id", "x-amzn-trace-id", "traceparent":
		if idLike.MatchString(value) {
			return value // joins sources; it opens nothing
		}
	}
	if keptFields[name] {
		return s.Text(value)
	}
	if value == "" {
		return ""
	}
	s.Count("header", name)
	return Gone
}

var (
	idLike    = regexp.MustCompile(`^(?:Root=|Self=)?[0-9A-Fa-f]{1,40}(?:[-:][0-9A-Fa-f]{1,40}){0,6}$`)
	tokenRuns = regexp.MustCompile(`[A-Za-z0-9+/_~%=\-]{4,}`)
	harmless  = regexp.MustCompile(`^[A-Za-z][A-Za-z+.\-]{0,23}/[0-9._]{1,20}$|^[0-9][0-9._:]{0,23}$|^[A-Za-z]+=[0-9.]{1,12}$|^(?i:x86_64|x64|win64|wow64|i[3-6]86|amd64|arm64|aarch64|armv\d\w?|utf-8|iso-8859-\d+|http/\d|rv:[\d.]+|h[23]=?)$|^[0-9]{1,4}(?:[_\-][0-9]{1,4}){0,4}$`)
)

// Text scrubs words: tokens go, the others stay.
func (s *Scrubber) Text(text string) string {
	return tokenRuns.ReplaceAllStringFunc(text, func(run string) string {
		if harmless.MatchString(run) || !tokenLike(run) {
			return run
		}
		s.Count("token", "")
		return "x"
	})
}

// tokenLike reports whether a word may be a secret: long, or letters mixed with digits.
func tokenLike(w string) bool {
	letters, digits := 0, 0
	for _, c := range w {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case unicode.IsLetter(c):
			letters++
		}
	}
	switch {
	case len(w) > 48:
		return true
	case digits == 0:
		return letters >= 24 && !strings.ContainsAny(w, "-_. /")
	case letters == 0:
		return digits > 14
	}
	return len(w) >= 16 || digits >= 4
}

// addresses keys each address of a list.
func (s *Scrubber) addresses(list string) string {
	var out []string
	for part := range strings.SplitSeq(list, ",") {
		out = append(out, s.Address(strings.TrimSpace(part)))
	}
	return strings.Join(out, ", ")
}

// Address keeps an address's network (/24, /48) and puts a keyed number in the place of the host, so that two clients of
// one network stay two. What is no address becomes "x".
func (s *Scrubber) Address(text string) string {
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return "x"
	}
	a = a.Unmap().WithZone("")
	p := s.Key.Pseudonym([]byte("address " + a.String()))
	if b := a.As4; a.Is4() {
		v4 := b()
		v4[3] = p[0]
		return netip.AddrFrom4(v4).String()
	}
	v6 := a.As16()
	copy(v6[6:], make([]byte, 8))
	v6[14], v6[15] = p[0], p[1]
	return netip.AddrFrom16(v6).String()
}
