package httpd

import (
	"bytes"
	"cmp"
	"fmt"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
)

// maxLogLine is the longest line that is read, in bytes.
const maxLogLine = 1 << 20

// syslog finds httpd's messages behind syslog's headers.
var syslog = &logtext.Program{Name: "httpd", Begins: func(word []byte) bool {
	return len(word) > 0 && (word[0] == '[' || logtext.IsDigit(word[0]) && bytes.IndexByte(word, '.') > 0)
}}

// A parser reads lines of access logs and of error logs, which some write into one stream.
type parser struct {
	opt      lb.LogOptions
	variants []*variant
	cur      int
	members  *members
	clock    clock
	spans    []int
	scratch  []byte
}

// A variant is a format with what its lines can show.
type variant struct {
	*format
	name string
	has  session.Facts
}

// builtIns are the formats of httpd's own files and of distributions, and our own line; the more telling ones first.
var builtIns = []struct{ name, text string }{
	{"httpd/limpet", ownFormat},
	{"httpd/vhost_combined", `%v:%p ` + `%h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"`},
	{"httpd/combined", builtInFormats["combined"]},
	{"httpd/common", builtInFormats["common"]},
	{"httpd/vhost_common", `%v ` + builtInFormats["common"]},
	{"httpd/vhost", `%v ` + builtInFormats["combined"]},
}

const errorFormat = "httpd/error log"

// newParser compiles what opt declares; the built-in formats are tried on lines that fit none of it.
func newParser(opt lb.LogOptions) (lb.LineParser, error) {
	p := &parser{opt: opt, members: membersOf(opt.Config), clock: clock{zone: opt.Zone}}
	if p.clock.zone == nil {
		p.clock.zone = time.UTC
	}
	if opt.Format != "" {
		if err := p.add("httpd/format", opt.Format); err != nil {
			return nil, fmt.Errorf("httpd log: %w", err)
		}
	}
	if opt.Config != nil {
		for _, l := range opt.Config.Listeners {
			for _, log := range l.Logs {
				if err := p.add("httpd/"+cmp.Or(log.BuiltIn, "format"), log.Format); err != nil {
					return nil, fmt.Errorf("httpd log: %s: %w", log.Pos, err)
				}
			}
		}
	}
	for _, b := range builtIns {
		if err := p.add(b.name, b.text); err != nil {
			return nil, err
		}
	}
	p.pick()
	return p, nil
}

// add compiles one more format, unless it is there already.
func (p *parser) add(name, text string) error {
	for _, v := range p.variants {
		if v.text == text {
			return nil
		}
	}
	f, err := compile(text)
	if err != nil {
		return err
	}
	if len(f.fields) == 0 {
		return nil
	}
	p.variants = append(p.variants, &variant{format: f, name: name, has: p.facts(f)})
	return nil
}

// facts says what a format's lines can show.
func (p *parser) facts(f *format) session.Facts {
	var has session.Facts
	for i := range f.fields {
		fd := &f.fields[i]
		switch fd.what {
		case meansCookie:
			switch {
			case p.isAffinity(fd.arg):
				has |= session.HasAffinity
			case p.isSession(fd.arg):
				has |= session.HasSession
			}
		case meansCookies:
			has |= session.HasSession | session.HasAffinity
		case meansSetCookie:
			has |= session.HasSetSession | session.HasSetAffinity
		default:
			has |= factOf[fd.what]
		}
	}
	return has
}

var factOf = map[meaning]session.Facts{
	meansFingerprint: session.HasSession, meansSetFingerprint: session.HasSetSession, meansWorker: session.HasInstance,
	meansWorkerRoute: session.HasInstance, meansStatus: session.HasStatus, meansRequestID: session.HasRequestID,
	meansUserAgent: session.HasUserAgent, meansReferer: session.HasReferer, meansOrigin: session.HasReferer,
	meansRequest: session.HasTarget, meansPath: session.HasTarget, meansClient: session.HasClient, meansForwardedFor: session.HasClient,
	meansRouteChanged: session.HasFlow, meansAskedRoute: session.HasFlow, meansLocation: session.HasLocation,
}

func (p *parser) isSession(name string) bool {
	if p.opt.SessionCookie != "" {
		return name == p.opt.SessionCookie
	}
	return !p.isAffinity(name)
}

func (p *parser) isAffinity(name string) bool {
	return name == p.opt.AffinityCookie && name != "" || p.members.routeCookie[name]
}

// pick makes the variant that reads most of the sample the first to be tried.
func (p *parser) pick() {
	counts := make([]int, len(p.variants))
	for line := range bytes.Lines(logtext.Head(p.opt.Sample, 64<<10)) {
		line = bytes.TrimRight(line, "\r\n")
		for i, v := range p.variants {
			if _, ok := v.match(line, syslog.Header(line).Msg, p.spans); ok {
				counts[i]++
				break
			}
		}
	}
	for i, n := range counts {
		if n > counts[p.cur] {
			p.cur = i
		}
	}
}

// Format names what the parser reads.
func (p *parser) Format() string {
	if len(p.opt.Sample) > 0 && isErrorLine(p.opt.Sample) {
		return errorFormat
	}
	return p.variants[p.cur].name
}

// Clone returns a parser of the same format for another goroutine.
func (p *parser) Clone() lb.LineParser {
	c := *p
	c.spans, c.scratch = nil, nil
	return &c
}

// Parse reads one line.
func (p *parser) Parse(line []byte, e *session.Event) lb.Skip {
	e.Reset()
	p.scratch = p.scratch[:0]
	line = bytes.TrimRight(line, "\r\n")
	switch {
	case len(line) > maxLogLine:
		return lb.SkipTooLong
	case len(bytes.TrimSpace(line)) == 0:
		return lb.SkipEmpty
	}
	at := syslog.Header(line).Msg
	if isErrorLine(line[at:]) {
		return p.notice(line[at:], e)
	}
	if p.access(line, at, e) || at > 0 && p.access(line, 0, e) { // what looked like a header may be the line's own
		return p.made(e)
	}
	return whyNot(line)
}

// access tries the variants, the last successful one first.
func (p *parser) access(line []byte, at int, e *session.Event) bool {
	if p.with(p.cur, line, at, e) {
		return true
	}
	for i := range p.variants {
		if i != p.cur && p.with(i, line, at, e) {
			p.cur = i
			return true
		}
	}
	return false
}

// made refuses a line without a time: it could not be put in order.
func (p *parser) made(e *session.Event) lb.Skip {
	if e.Start != 0 {
		return lb.Read
	}
	e.Reset()
	return lb.SkipTime
}

// whyNot says why a line fits no format.
func whyNot(line []byte) lb.Skip {
	odd := 0
	for _, c := range line {
		if c < 0x20 && c != '\t' || c == 0x7f {
			odd++
		}
	}
	switch {
	case odd*8 > len(line) || bytes.IndexByte(line, 0) >= 0:
		return lb.SkipBinary
	case bytes.Count(line, []byte{'"'})%2 == 1 && bytes.IndexByte(line, '[') > 0:
		return lb.SkipCut
	}
	return lb.SkipForeign
}

// with lays variant i over the line and fills the event if it fits.
func (p *parser) with(i int, line []byte, at int, e *session.Event) bool {
	v := p.variants[i]
	var ok bool
	if p.spans, ok = v.match(line, at, p.spans); !ok || !v.plausible(line, p.spans) {
		return false
	}
	p.fill(v, line, e)
	return true
}

// plausible refuses lines that fit a format by chance: a status that is no number, a %t without its brackets.
func (v *variant) plausible(line []byte, spans []int) bool {
	for i := range v.fields {
		text := line[spans[2*i]:spans[2*i+1]]
		switch fd := &v.fields[i]; {
		case fd.bracks && (len(text) != 28 || text[0] != '['):
			return false
		case fd.what == meansStatus && string(text) != "-":
			if n, ok := logtext.Number(text); !ok || n < 100 || n > 999 {
				return false
			}
		case fd.what == meansClient && (len(text) == 0 || bytes.IndexByte(text, ' ') >= 0):
			return false
		}
	}
	return true
}
