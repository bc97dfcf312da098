package capture

import (
	"regexp"
	"strconv"
	"strings"
)

// What people write into tickets is header lines with words around them: "POST /payment/callback Referer:
// https://bank.example (no laravel_session)". This file reads such notes as far as they can be understood.

var (
	inBrackets = regexp.MustCompile(`\(([^()]*)\)`)
	arrow      = regexp.MustCompile(`(?:->|→|=>) *(\d{3})\b`)
	hostNote   = regexp.MustCompile(`(?i)^\s*(?:request |public )?host: *(\S+)\s*$`)
	noCookie   = regexp.MustCompile(`(?i)^no (?:session )?cookies?(?: header)?$|^without cookies?$`)
	noNamed    = regexp.MustCompile(`^no ([A-Za-z0-9_.\-]+)$`)
	agentNote  = regexp.MustCompile(`(?i)^(?:user-agent:?|ua:?) +(.+)$`)
	fieldStart = regexp.MustCompile(`(?:^|[\s;,])([A-Za-z][A-Za-z-]{2,30}): `)
)

// noted begins an exchange from a request line with whatever stands behind it.
func (t *transcriptReader) noted(method, target, rest string) error {
	if strings.Contains(rest, "HTTP/") {
		return t.sent(method + " " + target + rest)
	}
	if err := t.finish(); err != nil {
		return err
	}
	t.begin()
	t.in = inHandNotes
	t.x.Method, t.target = method, target
	t.locate("")
	t.tell('n', method+" "+target)
	return t.handNote(rest)
}

// handNote reads a line of notes: header fields, a status behind an arrow, remarks in brackets.
func (t *transcriptReader) handNote(line string) error {
	if strings.TrimSpace(line) == "" {
		if t.in == inHandNotes && t.open && (t.x.Status != 0 || len(t.x.SetCookies) > 0 || t.x.SentKnown) {
			return t.finish()
		}
		return nil
	}
	if m := hostNote.FindStringSubmatch(line); m != nil {
		if err := t.opened(true); err != nil {
			return err
		}
		t.tell('n', "host: "+m[1])
		if t.target == "" {
			t.target = "/"
		}
		t.locate(m[1])
		return nil
	}
	remarks := inBrackets.FindAllStringSubmatch(line, -1)
	line = inBrackets.ReplaceAllString(line, "")
	if m := arrow.FindStringSubmatch(line); m != nil && t.open {
		t.x.Status, _ = strconv.Atoi(m[1])
		t.tell('n', "-> "+m[1])
		line = arrow.ReplaceAllString(line, "")
	}
	if err := t.notedFields(line); err != nil {
		return err
	}
	for _, r := range remarks {
		t.remark(strings.TrimSpace(r[1]))
	}
	return nil
}

// notedFields reads the header fields that stand in a line, one behind the other.
func (t *transcriptReader) notedFields(line string) error {
	for {
		at := fieldStart.FindStringSubmatchIndex(line)
		if at == nil {
			return nil
		}
		name := strings.ToLower(line[at[2]:at[3]])
		value := line[at[1]:]
		if next := fieldStart.FindStringSubmatchIndex(value); next != nil && wanted[strings.ToLower(value[next[2]:next[3]])] {
			value = value[:next[0]]
		}
		line = line[at[1]+len(value):]
		if !wanted[name] {
			continue
		}
		request := requestOnly[name]
		t.tell('n', name+": "+strings.TrimSpace(value))
		if err := t.opened(request); err != nil {
			return err
		}
		if request {
			t.requestField(name, strings.TrimSpace(value))
		} else {
			t.answerField(name, strings.TrimSpace(value))
		}
	}
}

var requestOnly = setOf("cookie", "host", "origin", "referer", "user-agent", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "sec-fetch-user")

func setOf(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}

// opened makes sure that an exchange is open; a request's field behind an answer begins the next one.
func (t *transcriptReader) opened(request bool) error {
	if t.open && request && (t.x.Status != 0 || len(t.x.SetCookies) > 0) {
		if err := t.finish(); err != nil {
			return err
		}
	}
	if !t.open {
		t.begin()
	}
	t.in = inHandNotes
	return nil
}

// remark reads words in brackets.
func (t *transcriptReader) remark(text string) {
	if !t.open || text == "" {
		return
	}
	x := &t.x
	t.tell('r', text)
	switch {
	case noCookie.MatchString(text):
		x.SentKnown = true
	case noNamed.MatchString(text):
		x.SentKnown = true
		x.Remarks = append(x.Remarks, "without "+plain(noNamed.FindStringSubmatch(text)[1]))
	case agentNote.MatchString(text):
		x.Request = append(x.Request, Field{"user-agent", Secret(agentNote.FindStringSubmatch(text)[1])})
	default:
		x.Remarks = append(x.Remarks, plain(text))
	}
}
