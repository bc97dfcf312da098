package haproxy

import (
	"strings"
	"testing"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// TestNotices: what HAProxy says about servers and itself, as 2.6 wrote it or its source has it.
func TestNotices(t *testing.T) {
	const bsd = "Nov 24 10:39:05 lb1 haproxy[15251]: "
	for _, tt := range []struct {
		line     string
		kind     session.Kind // 0: skipped
		skip     lb.Skip
		pool     string
		instance string
		up       bool
	}{
		{`Server be/s1 is DOWN, reason: Layer4 connection problem, info: "Connection refused", check duration: 0ms. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.`, session.Health, "", "be", "s1", false},
		{`Server be/s1 is UP, reason: Layer7 check passed, code: 200, check duration: 1ms. 1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.`, session.Health, "", "be", "s1", true},
		{`Backup Server be/b1 is DOWN for maintenance.`, session.Health, "", "be", "b1", false},
		{`Server be/s1 is going DOWN for maintenance (No IP for server ). 4 active and 0 backup servers left.`, session.Health, "", "be", "s1", false},
		{`Server be/s1 is stopping, reason: Layer7 check conditionally passed, code: 404. 1 active and 0 backup servers left.`, session.Health, "", "be", "s1", true},
		{`Server be/s1 is UP/READY (leaving forced maintenance).`, session.Health, "", "be", "s1", true},
		{`Server be/s1 is UP/DRAIN (leaving forced maintenance).`, session.Health, "", "be", "s1", true},
		{`Server be/s1 enters drain state.`, session.Health, "", "be", "s1", true},
		{`Server be/s1 was DOWN and now enters maintenance.`, session.Health, "", "be", "s1", false},
		{`Server be/s1 administratively READY thanks to valid DNS answer.`, session.Health, "", "be", "s1", true},
		{`backend be has no server available!`, session.Health, "", "be", "", false},
		{`[ALERT]    (15251) : backend 'be' has no server available!`, session.Health, "", "be", "", false},
		{`[WARNING]  (15251) : Server be/s2 is DOWN, reason: Layer4 timeout, check duration: 2001ms. 0 active and 0 backup servers left.`, session.Health, "", "be", "s2", false},
		{`[WARNING] 049/041157 (4436) : Server be/s2 is UP, reason: Layer4 check passed, check duration: 0ms.`, session.Health, "", "be", "s2", true},
		{`Proxy fe started.`, session.Lifecycle, "", "", "", true},
		{`Proxy fe stopped (cumulated conns: FE: 4, BE: 0).`, session.Lifecycle, "", "", "", false},
		{`[NOTICE]   (1) : New worker (8) forked`, session.Lifecycle, "", "", "", true},
		{`[WARNING]  (1) : Former worker (7) exited with code 0 (Exit)`, session.Lifecycle, "", "", "", false},
		{`[NOTICE]   (1) : haproxy version is 2.6.12-1+deb12u4`, 0, lb.SkipNotice, "", "", false},
		{`Health check for server be/s1 failed, reason: Layer4 timeout, check duration: 2001ms, status: 2/3 UP.`, 0, skipHealthProbe, "", "", false},
		{`be/s1 changed its IP from 10.0.0.1 to 10.0.0.2 by DNS cache.`, 0, lb.SkipNotice, "", "", false},
		{`Connect from 127.0.0.1:36408 to 127.0.0.1:19106 (def/HTTP)`, 0, skipConnect, "", "", false},
		{`127.0.0.1:50780 [24/Nov/2026:10:39:03.119] tcp betcp/t1 1/0/1 113 -- 1/1/0/0/0 0/0`, 0, lb.SkipTCP, "", "", false},
		{`192.168.1.4:50033 [28/Feb/2025:02:43:10.123] frontend/backend: SSL handshake failure (error:0A0000C1:SSL routines::no shared cipher)`, 0, lb.SkipTLSError, "", "", false},
		{`192.168.1.4:50033 [28/Feb/2025:02:43:10.123] frontend/1: Received something which does not look like a PROXY protocol header`, 0, skipConnError, "", "", false},
		{`hello world`, 0, lb.SkipForeign, "", "", false},
		{"a\x00b\x01", 0, lb.SkipBinary, "", "", false},
		{`   `, 0, lb.SkipEmpty, "", "", false},
		{`127.0.0.1:38401 [] lb be/s 0/0/0/155/156 302 15987 - - ---- 18/18/18/0/0 0/0 "GET / HTTP/1.1"`, 0, lb.SkipTime, "", "", false},
		{`127.0.0.1:38037 [09/Dec/2013:12:00:03.205] loadbalancer default/insta`, 0, lb.SkipCut, "", "", false},
	} {
		for _, header := range []string{"", bsd} {
			p := mustParser(t, lb.LogOptions{Year: 2026})
			var e session.Event
			e.Detail = []byte("left over")
			skip := p.Parse([]byte(header+tt.line), &e)
			if tt.kind == 0 {
				if header != "" && strings.TrimSpace(tt.line) == "" {
					continue
				}
				if skip != tt.skip {
					t.Errorf("%s%s: skipped as %q, want %q", header, tt.line, skip, tt.skip)
				}
				continue
			}
			if skip != lb.Read || e.Kind != tt.kind || string(e.Pool) != tt.pool || string(e.Instance) != tt.instance || e.Up != tt.up {
				t.Errorf("%s%s: %q, kind %d, %s/%s up %v", header, tt.line, skip, e.Kind, e.Pool, e.Instance, e.Up)
			}
			if want := time.Date(2026, 11, 24, 10, 39, 5, 0, time.UTC).UnixNano(); header != "" && e.Start != want {
				t.Errorf("%s: time %v", tt.line, time.Unix(0, e.Start).UTC())
			}
		}
	}
}

// TestNoticeWithoutTimeTakesThatOfTheRequestBefore: "log stdout format raw" writes messages without any time.
func TestNoticeWithoutTimeTakesThatOfTheRequestBefore(t *testing.T) {
	p := mustParser(t, lb.LogOptions{})
	var e session.Event
	notice := []byte("Server be/s1 is DOWN, reason: Layer4 timeout, check duration: 2001ms.")
	if skip := p.Parse(notice, &e); skip != lb.Read || e.Start != 0 {
		t.Errorf("before any request: %q, time %d, want 0: unknown", skip, e.Start)
	}
	p.Parse([]byte(`127.0.0.1:39134 [24/Nov/2026:10:39:04.719] fe be/s2 0/0/0/1/81 200 116 - - --NI 1/1/0/0/0 0/0 "GET / HTTP/1.1"`), &e)
	end := time.Date(2026, 11, 24, 10, 39, 4, 800e6, time.UTC).UnixNano()
	if e.End != end {
		t.Fatalf("request ends at %v", time.Unix(0, e.End).UTC())
	}
	if p.Parse(notice, &e); e.Start != end || !strings.HasSuffix(string(e.Detail), string(borrowedTime)) {
		t.Errorf("after a request: time %v, detail %q", time.Unix(0, e.Start).UTC(), e.Detail)
	}
	sampled := mustParser(t, lb.LogOptions{Sample: []byte(string(notice) + "\n" + `127.0.0.1:39134 [24/Nov/2026:10:39:04.719] fe be/s2 0/0/0/1/81 200 116 - - --NI 1/1/0/0/0 0/0 "GET / HTTP/1.1"` + "\n")})
	if sampled.Parse(notice, &e); e.Start != end {
		t.Errorf("with a sample: time %v", time.Unix(0, e.Start).UTC())
	}
}

// TestYearOfTheHeader: RFC 3164 has no year; the requests around tell it, also over New Year.
func TestYearOfTheHeader(t *testing.T) {
	var e session.Event
	p := mustParser(t, lb.LogOptions{})
	p.Parse([]byte(`127.0.0.1:39134 [31/Dec/2026:23:59:59.719] fe be/s2 0/0/0/1/81 200 116 - - --NI 1/1/0/0/0 0/0 "GET / HTTP/1.1"`), &e)
	p.Parse([]byte("Jan  1 00:00:02 lb1 haproxy[1]: Server be/s1 is DOWN, reason: x."), &e)
	if got := time.Unix(0, e.Start).UTC(); !got.Equal(time.Date(2027, 1, 1, 0, 0, 2, 0, time.UTC)) {
		t.Errorf("two seconds later: %v", got)
	}
	p = mustParser(t, lb.LogOptions{Year: 2020, Zone: time.FixedZone("", 3600)})
	p.Parse([]byte("Feb 29 12:00:00 lb1 haproxy[1]: Server be/s1 is DOWN, reason: x."), &e)
	if got := time.Unix(0, e.Start).UTC(); !got.Equal(time.Date(2020, 2, 29, 11, 0, 0, 0, time.UTC)) {
		t.Errorf("year and zone given: %v", got)
	}
}

// TestHeaders: whatever stands in front, the message is found and the time read.
func TestHeaders(t *testing.T) {
	const msg = "Server be/s1 is DOWN, reason: Layer4 timeout, check duration: 2001ms."
	at := time.Date(2026, 11, 24, 10, 39, 5, 0, time.UTC)
	for header, want := range map[string]time.Time{
		"": {}, "haproxy[15251]: ": {}, "<134>Nov 24 10:39:05 haproxy[15251]: ": at, "Nov 24 10:39:05 192.168.4.2 haproxy[7]: ": at, "Nov 24 10:39:05 lb haproxy: ": at,
		"2026-11-24T10:39:05.000000+00:00 ": at, "2026-11-24T11:39:05+01:00 a b haproxy[108]: ": at, "2026-11-24T10:39:05Z lb haproxy[1]: ": at, "2026-11-24T11:39:05+0100 lb haproxy[1]: ": at,
		"<134>1 2026-11-24T10:39:05.000000+00:00 lb haproxy 14389 - - ":                               at,
		"<134>1 2026-11-24T10:39:05Z lb haproxy 14389 ID7 [ex@1 a=\"b]\\]\" c=\"d\"][x] \xef\xbb\xbf": at,
		"<6>2026-11-24T10:39:05.000000+00:00 ":                                                        at, "<6>": {}, "haproxy-1  | ": {}, "haproxy-1  | <134>Nov 24 10:39:05 haproxy[1]: ": at,
		"2026-11-24T10:39:05.000000000Z stdout F ": at, "2026-11-24T10:39:05.000000000Z stderr F [WARNING]  (1) : ": at,
	} {
		p := mustParser(t, lb.LogOptions{Year: 2026})
		var e session.Event
		if skip := p.Parse([]byte(header+msg), &e); skip != lb.Read || string(e.Instance) != "s1" || !strings.HasPrefix(string(e.Detail), msg) {
			t.Errorf("%q: %q, instance %q, detail %q", header, skip, e.Instance, e.Detail)
			continue
		}
		if want.IsZero() != (e.Start == 0) || e.Start != 0 && !time.Unix(0, e.Start).Equal(want) {
			t.Errorf("%q: time %v, want %v", header, time.Unix(0, e.Start).UTC(), want)
		}
	}
}

// TestCutLines: a line cut at its length keeps what stands in front of the cut, and claims nothing more.
func TestCutLines(t *testing.T) {
	whole := strings.Replace(ownLine, "p=\"/cart\"", "p=\"/"+strings.Repeat("x", 900)+"\"", 1)
	p := mustParser(t, lb.LogOptions{Format: ownLogFormat, SessionCookie: "SID"})
	var e session.Event
	if skip := p.Parse([]byte(whole[:1000]), &e); skip != lb.Read || string(e.Host) != "shop.test" || len(e.Target) != 0 || string(e.Instance) != "app1" || e.Session.Empty() {
		t.Errorf("cut in the path: %q, host %q, target of %d bytes", skip, e.Host, len(e.Target))
	}
	if want := session.HasSession | session.HasSetSession | session.HasInstance | session.HasFlow; e.Has&(want|session.HasTarget|session.HasUserAgent|session.HasLocation) != want {
		t.Errorf("facts %b", e.Has)
	}
	at := strings.Index(ownLine, "sess=") + 10
	if skip := p.Parse([]byte(ownLine[:at]), &e); skip != lb.Read || !e.Session.Empty() || e.Has&session.HasSession != 0 || e.TotalMs != 12 {
		t.Errorf("cut in the fingerprint: %q, empty %v, facts %b, %d ms", skip, e.Session.Empty(), e.Has, e.TotalMs)
	}
	if skip := p.Parse([]byte(ownLine[:strings.Index(ownLine, " tsc=")]), &e); skip != lb.SkipCut {
		t.Errorf("cut before the state: %q", skip)
	}
	p = mustParser(t, lb.LogOptions{Sample: []byte(benchLine + "\n")})
	if skip := p.Parse([]byte(benchLine[:len(benchLine)-40]), &e); skip != lb.Read || string(e.Method) != "GET" || !strings.HasPrefix(string(e.Target), "/catalogue/shoes/") || e.Has&session.HasTarget == 0 {
		t.Errorf("httplog cut in the request line: %q, target %q", skip, e.Target)
	}
}
