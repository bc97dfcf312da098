package haproxy

import (
	"testing"

	"limpet.dev/internal/need"
	"limpet.dev/lb"
	"limpet.dev/session"
)

// FuzzParser: no line makes the parser panic, and every line is an event with a kind or is skipped for a reason.
func FuzzParser(f *testing.F) {
	for _, line := range []string{benchLine, capturedLine, ownLine, "", "\x00", "<134>1 - - - - - - x", `Nov 24 10:00:00 lb haproxy[1]: Server be/s1 is DOWN, reason: x`,
		`[ALERT]    (15251) : backend 'be' has no server available!`, `127.0.0.1:50780 [24/Nov/2026:10:39:03.119] tcp betcp/t1 1/0/1 113 -- 1/1/0/0/0 0/0`,
		`127.0.0.1 - - [24/Nov/2026:10:39:03 +0000] "GET /redir HTTP/1.1" 302 154 "" "" 57580 101 "clf" "be" "s2" 0 0 0 1 1 --NI 1 1 0 0 0 0 0 "SID=foo" "" "curl/7.88.1" "http://x.test/login?next=/a"`,
		`{"time":"24/Nov/2026:10:39:03.119","status":200,"srv":"a"}`} {
		f.Add(line)
	}
	for _, line := range need.Lines("logs/haproxy", 20) {
		f.Add(string(line))
	}
	parsers := []lb.LineParser{}
	for _, opt := range []lb.LogOptions{{Sample: []byte(benchLine + "\n" + capturedLine + "\n"), Year: 2026}, {Format: ownLogFormat, SessionCookie: "SID"},
		{Format: `%{+json}o %(t)tr %(ua)[capture.req.hdr(0)] %(st)ST`}, {Format: `%Ts%ms%ci%cp%HQ%hr%hs %hrl %hsl`}} {
		p, err := newParser(opt)
		if err != nil {
			f.Fatal(err)
		}
		parsers = append(parsers, p)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, p := range parsers {
			var e session.Event
			e.Reset()
			if skip := p.Parse([]byte(line), &e); skip == lb.Read && e.Kind == 0 {
				t.Errorf("%q: an event without a kind", line)
			}
		}
		sniffLog([]byte(line))
	})
}

// FuzzFormat: no format makes the compiler, the parser or the writer panic, and what the writer writes in an accepted
// format is an event or a skip.
func FuzzFormat(f *testing.F) {
	for _, text := range []string{formatHTTPLog, formatHTTPSLog, formatTCPLog, formatCLFLog, formatDefault, ownLogFormat, `%{+Q}o\ %t\ %s\ %{-Q}r`, `"%ci %[capture.req.hdr(0),regsub([a-z],x)]"`,
		`%{+json}o %(a)ci %(b:sint)[var(txn.x)]`, "%", "%%", "%{", "%[", "%(x", "%Ts%ms", `{\"dip\":\"%fi\"}`} {
		f.Add(text, "x")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		p, err := newParser(lb.LogOptions{Format: text})
		if err != nil {
			return
		}
		w, err := newWriter(lb.LogOptions{Format: text})
		if err != nil {
			t.Fatalf("%q: read but not written: %v", text, err)
		}
		r := sampleRecord()
		r.UserAgent, r.Host, r.Session = value, value, value
		line := w.AppendRequest(nil, r)
		var e session.Event
		p.Parse(line[:len(line)-1], &e)
		p.Clone().Parse([]byte(value), &e)
	})
}
