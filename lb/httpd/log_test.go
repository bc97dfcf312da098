package httpd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"limpet.dev/internal/need"
	"limpet.dev/lb"
	"limpet.dev/session"
)

func parser1(t *testing.T, opt lb.LogOptions) lb.LineParser {
	t.Helper()
	p, err := newParser(opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLineOfTheReferenceIsRead(t *testing.T) {
	const text = `%{%s}t.%{msec_frac}t ci=%a m=%m u=\"%U%q\" host=%{Host}i st=%>s us=%D lb=%{BALANCER_NAME}e w=%{BALANCER_WORKER_NAME}e wr=%{BALANCER_WORKER_ROUTE}e sr=%{BALANCER_SESSION_ROUTE}e rc=%{BALANCER_ROUTE_CHANGED}e sess=%{SID}C aff=%{ROUTEID}C set=\"%{Set-Cookie}o\" ua=\"%{User-Agent}i\"`
	p := parser1(t, lb.LogOptions{Format: text, SessionCookie: "SID", AffinityCookie: "ROUTEID"})
	const line = `1795636979.496 ci=127.0.0.1 m=GET u="/a b?x=1\"" host=shop.test st=200 us=1312 lb=balancer://b w=http://127.0.0.1:9001 wr=node1 sr=node3 rc=1 sess=zz aff=.node3 set="SID=abc; Path=/, B=x, ROUTEID=.node1; path=/" ua="a\"b\\c"`
	var e session.Event
	if why := p.Parse([]byte(line), &e); why != lb.Read {
		t.Fatalf("skipped: %s", why)
	}
	if e.Start != 1795636979496e6 || e.End-e.Start != 1312e3 || e.Status != 200 {
		t.Errorf("start %d, end %d, status %d", e.Start, e.End, e.Status)
	}
	for _, tt := range []struct{ name, got, want string }{
		{"instance", string(e.Instance), "127.0.0.1:9001"}, {"pool", string(e.Pool), "b"}, {"target", string(e.Target), "/a b"},
		{"session", string(e.Session.Raw), "zz"}, {"set session", string(e.SetSession.Raw), "abc"},
		{"affinity", string(e.Affinity), ".node3"}, {"set affinity", string(e.SetAffinity), ".node1"}, {"agent", string(e.UserAgent), `a"b\c`},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	if e.Flow.Affinity != session.AffinityDown || e.Flow.Set != session.SetInserted {
		t.Errorf("flow %+v", e.Flow)
	}
}

// What httpd 2.4.71 wrote when members refused connections, a probe failed and recovered, and at a graceful restart.
func TestErrorLogSaysWhoIsOut(t *testing.T) {
	lines := strings.Split(`[Wed Nov 25 20:02:57.254749 2026] [mpm_event:notice] [pid 22008:tid 22008] AH00489: Apache/2.4.71 (Debian) configured -- resuming normal operations
[Wed Nov 25 20:02:59.448726 2026] [proxy:error] [pid 22018:tid 22040] (111)Connection refused: AH00957: http: attempt to connect to 127.0.0.1:9002 (127.0.0.1:9002) failed
[Wed Nov 25 20:02:59.448815 2026] [proxy:error] [pid 22018:tid 22040] AH00959: ap_proxy_connect_backend disabling worker for (127.0.0.1:9002) for 2s
[Wed Nov 25 20:02:59.448822 2026] [proxy_http:error] [pid 22018:tid 22040] [client 127.0.0.1:58752] AH01114: HTTP: failed to make connection to backend: 127.0.0.1
[Wed Nov 25 20:03:12.905759 2026] [proxy_hcheck:info] [pid 22018:tid 22031] AH03303: Threaded Health check DISABLING http://127.0.0.1:9001
[Wed Nov 25 20:03:13.964259 2026] [proxy_hcheck:info] [pid 22018:tid 22032] AH03302: Threaded Health check ENABLING http://127.0.0.1:9001
[Wed Nov 25 20:03:17.296935 2026] [mpm_event:notice] [pid 22008:tid 22008] AH00491: caught SIGTERM, shutting down`, "\n")
	want := []struct {
		why      lb.Skip
		kind     session.Kind
		instance string
		up       bool
	}{
		{kind: session.Lifecycle, up: true}, {why: skipProbe}, {kind: session.Health, instance: "node2"}, {why: skipClient},
		{kind: session.Health, instance: "node1"}, {kind: session.Health, instance: "node1", up: true}, {kind: session.Lifecycle},
	}
	p := parser1(t, lb.LogOptions{Config: read(t, shop), Sample: []byte(lines[0])})
	if p.Format() != errorFormat {
		t.Errorf("format %q", p.Format())
	}
	var e session.Event
	for i, line := range lines {
		why := p.Parse([]byte(line), &e)
		if w := want[i]; why != w.why || e.Kind != w.kind && why == lb.Read || string(e.Instance) != w.instance || e.Up != w.up {
			t.Errorf("line %d: %q kind %d instance %q up %v, want %+v", i+1, why, e.Kind, e.Instance, e.Up, w)
		}
	}
	at := time.Date(2026, 11, 25, 20, 3, 17, 296935000, time.UTC).UnixNano()
	if e.Start != at {
		t.Errorf("time %d, want %d", e.Start, at)
	}
}

// Every line of the corpus is an event or a skip with a reason; well-formed access lines are events.
func TestLogCorpus(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(need.Corpus(t, "logs/apache"), "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no logs in the corpus")
	}
	total, read, reasons := 0, 0, map[lb.Skip]int{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p := parser1(t, lb.LogOptions{Sample: text[:min(len(text), 64<<10)]})
		var e session.Event
		for line := range bytes.Lines(text) {
			total++
			line = bytes.TrimRight(line, "\r\n")
			why := p.Parse(line, &e)
			if reasons[why]++; why == lb.Read {
				read++
				continue
			}
			if why == lb.SkipForeign || why == lb.SkipCut || why == lb.SkipTime {
				t.Logf("%s: %s: %.60s", filepath.Base(f)[:min(30, len(filepath.Base(f)))], why, shape(line))
			}
		}
	}
	t.Logf("%d files, %d lines: %d events, %d skipped %v", len(files), total, read, total-read, reasons)
	if read*100 < 90*total {
		t.Errorf("only %d of %d lines were read", read, total)
	}
}

// shape shows a line without its letters and digits.
func shape(line []byte) string {
	return string(bytes.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
			return 'x'
		case r >= '0' && r <= '9':
			return '0'
		}
		return r
	}, line))
}

// FuzzLine: no line makes the parser panic, and what is read is no other line's.
func FuzzLine(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join(need.Corpus(f, "logs/apache"), "*"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			if i < 5 {
				f.Add(builtInFormats["combined"], line)
			}
		}
	}
	f.Add(strings.ReplaceAll(ownFormat, `"`, `\"`), []byte("1795636979252451 us=5"))
	f.Fuzz(func(t *testing.T, format string, line []byte) {
		p, err := newParser(lb.LogOptions{Format: format})
		if err != nil {
			return
		}
		var e session.Event
		if why := p.Parse(line, &e); why == lb.Read && e.Start == 0 {
			t.Errorf("an event without a time")
		}
	})
}
