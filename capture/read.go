package capture

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
)

// Stop is what do returns to end Read without an error.
var Stop = errStop

// Read reads a capture of any kind and lends each exchange to do, in the order of the file. A *BrokenError says where a file
// could not be read on: what stands before it was delivered, and About counts it. An error of do ends it, Stop without being one.
func Read(r io.Reader, do func(*Exchange) error) (About, error) {
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(r, head)
	head = head[:n]
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF && n == 0 {
		return About{}, &BrokenError{Msg: "cannot be read: " + err.Error()}
	}
	all := io.MultiReader(bytes.NewReader(head), r)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		all = io.MultiReader(bytes.NewReader(head), failing{err})
	}
	about := About{Kind: Sniff(head)}
	switch about.Kind {
	case HAR:
		err = readHAR(all, &about, do)
	case Transcript, Headers, SetCookie:
		err = readTranscript(all, &about, do)
	default:
		return about, &BrokenError{Msg: "this is no capture that limpet knows: no HAR, no curl transcript, no header of an answer"}
	}
	if errors.Is(err, errStop) {
		err = nil
	}
	return about, err
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

var (
	verboseMark = regexp.MustCompile(`(?m)^(?:\d\d:\d\d:\d\d\.\d+ )?(?:[<>] (?:HTTP/\d|[A-Z]+ \S+ HTTP/\d)|== Info: |=> Send |<= Recv )`)
	answerMark  = regexp.MustCompile(`(?m)^HTTP/\d(?:\.\d)? \d{3}(?: |\r?$)`)
	fieldMark   = regexp.MustCompile(`(?mi)(?:^|\s)(?:set-cookie|cookie): *[^\s;=]+=`)
	noteMark    = regexp.MustCompile(`(?m)^(?:GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) +(?:/|https?://)\S*(?: *\(no |.* -> \d{3}|.*(?:Referer|Origin): |[ \t]*\r?$)`)
)

// Sniff says what kind of capture begins with head, Unknown for none.
func Sniff(head []byte) Kind {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(text) == 0 {
		return Unknown
	}
	if text[0] == '{' {
		return sniffJSON(text)
	}
	if bytes.HasPrefix(head, []byte{0xff, 0xfe}) && bytes.Contains(head, []byte("l\x00o\x00g\x00")) {
		return HAR // UTF-16: reading it says so
	}
	switch {
	case verboseMark.Match(text):
		return Transcript
	case answerMark.Match(text[:min(len(text), 4096)]):
		return Headers
	case fieldMark.Match(text) || noteMark.Match(text):
		if looksLikeLog(text) {
			return Unknown
		}
		return Headers
	}
	return Unknown
}

// sniffJSON tells a HAR from JSON lines: it is one object whose first key is "log", wherever the file was cut.
func sniffJSON(text []byte) Kind {
	rest := bytes.TrimLeft(text[1:], " \t\r\n")
	if bytes.HasPrefix(rest, []byte(`"log"`)) {
		rest = bytes.TrimLeft(bytes.TrimLeft(rest[5:], " \t\r\n"), ":")
		if rest = bytes.TrimLeft(rest, " \t\r\n"); len(rest) == 0 || rest[0] == '{' {
			return HAR
		}
	}
	if i := bytes.IndexByte(text, '\n'); i >= 0 && bytes.Count(text[:i], []byte("{")) == bytes.Count(text[:i], []byte("}")) {
		return Unknown // a line of JSON
	}
	if bytes.Contains(text, []byte(`"entries"`)) && bytes.Contains(text, []byte(`"log"`)) {
		return HAR
	}
	return Unknown
}

// looksLikeLog reports whether lines begin with times, addresses or other lines' heads, as logs do.
func looksLikeLog(text []byte) bool {
	lines, dated := 0, 0
	for line := range bytes.Lines(text) {
		if lines++; lines > 20 {
			break
		}
		if logHead.Match(line) {
			dated++
		}
	}
	return dated*2 > lines
}

var logHead = regexp.MustCompile(`^(?:<\d+>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:|\d{4}[-/]\d\d[-/]\d\d[ T]|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}[ :]|[0-9a-f:]+ - |\[?\d\d/[A-Z][a-z]{2}/)`)

// Line reads one Set-Cookie value, or a whole header line with its name, as an argument gives it. ok is false if the
// text is none.
func Line(text string) (Exchange, bool) {
	text = strings.TrimSpace(text)
	if m := fieldLine.FindStringSubmatch(text); m != nil && strings.EqualFold(m[1], "set-cookie") {
		text = m[2]
	}
	pair, _, attributes := strings.Cut(text, ";")
	if !strings.Contains(pair, "=") && !attributes || strings.ContainsAny(text, "\n") {
		return Exchange{}, false
	}
	return Exchange{N: 1, At: 1, SetCookies: []Secret{Secret(filled(text))}, SetKnown: true}, true
}
