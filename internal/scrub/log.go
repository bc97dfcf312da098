package scrub

import (
	"regexp"
	"slices"
	"strings"

	"limpet.dev/capture"
	"limpet.dev/lb"
	"limpet.dev/session"
)

// A logLine scrubs the lines of one log. What the log's own parser found is treated as what it is: credentials become
// pseudonyms, addresses networks, targets lose their queries. The rest of the line is then looked through word by word.
type logLine struct {
	s      *capture.Scrubber
	parser lb.LineParser
	e      session.Event
	parts  []replaced
}

// A replaced is a text of the line and what stands for it.
type replaced struct{ was, now string }

func (l *logLine) scrub(line []byte) ([]byte, bool) {
	switch why := l.parser.Parse(line, &l.e); why {
	case lb.Read:
	case lb.SkipNotice, lb.SkipTCP, lb.SkipTLSError:
		l.e.Reset()
	default:
		return nil, false
	}
	l.parts = l.parts[:0]
	l.known()
	return []byte(l.write(string(line))), true
}

// known gathers what the parser found.
func (l *logLine) known() {
	e := &l.e
	l.credential("cookie", e.Session)
	l.credential("cookie set", e.SetSession)
	l.credential("cookie", e.Previous)
	l.value("affinity cookie", e.Affinity)
	l.value("affinity cookie set", e.SetAffinity)
	if len(e.Client) > 0 {
		l.put(e.Client, l.s.Address(string(e.Client)))
	}
	if code := strings.TrimRight(string(e.Flow.Code[:]), "\x00"); code != "" {
		l.put([]byte(code), code)
	}
	l.put(e.Scheme, string(e.Scheme))
	l.put(e.Target, l.url(e.Target))
	l.put(e.Referer, l.url(e.Referer))
	l.put(e.Location, l.url(e.Location))
	l.put(e.UserAgent, l.s.Text(string(e.UserAgent)))
	for _, same := range [][]byte{e.Instance, e.Pool, e.Listener, e.Host} {
		if ownName.Match(same) {
			l.put(same, string(same))
		}
	}
	if id := e.RequestID; requestID.Match(id) {
		l.put(id, string(id))
	}
	if id := e.TraceID; requestID.Match(id) {
		l.put(id, string(id))
	}
}

// ownName is how people name instances, pools and hosts.
var ownName = regexp.MustCompile(`^[A-Za-z0-9_.:~\-<>\[\]/]{1,100}$`)

var requestID = regexp.MustCompile(`^[0-9A-Fa-f:_\-]{6,72}$`)

func (l *logLine) url(v []byte) string {
	t := string(v)
	switch {
	case t == "" || t == "-" || t == "*" || t == "<BADREQ>":
		return t
	case t[0] != '/' && !strings.Contains(t, "://"): // a Referer's bare host
		return l.s.Header("host", t)
	}
	return l.s.URL(t)
}

func (l *logLine) credential(kind string, c session.Credential) {
	switch {
	case c.Empty():
	case c.Fingerprint:
		l.put(c.Raw, string(c.Raw))
	case c.Cut:
		l.s.Count(kind, "")
		l.put(c.Raw, "x")
	default:
		l.put(c.Raw, l.s.Credential(kind, "", string(c.Raw)))
	}
}

func (l *logLine) value(kind string, v []byte) {
	if len(v) == 0 {
		return
	}
	now := l.s.Text(string(v))
	if now != string(v) { // not a server's name: opaque
		now = l.s.Credential(kind, "", string(v))
	}
	l.put(v, now)
}

func (l *logLine) put(was []byte, now string) {
	if len(was) > 0 {
		l.parts = append(l.parts, replaced{string(was), now})
	}
}

// write replaces the known parts, the longest first, each only where it stands as a word, and scrubs what lies between.
func (l *logLine) write(line string) string {
	slices.SortStableFunc(l.parts, func(a, b replaced) int { return len(b.was) - len(a.was) })
	return l.between(line, 0)
}

func (l *logLine) between(text string, part int) string {
	if text == "" {
		return ""
	}
	for ; part < len(l.parts); part++ {
		p := l.parts[part]
		if i := wordAt(text, p.was); i >= 0 {
			return l.between(text[:i], part) + p.now + l.between(text[i+len(p.was):], part)
		}
	}
	return l.rest(text)
}

// wordAt finds word in text where neither neighbour is a letter or digit of the same word.
func wordAt(text, word string) int {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return -1
		}
		i += from
		end := i + len(word)
		if (i == 0 || !alnum(text[i-1]) || !alnum(word[0])) && (end == len(text) || !alnum(text[end]) || !alnum(word[len(word)-1])) {
			return i
		}
		from = i + 1
	}
}

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

var (
	// moments are the ways in which logs write times; they stay.
	moments = regexp.MustCompile(`\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?:\.\d{1,9})?(?: [+-]\d{4})?|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d`)

	addresses = regexp.MustCompile(`https?://[^\s"'|{}<>]+|/[^\s"'|{}<>?]*\?[^\s"'|{}<>]*`)
	schemes   = regexp.MustCompile(`(?i)\b(bearer|basic|digest|negotiate|token|apikey) +[^\s"'|{}]+`)
	pairs     = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_.\-]{0,63})=("[^"]*"|[^\s;,"|{}&]+)`)
)

// rest scrubs what no parser knows: times stay, the values of name=value go, of the words those that may be tokens.
func (l *logLine) rest(text string) string {
	var b strings.Builder
	for {
		m := moments.FindStringIndex(text)
		if m == nil {
			b.WriteString(l.words(text))
			return b.String()
		}
		b.WriteString(l.words(text[:m[0]]))
		b.WriteString(text[m[0]:m[1]])
		text = text[m[1]:]
	}
}

func (l *logLine) words(text string) string {
	text = schemes.ReplaceAllStringFunc(text, func(m string) string {
		l.s.Count("authorization", "")
		scheme, _, _ := strings.Cut(m, " ")
		return scheme + " x"
	})
	text = addresses.ReplaceAllStringFunc(text, l.s.URL)
	text = pairs.ReplaceAllStringFunc(text, func(m string) string {
		name, value, _ := strings.Cut(m, "=")
		if harmlessValue.MatchString(value) || len(value) == 28 && strings.HasPrefix(value, "s:") {
			return m
		}
		return name + "=" + l.s.Credential("value of", name, value)
	})
	return l.s.Text(text)
}

// harmlessValue is what balancers write behind name=: numbers, addresses are handled elsewhere.
var harmlessValue = regexp.MustCompile(`^"?(?:[+-]?\d{1,13}(?:\.\d{1,6})?[a-z]{0,2}|\d{1,9}(?:/\d{1,9}){1,5}|-|true|false|on|off|[A-Z]{1,8}|0x[0-9a-f]{1,8})"?$`)
