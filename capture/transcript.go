package capture

import (
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// A part is what the next lines of a transcript belong to.
type part uint8

const (
	between     part = iota // outside of any message
	inRequest               // header of a request
	inAnswer                // header of an answer
	inBody                  // passed over
	inHandNotes             // header fields without a first line
)

// A transcriptReader reads curl's -v, -i and --trace-ascii, header dumps, and what people copy together from them.
type transcriptReader struct {
	l     *liner
	about *About
	do    func(*Exchange) error
	x     Exchange
	open  bool // x holds something
	in    part

	verbose   bool   // lines with > and < were seen: without them nothing is header
	tls       bool   // the present connection speaks TLS
	host      string // of the present connection, from curl's own words
	announced *url.URL
	target    string // request target waiting for its host

	trace traceState

	// echo, if set, is told every line that was understood and what it is: a request's '>', an answer's '<', curl's own
	// '*', a note ' '.
	echo func(mark byte, line string)
}

func (t *transcriptReader) tell(mark byte, line string) {
	if t.echo != nil {
		t.echo(mark, line)
	}
}

func readTranscript(r io.Reader, about *About, do func(*Exchange) error) error {
	return (&transcriptReader{l: newLiner(r), about: about, do: do}).read()
}

func (t *transcriptReader) read() error {
	for {
		line, ok := t.l.next()
		if !ok {
			break
		}
		if err := t.line(line); err != nil {
			return err
		}
	}
	if err := t.finish(); err != nil {
		return err
	}
	if t.l.err != nil {
		return &BrokenError{Kind: t.about.Kind, Offset: t.l.at, Msg: "cannot be read on: " + t.l.err.Error()}
	}
	return nil
}

var (
	traceTime   = regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3,9} (?:\[[^\]]*\] )?`)
	statusLine  = regexp.MustCompile(`^HTTP/(\d(?:\.\d)?) (\d{3})(?: |$)`)
	requestLine = regexp.MustCompile(`^(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) +(\S+)(.*)$`)
	fieldLine   = regexp.MustCompile(`^\s*(:?[A-Za-z][A-Za-z0-9-]*): ?(.*)$`)
)

// line reads one line.
func (t *transcriptReader) line(line string) error {
	line = strings.TrimPrefix(line, "\ufeff")
	if loc := traceTime.FindStringIndex(line); loc != nil {
		line = line[loc[1]:]
	}
	if done, err := t.traced(line); done || err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(line, "* "):
		t.verbose = true
		t.info(line[2:])
		return nil
	case line == ">" || strings.HasPrefix(line, "> "):
		t.verbose = true
		return t.sent(strings.TrimPrefix(line[1:], " "))
	case line == "<" || strings.HasPrefix(line, "< "):
		t.verbose = true
		return t.received(strings.TrimPrefix(line[1:], " "))
	case t.verbose && !statusLine.MatchString(line) && t.in != inAnswer:
		return nil // a body, or curl's progress
	}
	return t.plain(line)
}

// plain reads a line without curl's marks.
func (t *transcriptReader) plain(line string) error {
	if t.verbose { // -v together with -i shows the answer's header twice
		return nil
	}
	if statusLine.MatchString(line) {
		return t.received(line)
	}
	if m := requestLine.FindStringSubmatch(line); m != nil && (t.in != inBody || strings.Contains(m[3], "HTTP/")) {
		return t.noted(m[1], m[2], m[3])
	}
	switch t.in {
	case inBody:
		return nil
	case inRequest:
		return t.sent(line)
	case inAnswer:
		return t.received(line)
	}
	return t.handNote(line)
}

// sent reads a line of a request's header.
func (t *transcriptReader) sent(line string) error {
	if m := requestLine.FindStringSubmatch(line); m != nil {
		if err := t.finish(); err != nil {
			return err
		}
		t.begin()
		t.in = inRequest
		t.tell('>', line)
		t.x.Method, t.target, t.x.SentKnown = m[1], m[2], true
		t.x.Proto = strings.TrimSpace(m[3])
		t.locate("")
		return nil
	}
	if strings.TrimSpace(line) == "" {
		t.in = between
		t.tell('>', "")
		return nil
	}
	if m := fieldLine.FindStringSubmatch(line); m != nil && t.open {
		t.tell('>', line)
		t.requestField(strings.ToLower(m[1]), m[2])
	}
	return nil
}

func (t *transcriptReader) requestField(name, value string) {
	x := &t.x
	if name == "host" || name == ":authority" {
		t.locate(value)
	}
	if !wanted[name] {
		return
	}
	x.Request = append(x.Request, Field{name, Secret(value)})
	if name == "cookie" {
		x.Sent, x.SentKnown = appendPairs(x.Sent, value), true
	}
}

// locate makes the exchange's URL from its target and the host, as far as known.
func (t *transcriptReader) locate(host string) {
	x := &t.x
	x.Target = t.target
	if u := address(t.target); u != nil {
		x.URL = u
		return
	}
	if t.announced != nil && (host == "" || strings.EqualFold(host, t.announced.Host)) && t.announced.RequestURI() == t.target {
		x.URL = t.announced
		return
	}
	if host == "" {
		host = t.host
	}
	if host == "" || !strings.HasPrefix(t.target, "/") {
		return
	}
	scheme := "http"
	if t.tls {
		scheme = "https"
	}
	x.URL = address(scheme + "://" + strings.TrimSpace(host) + t.target)
}

// received reads a line of an answer's header.
func (t *transcriptReader) received(line string) error {
	if m := statusLine.FindStringSubmatch(line); m != nil {
		status, _ := strconv.Atoi(m[2])
		t.tell('<', m[0])
		if status >= 100 && status < 200 && status != 101 {
			t.in = inAnswer
			return nil // an interim answer: its fields count for nothing
		}
		if t.open && t.x.Status != 0 {
			if err := t.finish(); err != nil {
				return err
			}
		}
		if !t.open {
			t.begin()
			t.x.URL = t.announced
		}
		t.x.Status, t.in, t.x.SetKnown = status, inAnswer, true
		return nil
	}
	if strings.TrimSpace(line) == "" {
		if t.in == inAnswer {
			t.tell('<', "")
		}
		t.in = inBody
		return nil
	}
	if t.in != inAnswer {
		return nil
	}
	if m := fieldLine.FindStringSubmatch(line); m != nil {
		t.tell('<', line)
		t.answerField(strings.ToLower(m[1]), m[2])
	}
	return nil
}

func (t *transcriptReader) answerField(name, value string) {
	x := &t.x
	if !wanted[name] {
		return
	}
	if name == "set-cookie" {
		x.SetCookies, x.SetKnown = append(x.SetCookies, Secret(filled(value))), true
		return
	}
	x.Response = append(x.Response, Field{name, Secret(value)})
	if name == "date" && x.Start.IsZero() {
		x.Start = readTime(value)
	}
}

// info reads what curl says about its connection.
func (t *transcriptReader) info(text string) {
	text = strings.TrimSpace(text)
	t.tell('*', text)
	switch {
	case strings.HasPrefix(text, "Trying "), strings.HasPrefix(text, "Host "):
		t.tls = false
	case strings.HasPrefix(text, "Connected to "):
		t.host = strings.Fields(text)[2]
		if i := strings.LastIndex(text, " port "); i >= 0 {
			port, _, _ := strings.Cut(text[i+6:], " ")
			t.tls = t.tls || port == "443"
			if port != "80" && port != "443" {
				t.host += ":" + port
			}
		}
	case strings.HasPrefix(text, "SSL connection using"), strings.Contains(text, "[:scheme: https]"), strings.HasPrefix(text, "ALPN"), strings.HasPrefix(text, "TLSv1"):
		t.tls = true
	case strings.HasPrefix(text, "Issue another request to this URL:"):
		_, rest, _ := strings.Cut(text, "'")
		t.announced = address(strings.TrimSuffix(rest, "'"))
		if t.announced != nil {
			t.tls = t.announced.Scheme == "https"
		}
	}
}

// begin starts an exchange.
func (t *transcriptReader) begin() {
	x := &t.x
	*x = Exchange{N: t.about.Exchanges + 1, At: t.l.n, Request: x.Request[:0], Response: x.Response[:0], Sent: x.Sent[:0],
		SetCookies: x.SetCookies[:0], NotSent: x.NotSent[:0], NotStored: x.NotStored[:0]}
	t.open, t.target = true, ""
}

// finish hands the exchange on, if one is open, and learns from a redirect where the next one goes.
func (t *transcriptReader) finish() error {
	if !t.open {
		return nil
	}
	x := &t.x
	t.open, t.in = false, between
	if loc := x.Response.Get("location"); loc != "" && x.Status >= 300 && x.Status < 400 {
		if next := address(loc); next != nil {
			t.announced = next
		} else if x.URL != nil {
			if ref, err := x.URL.Parse(loc); err == nil {
				t.announced = address(ref.String())
			}
		}
	}
	if x.Method == "" && x.Status == 0 && len(x.SetCookies) == 0 && len(x.Sent) == 0 && !x.SentKnown && len(x.Response) == 0 {
		t.about.skip("lines that are no exchange")
		return nil
	}
	t.about.Exchanges++
	t.about.Cookies = t.about.Cookies || len(x.Sent)+len(x.SetCookies) > 0
	for _, p := range x.Sent {
		if p.Value.Redacted() {
			t.about.Redacted++
		}
	}
	return t.do(x)
}

var sized = regexp.MustCompile(`<(\d+(?:\.\d+)?) ?([kK])i?[bB][^>]*>`)

// filled replaces a placeholder that tells a size ("<6.1 kB>"), as people put it for a long value, by as many letters.
func filled(line string) string {
	return sized.ReplaceAllStringFunc(line, func(p string) string {
		m := sized.FindStringSubmatch(p)
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil || n > 1000 {
			return p
		}
		return strings.Repeat("x", int(n*1000))
	})
}
