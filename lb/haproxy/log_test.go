package haproxy

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// copyEvent returns an event whose bytes belong to nobody else.
func copyEvent(e *session.Event) session.Event {
	c := *e
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		if b, ok := v.Field(i).Interface().([]byte); ok && b != nil {
			v.Field(i).SetBytes(append([]byte{}, b...))
		}
	}
	for _, cred := range []*session.Credential{&c.Session, &c.SetSession, &c.Previous} {
		cred.Raw = append([]byte(nil), cred.Raw...)
	}
	return c
}

// sameEvent compares two events field by field; empty and nil bytes are equal.
func sameEvent(t *testing.T, what string, got, want session.Event) {
	t.Helper()
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		if a, b := fmt.Sprintf("%q", fmt.Sprintf("%v", g.Field(i))), fmt.Sprintf("%q", fmt.Sprintf("%v", w.Field(i))); a != b {
			t.Errorf("%s: %s: got %s, want %s", what, g.Type().Field(i).Name, a, b)
		}
	}
}

// randomHTTPLog writes default httplog lines with the oddities that real ones have.
func randomHTTPLog(rng *rand.Rand) string {
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	num := func() string {
		return pick("-1", "0", "1", "12", "345", "6789", "12345", "1234567")
	}
	head := pick("", "", "Nov 24 10:00:00 lb1 haproxy[14389]: ", "Nov  4 10:00:00 haproxy[14389]: ", "<134>Nov 24 10:00:00 lb1 haproxy[1]: ",
		"2026-11-24T10:00:00.123456+00:00 a b haproxy[108]: ", "2026-11-24T10:00:00.123456+00:00 ", "<134>1 2026-11-24T10:00:00+01:00 lb haproxy 14 - - ", "haproxy[12]: ", "haproxy-1  | ")
	captured := pick("", "", "{a.test|Mozilla/5.0 (X11) x} ", "{} ", "{a#7Cb|c d} {http://x/|} ", "{|} {} ")
	return head + pick("10.1.2.3:41234", "1.1.1.1:80", "2001:db8::1:65535", "127.0.0.1:0") +
		" [" + pick("24/Nov/2026:10:00:00.123", "24/Nov/2026:10:00:01.999", "25/Nov/2026:00:00:00.000", "09/Aug/2004:20:26:09") + "] " +
		pick("fe", "fe_main~", "x.y-z:1") + " " + pick("be", "be_app", "default") + "/" + pick("app1", "<NOSRV>", "s", "<STATS>", "pod:a:10.1.1.1:80") + " " +
		num() + "/" + num() + "/" + num() + "/" + num() + "/" + pick("0", "5", "+12", "123456") + " " + pick("200", "302", "-1", "503", "0") + " " + pick("0", "1543", "+99", "123456789") + " " +
		pick("-", "-", "SID=abc", "SID=", "SRV=a", "SID=a b\"c", "SIDX=1", "SID=0123456789012345") + " " + pick("-", "-", "SID=new", "SID=x; Path=/", "SID=deleted") + " " +
		pick("----", "--VN", "--NI", "SCDI", "CD--", "cR--", "sHVN", "PR--", "LR--", "IH--") + " 1/1/" + pick("0", "1", "12") + "/0/" + pick("0", "3", "+1", "+0") + " " + pick("0", "1") + "/" + pick("0", "7") + " " + captured +
		pick(`"GET / HTTP/1.1"`, `"POST /a/b?c=d HTTP/1.0"`, `"GET /x#22y#23 HTTP/2.0"`, `"<BADREQ>"`, `""`, `"GET http://h/x"`, `"PROPFIND /a b HTTP/1.1"`, `"GET /cut`) +
		pick("", "", "", " 0/0000000000000000/0/0/0 -/TLSv1.3/TLS_AES_256_GCM_SHA384", "\r", " ")
}

// TestFastPathReadsWhatTheFormatSays: the fast path gives exactly the event that the format's own
// steps give, and leaves nothing of the event before.
func TestFastPathReadsWhatTheFormatSays(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	cfg := &topology.Config{Listeners: []topology.Listener{{Name: "fe", HTTP: true,
		Logs:    []topology.Log{{Format: formatHTTPLog}},
		Capture: []string{"cookie SID= len 16", "request header Host len 20", "request header User-Agent len 12", "response header Location len 50"}}}}
	for name, opt := range map[string]lb.LogOptions{
		"nothing known":    {Year: 2026},
		"names known":      {Year: 2026, SessionCookie: "SID", AffinityCookie: "SRV"},
		"configuration":    {Year: 2026, SessionCookie: "SID", AffinityCookie: "SRV", Config: cfg},
		"httpslog":         {Year: 2026, Format: "httpslog", SessionCookie: "SID"},
		"another listener": {Year: 2026, Zone: time.FixedZone("", 7200), Config: cfg},
	} {
		t.Run(name, func(t *testing.T) {
			quick, slow := mustParser(t, opt), mustParser(t, opt)
			var a, b session.Event
			fast := 0
			for range 8000 {
				line := []byte(randomHTTPLog(rng))
				a.Reason, a.Release, a.Cleared, a.Cart = []byte("left over"), []byte("left over"), true, 7
				quick.Parse(line, &a) // the second time the header is known
				skipA := quick.Parse(line, &a)
				if quick.fast(quick.variants[0], line, syslog.Header(line).Msg, &session.Event{}) {
					fast++
				}
				skipB := slow.slow(line, &b)
				if skipA != skipB {
					t.Fatalf("skip %q and %q for %s", skipA, skipB, line)
				}
				if skipA == lb.Read && !reflect.DeepEqual(copyEvent(&a), copyEvent(&b)) {
					sameEvent(t, string(line), copyEvent(&a), copyEvent(&b))
					return
				}
			}
			if fast < 60 {
				t.Errorf("only %d of 8000 lines took the fast path", fast)
			}
		})
	}
}

// TestParserAllocatesNothing: neither the fast path nor a format's own steps allocate for a line.
func TestParserAllocatesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		opt  lb.LogOptions
		line string
	}{
		"httplog":           {lb.LogOptions{Sample: []byte(benchLine + "\n"), SessionCookie: "SHOPSESSION"}, benchLine},
		"httplog, captures": {lb.LogOptions{Sample: []byte(capturedLine + "\n")}, capturedLine},
		"escapes":           {lb.LogOptions{}, strings.Replace(benchLine, "/catalogue", "/c#22at#23", 1)},
		"own line":          {lb.LogOptions{Format: ownLogFormat}, ownLine},
		"server notice":     {lb.LogOptions{Year: 2026}, `Nov 24 10:00:00 lb1 haproxy[1]: Server be/s1 is DOWN, reason: Layer4 timeout, check duration: 2001ms.`},
	} {
		p := mustParser(t, c.opt)
		line := []byte(c.line)
		var e session.Event
		if skip := p.Parse(line, &e); skip != lb.Read {
			t.Fatalf("%s: %s", name, skip)
		}
		if n := testing.AllocsPerRun(200, func() { p.Parse(line, &e) }); n != 0 {
			t.Errorf("%s: %.1f allocations a line, want 0", name, n)
		}
	}
}

const capturedLine = `127.0.0.1:39120 [24/Nov/2026:10:39:03.042] fe be/s1 0/0/0/1/1 302 154 SID=abcdefghijklmnop - --NI 1/1/0/0/0 0/0 {Mozilla/5.0 (X11; Linux)|shop.test} {http://x.test/login?next=/a} "GET /redir?x=#22y|z HTTP/1.1"`

// TestCapturesWithAndWithoutConfiguration: braces mean what the listener declares, or what the sample shows.
func TestCapturesWithAndWithoutConfiguration(t *testing.T) {
	cfg := &topology.Config{
		Listeners: []topology.Listener{
			{Name: "fe", HTTP: true, Logs: []topology.Log{{Format: formatHTTPLog}},
				Capture: []string{"cookie SID= len 20", "request header User-Agent len 24", "request sample req.hdr(host) len 50", "response header Location len 50"}},
			{Name: "fe2", HTTP: true, Logs: []topology.Log{{Format: formatHTTPLog}}, Capture: []string{"response header Location len 9"}},
		},
		Pools: []topology.Pool{{Name: "be", Affinity: []topology.Affinity{{Method: topology.MethodPrefix, Cookie: "SID"}}}},
	}
	for name, opt := range map[string]lb.LogOptions{"configuration": {Config: cfg}, "sample": {Sample: []byte(capturedLine + "\n")}} {
		var e session.Event
		if skip := mustParser(t, opt).Parse([]byte(capturedLine), &e); skip != lb.Read {
			t.Fatalf("%s: %s", name, skip)
		}
		if string(e.UserAgent) != "Mozilla/5.0 (X11; Linux)" || string(e.Host) != "shop.test" || string(e.Location) != "http://x.test/login?next=/a" || string(e.Target) != `/redir?x="y|z` {
			t.Errorf("%s: agent %q, host %q, location %q, target %q", name, e.UserAgent, e.Host, e.Location, e.Target)
		}
		if string(e.Session.Raw) != "abcdefghijklmnop" || e.Session.Cut != (name == "configuration") {
			t.Errorf("%s: credential of %d bytes, cut %v", name, len(e.Session.Raw), e.Session.Cut)
		}
		if e.Has&(session.HasSession|session.HasSetSession|session.HasUserAgent|session.HasLocation) != session.HasSession|session.HasSetSession|session.HasUserAgent|session.HasLocation {
			t.Errorf("%s: facts %b", name, e.Has)
		}
	}
	p := mustParser(t, lb.LogOptions{Config: cfg})
	var e session.Event
	line := `127.0.0.1:39120 [24/Nov/2026:10:39:03.042] fe2 be/s1 0/0/0/1/1 302 154 - - --NI 1/1/0/0/0 0/0 {/login} "GET / HTTP/1.1"`
	if skip := p.Parse([]byte(line), &e); skip != lb.Read || string(e.Location) != "/login" || len(e.UserAgent) != 0 || e.Has&session.HasSession != 0 {
		t.Errorf("second listener: %q, location %q, agent %q", skip, e.Location, e.UserAgent)
	}
	line = strings.Replace(capturedLine, "SID=abcdefghijklmnop", "SID=s1~abc", 1)
	if p.Parse([]byte(line), &e); string(e.Session.Raw) != "abc" || string(e.Affinity) != "s1" || e.Session.Cut {
		t.Errorf("the balancer's prefix stays: affinity %q, credential of %d bytes", e.Affinity, len(e.Session.Raw))
	}
}

// Proves S33. A captured Cookie header that holds the session cookie twice is a duplicate; the first value counts, as
// applications mostly take it.
func TestDuplicateCookie(t *testing.T) {
	line := `10.0.0.1:40000 [24/Nov/2026:10:00:00.000] fe be/s1 0/0/1/2/3 200 100 - - ---- 1/1/0/0/0 0/0 {%s} "GET / HTTP/1.1"`
	p := mustParser(t, lb.LogOptions{Format: `%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B - - %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq {%[req.hdr(cookie)]} "%HM %HU %HV"`, SessionCookie: "SID", Year: 2026})
	for header, twice := range map[string]bool{"SID=a; SID=b": true, "a=b; SID=a": false} {
		var e session.Event
		if skip := p.Parse([]byte(strings.Replace(line, "%s", header, 1)), &e); skip != lb.Read || e.Twice != twice || string(e.Session.Raw) != "a" {
			t.Errorf("%s: %q, twice %v, want %v", header, skip, e.Twice, twice)
		}
	}
}
