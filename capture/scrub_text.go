package capture

import (
	"bufio"
	"io"
	"strings"
)

// ScrubTranscript copies a curl transcript, a header dump or notes without credentials: the lines of headers that were
// understood, scrubbed; bodies and curl's other words are left out. A trace comes out in the form of curl -v.
func (s *Scrubber) ScrubTranscript(w io.Writer, r io.Reader) error {
	out := bufio.NewWriterSize(w, 64<<10)
	c := &lineCopier{Scrubber: s, w: out}
	t := &transcriptReader{l: newLiner(r), about: &About{}, do: func(*Exchange) error { return nil }, echo: c.line}
	c.marked = func() bool { return t.verbose || t.trace.on }
	err := t.read()
	c.endNote()
	if n := t.l.n - c.lines; n > 0 {
		s.countAll("line of a body, or not understood", int(n))
	}
	if werr := out.Flush(); werr != nil {
		return werr
	}
	return err
}

func (s *Scrubber) countAll(kind string, n int) {
	s.Count(kind, "")
	s.Removed[kind] += n - 1
}

// A lineCopier writes the lines that a transcriptReader understands.
type lineCopier struct {
	*Scrubber
	w      *bufio.Writer
	marked func() bool // the transcript marks its lines with >, < and *
	lines  int64
	note   bool // a line of notes is unfinished
}

func (c *lineCopier) line(mark byte, line string) {
	switch mark {
	case 'n':
		c.noted(line)
		return
	case 'r':
		c.remark(line)
		return
	}
	c.endNote()
	c.lines++
	if mark == '*' {
		line = c.info(line)
	} else {
		line = c.header(line)
	}
	if c.marked() {
		_, _ = c.w.WriteString(string(mark) + " " + line + "\n")
		return
	}
	if mark != '*' {
		_, _ = c.w.WriteString(line + "\n")
	}
}

// header scrubs a line of a message's header.
func (c *lineCopier) header(line string) string {
	if m := requestLine.FindStringSubmatch(line); m != nil {
		return m[1] + " " + c.target(m[2]) + " " + c.Text(strings.TrimSpace(m[3]))
	}
	if statusLine.MatchString(line) || line == "" {
		return line
	}
	m := fieldLine.FindStringSubmatch(line)
	if m == nil {
		return Gone
	}
	name := m[1]
	if c.name(name) == "" {
		name = "x-" + c.short(name)
	}
	return name + ": " + c.Header(m[1], m[2])
}

func (c *lineCopier) target(t string) string {
	if t == "*" {
		return t
	}
	return c.URL(t)
}

// info keeps those of curl's words that reading the transcript needs.
func (c *lineCopier) info(text string) string {
	words := strings.Fields(text)
	switch {
	case strings.HasPrefix(text, "Connected to ") && len(words) > 2 && hostLike.MatchString(words[2]):
		_, port, _ := strings.Cut(text, " port ")
		port, _, _ = strings.Cut(port, " ")
		if !harmless.MatchString(port) {
			port = "0"
		}
		return "Connected to " + words[2] + " port " + port
	case strings.HasPrefix(text, "SSL connection using"):
		return "SSL connection using TLS"
	case strings.HasPrefix(text, "Trying "):
		return "Trying"
	case strings.Contains(text, "[:scheme: https]"):
		return "[HTTP/2] [:scheme: https]"
	case strings.HasPrefix(text, "Issue another request to this URL:"):
		_, rest, _ := strings.Cut(text, "'")
		return "Issue another request to this URL: '" + c.URL(strings.TrimSuffix(rest, "'")) + "'"
	}
	c.Count("curl's own words", "")
	return Gone
}

// noted scrubs a piece of handwritten notes; the pieces of one line stay together.
func (c *lineCopier) noted(piece string) {
	if m := requestLine.FindStringSubmatch(piece); m != nil {
		c.endNote()
		c.piece(m[1] + " " + c.target(m[2]))
		return
	}
	if arrow.MatchString(piece) {
		c.piece(piece)
		return
	}
	name, value, _ := strings.Cut(piece, ": ")
	if name == "cookie" || name == "set-cookie" || name == "host" {
		c.endNote()
	}
	c.piece(name + ": " + c.Header(name, value))
}

func (c *lineCopier) piece(text string) {
	if c.note {
		_ = c.w.WriteByte(' ')
	} else {
		c.lines++
	}
	c.note = true
	_, _ = c.w.WriteString(text)
}

// remark keeps what is said in brackets if it is about cookies or a User-Agent.
func (c *lineCopier) remark(text string) {
	switch {
	case noCookie.MatchString(text):
		c.piece("(no cookie)")
	case noNamed.MatchString(text):
		c.piece("(no " + c.cookieName(noNamed.FindStringSubmatch(text)[1]) + ")")
	case agentNote.MatchString(text):
		c.piece("(User-Agent: " + c.Text(agentNote.FindStringSubmatch(text)[1]) + ")")
	default:
		c.Count("remark", "")
	}
}

func (c *lineCopier) endNote() {
	if c.note {
		_ = c.w.WriteByte('\n')
		c.note = false
	}
}
