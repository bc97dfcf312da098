package haproxy

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
	"limpet.dev/topology"
)

const writerConfig = `global
    log stdout len 8192 format raw local0
defaults
    mode http
    log global
frontend fe
    bind 127.0.0.1:8080
%s
    default_backend be
backend be
    cookie SRV insert indirect nocache
    server s1 127.0.0.1:9001 cookie a check
    server s2 127.0.0.1:9002 cookie b check
`

func writerSetup(t *testing.T, lines string) *topology.Config {
	t.Helper()
	cfg, err := readConfig(fstest.MapFS{"c": {Data: []byte(fmt.Sprintf(writerConfig, lines))}}, []string{"c"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func sampleRecord() *lb.Record {
	return &lb.Record{
		Start: time.Date(2026, 11, 24, 10, 39, 3, 42e6, time.UTC), IdleMs: 1500, ConnectMs: 1, ResponseMs: 12, TotalMs: 14,
		Client: netip.MustParseAddrPort("127.0.0.1:39120"), InstanceAddr: netip.MustParseAddrPort("127.0.0.1:9001"),
		Listener: "fe", Pool: "be", Instance: "s1", Method: "GET", Target: `/redir;jsessionid=X?x="y|z`, Proto: "HTTP/1.1", Host: "shop.test",
		UserAgent: `Mo"z|i}l{la #1 ü`, Referer: "pay.test", Scheme: "http", Location: "/login", RequestID: "7F000001:9D8C", Status: 302, Bytes: 154,
		Flow:    session.Flow{Affinity: session.AffinityNone, Set: session.SetInserted},
		Session: "abcdefghijklmnopqrstuvwxyz", SetAffinity: "a", Key: testKey,
	}
}

// TestWriterHTTPLog: the default line, as the real balancer wrote it for such a request.
func TestWriterHTTPLog(t *testing.T) {
	cfg := writerSetup(t, "    option httplog\n    capture cookie SID= len 20\n    capture request header User-Agent len 100\n    capture request header Host len 50\n    capture response header Location len 50")
	opt := lb.LogOptions{Config: cfg, SessionCookie: "SID", AffinityCookie: "SRV"}
	w, err := newWriter(opt)
	if err != nil {
		t.Fatal(err)
	}
	got := string(w.AppendRequest(nil, sampleRecord()))
	want := `127.0.0.1:39120 [24/Nov/2026:10:39:03.042] fe be/s1 0/0/1/12/14 302 154 SID=abcdefghijklmnop - --NI 1/1/0/0/0 0/0 {Mo#22z#7Ci#7Dl#7Bla #231 #C3#BC|shop.test} {/login} "GET /redir;jsessionid=X?x=#22y|z HTTP/1.1"` + "\n"
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	r := sampleRecord()
	r.Instance, r.Status, r.Session, r.Flow = "", 503, "", session.Flow{Unserved: true, Affinity: session.AffinityDown, Retries: 3, Redispatched: true}
	got = string(w.AppendRequest(nil, r))
	if !strings.Contains(got, " fe be/<NOSRV> 0/-1/-1/-1/14 503 154 - - SCD- 1/1/0/0/+3 0/0 ") {
		t.Errorf("unserved: %s", got)
	}
}

// TestWriterRoundTrip: what the writer writes in any format, the parser reads as the same request.
func TestWriterRoundTrip(t *testing.T) {
	snippet, err := logLine(lb.LogLineOptions{SessionCookie: "SID", AffinityCookie: "SRV", Variant: variantFrontend})
	if err != nil {
		t.Fatal(err)
	}
	object := `    log-format '{"time":"%%t","idle":%%Ti,"hs":%%Th,"client":"%%ci","be":"%%b","srv":"%%s","tsc":"%%tsc","st":%%ST,"b":%%B,"m":"%%HM","uri":"%%[capture.req.uri,json(utf8s)]","ta":%%Ta,"ua":%%{+Q,+E}[capture.req.hdr(0)]}'` + "\n    capture request header User-Agent len 200"
	for name, lines := range map[string]string{
		"httplog":  "    option httplog\n    capture cookie SID= len 200\n    capture request header User-Agent len 200\n    capture response header Location len 200",
		"own line": snippet,
		"object":   strings.ReplaceAll(object, "%%", "%"),
		"clf":      "    option httplog clf\n    capture cookie SID= len 200",
	} {
		for _, header := range []string{"", "iso", "rfc3164", "rfc5424"} {
			cfg := writerSetup(t, lines)
			opt := lb.LogOptions{Config: cfg, SessionCookie: "SID", AffinityCookie: "SRV", Header: header, Year: 2026}
			w, err := newWriter(opt)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			p := mustParser(t, opt)
			rng := rand.New(rand.NewPCG(3, 4))
			for range 200 {
				r := sampleRecord()
				r.Start = r.Start.Add(time.Duration(rng.IntN(1e6)) * time.Millisecond)
				r.TotalMs, r.Status = 14+rng.IntN(5000), uint16AsInt(rng)
				r.Flow.Affinity, r.Flow.Set = session.AffinityState(2+rng.IntN(7)), session.AffinitySet(1+rng.IntN(6))
				r.Flow.Retries, r.Flow.Queued, r.Flow.Redispatched = uint8(rng.IntN(4)), rng.IntN(2) == 0, rng.IntN(2) == 0
				if rng.IntN(4) == 0 {
					r.Instance, r.Flow.Unserved = "", true
				}
				line := w.AppendRequest(nil, r)
				var e session.Event
				if skip := p.Parse(bytes.TrimSuffix(line, []byte("\n")), &e); skip != lb.Read {
					t.Fatalf("%s, header %q: %s: %s", name, header, skip, line)
				}
				compareRecord(t, name, p, r, &e, line)
			}
		}
	}
}

func uint16AsInt(rng *rand.Rand) int { return []int{200, 302, 401, 503}[rng.IntN(4)] }

func compareRecord(t *testing.T, name string, p *parser, r *lb.Record, e *session.Event, line []byte) {
	t.Helper()
	start := r.Start
	if name == "clf" {
		start = start.Truncate(time.Second)
	}
	path, _, _ := strings.Cut(string(e.Target), "?")
	wantPath := "/redir;jsessionid=X"
	if name == "own line" {
		wantPath = "/redir"
	}
	checks := map[string][2]any{
		"start": {e.Start, start.UnixNano()}, "end": {e.End - e.Start, int64(r.TotalMs) * msec}, "instance": {string(e.Instance), r.Instance}, "pool": {string(e.Pool), "be"},
		"status": {int(e.Status), r.Status}, "bytes": {e.Bytes, r.Bytes}, "client": {string(e.Client), "127.0.0.1"}, "path": {path, wantPath},
		"affinity": {e.Flow.Affinity, r.Flow.Affinity}, "set": {e.Flow.Set, r.Flow.Set}, "unserved": {e.Flow.Unserved, r.Flow.Unserved},
	}
	if name != "object" {
		checks["retries"] = [2]any{e.Flow.Retries, r.Flow.Retries}
		checks["redispatched"] = [2]any{e.Flow.Redispatched, r.Flow.Redispatched}
		checks["queued"] = [2]any{e.Flow.Queued, r.Flow.Queued}
	}
	if name != "clf" {
		checks["agent"] = [2]any{string(e.UserAgent), r.UserAgent}
	}
	switch name {
	case "own line":
		got, _ := session.ParsePseudonym(e.Session.Raw)
		checks["session"] = [2]any{got.String(), testKey.Pseudonym([]byte(r.Session)).String()}
		checks["host"] = [2]any{string(e.Host), r.Host}
		checks["id"] = [2]any{string(e.RequestID), r.RequestID}
		if strings.Contains(string(line), r.Session) {
			t.Errorf("%s: the credential stands in the line", name)
		}
	case "httplog", "clf":
		checks["session"] = [2]any{string(e.Session.Raw) == r.Session, true}
	}
	for what, pair := range checks {
		if pair[0] != pair[1] {
			t.Fatalf("%s: %s: got %v, want %v\n%s", name, what, pair[0], pair[1], line)
		}
	}
}

// TestWriterHealth: messages about servers count those that are left, and are read back.
func TestWriterHealth(t *testing.T) {
	w, err := newWriter(lb.LogOptions{Config: writerSetup(t, "    option httplog"), Header: "iso"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 24, 10, 39, 3, 42e6, time.UTC)
	var text []byte
	text = w.AppendHealth(text, at, "be", "s1", false, "")
	text = w.AppendHealth(text, at, "be", "s2", false, "Layer4 timeout, check duration: 2001ms")
	text = w.AppendHealth(text, at, "be", "s1", true, "")
	text = w.AppendStart(text, at, "fe")
	const stamp = "2026-11-24T10:39:03.042000+00:00 "
	want := stamp + `Server be/s1 is DOWN, reason: Layer4 connection problem, info: "Connection refused", check duration: 0ms. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.` + "\n" +
		stamp + `Server be/s2 is DOWN, reason: Layer4 timeout, check duration: 2001ms. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.` + "\n" +
		stamp + "backend be has no server available!\n" +
		stamp + `Server be/s1 is UP, reason: Layer7 check passed, code: 200, check duration: 1ms. 1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.` + "\n" +
		stamp + "Proxy fe started.\n"
	if string(text) != want {
		t.Errorf("got\n%swant\n%s", text, want)
	}
	p := mustParser(t, lb.LogOptions{})
	for line := range bytes.Lines(text) {
		var e session.Event
		if skip := p.Parse(bytes.TrimRight(line, "\n"), &e); skip != lb.Read || e.Start != at.UnixNano() {
			t.Errorf("%s: %q", line, skip)
		}
	}
}
