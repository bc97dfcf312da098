package nginx

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
	"limpet.dev/topology"
)

func writerConfig(format string) *topology.Config {
	return &topology.Config{Product: "nginx",
		Listeners: []topology.Listener{{Name: "shop.test", HTTP: true, Logs: []topology.Log{{Format: format}}}},
		Pools: []topology.Pool{{Name: "be", Instances: []topology.Instance{
			{Name: "s1", Address: "127.0.0.1:9001", Check: &topology.HealthCheck{Kind: "passive", Fall: 1}},
			{Name: "s2", Address: "127.0.0.1:9002", Check: &topology.HealthCheck{Kind: "passive", Fall: 3}}},
			Affinity: []topology.Affinity{{Method: topology.MethodInsert, Cookie: "SRV"}}}}}
}

func sampleRecord() *lb.Record {
	return &lb.Record{
		Start: time.Date(2026, 11, 24, 10, 39, 3, 42e6, time.UTC), IdleMs: 1500, ConnectMs: 1, ResponseMs: 12, TotalMs: 14,
		Client: netip.MustParseAddrPort("127.0.0.1:39120"), InstanceAddr: netip.MustParseAddrPort("127.0.0.1:9001"),
		Listener: "shop.test", Pool: "be", Instance: "s1", Method: "GET", Target: `/redir;jsessionid=X?x="y|z`, Proto: "HTTP/1.1", Host: "shop.test",
		UserAgent: `Mo"z|i\l{la #1 ü`, Referer: "pay.test", Scheme: "http", Location: "/login", RequestID: "0af7651916cd43dd8448eb211c80319c", Status: 302, Bytes: 154,
		Session: "abcdefghijklmnopqrstuvwxyz", SetAffinity: "s1", Key: testKey,
	}
}

// TestWriterCombined: the default line, as the real server wrote it for such a request.
func TestWriterCombined(t *testing.T) {
	w, err := newWriter(lb.LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := string(w.AppendRequest(nil, sampleRecord()))
	want := `127.0.0.1 - - [24/Nov/2026:10:39:03 +0000] "GET /redir;jsessionid=X?x=\x22y|z HTTP/1.1" 302 154 "pay.test" "Mo\x22z|i\x5Cl{la #1 \xC3\xBC"` + "\n"
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

var roundTripFormats = map[string]string{
	"combined":     "combined",
	"ingress":      formatIngress,
	"own line":     ownLogFormat,
	"plain":        `$msec $request_time $remote_addr $request_method "$request_uri" $status $body_bytes_sent $upstream_addr $upstream_status $upstream_response_time $upstream_header_time $cookie_SID $cookie_SRV "$http_user_agent"`,
	"json":         `escape=json {"t":$msec,"rt":$request_time,"ci":"$remote_addr","m":"$request_method","uri":"$request_uri","st":$status,"b":$body_bytes_sent,"up":"$upstream_addr","ust":"$upstream_status","urt":"$upstream_response_time","sess":"$cookie_SID","ua":"$http_user_agent","set":"$sent_http_set_cookie"}`,
	"no escape":    `escape=none $time_iso8601|$request_time|$remote_addr|$request|$status|$body_bytes_sent|$upstream_addr|$http_cookie|$http_user_agent`,
	"side by side": `${remote_addr}:$remote_port[$time_local]"$request"$status/$body_bytes_sent/$request_time/$upstream_addr/$upstream_status`,
}

// TestWriterRoundTrip: what the writer writes in any format, the parser reads as the same request, with and without a
// configuration, behind syslog headers and without.
func TestWriterRoundTrip(t *testing.T) {
	for name, format := range roundTripFormats {
		for _, header := range []string{"", "rfc3164"} {
			opt := lb.LogOptions{Format: format, Config: writerConfig(format), SessionCookie: "SID", AffinityCookie: "SRV", Header: header, Year: 2026}
			w, err := newWriter(opt)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			p := mustParser(t, opt)
			rng := rand.New(rand.NewPCG(3, 4))
			for range 200 {
				r := sampleRecord()
				r.Start = r.Start.Add(time.Duration(rng.IntN(1e6)) * time.Millisecond)
				r.TotalMs, r.Status = 14+rng.IntN(5000), []int{200, 302, 401, 502}[rng.IntN(4)]
				switch rng.IntN(4) {
				case 0:
					r.Instance, r.InstanceAddr, r.Flow.Unserved, r.Status = "", netip.AddrPort{}, true, 502
				case 1:
					r.Tried = []string{"127.0.0.1:9002", "127.0.0.1:9002"}
				}
				if r.Status == 502 {
					r.Flow.Unserved = true
				}
				line := bytes.TrimSuffix(w.AppendRequest(nil, r), []byte("\n"))
				var e session.Event
				if skip := p.Parse(line, &e); skip != lb.Read {
					t.Fatalf("%s, header %q: %s: %s", name, header, skip, line)
				}
				compareRecord(t, name, format, r, &e, line)
			}
		}
	}
}

func compareRecord(t *testing.T, name, format string, r *lb.Record, e *session.Event, line []byte) {
	t.Helper()
	shows := func(variable string) bool { return strings.Contains(format, variable) }
	end := r.Start.Add(time.Duration(r.TotalMs) * time.Millisecond)
	if !shows("$msec") {
		end = end.Truncate(time.Second)
	}
	checks := map[string][2]any{"end": {e.End, end.UnixNano()}, "status": {int(e.Status), r.Status}, "bytes": {e.Bytes, r.Bytes}, "client": {string(e.Client), "127.0.0.1"}}
	if name != "own line" {
		checks["target"] = [2]any{string(e.Target), r.Target}
	} else {
		checks["target"] = [2]any{string(e.Target), "/redir"}
	}
	if shows("$request_time") {
		checks["duration"] = [2]any{e.End - e.Start, int64(r.TotalMs) * msec}
	}
	if shows("user_agent") {
		checks["agent"] = [2]any{string(e.UserAgent), r.UserAgent}
	}
	if shows("$upstream_addr") {
		checks["pool"] = [2]any{string(e.Pool), "be"}
		checks["retries"] = [2]any{int(e.Flow.Retries), len(r.Tried)}
		checks["elsewhere"] = [2]any{e.Flow.Redispatched, len(r.Tried) > 0}
		checks["instance"] = [2]any{string(e.Instance), r.Instance}
		if shows("$upstream_status") {
			checks["unserved"] = [2]any{e.Flow.Unserved, r.Flow.Unserved}
		}
	}
	if shows("limpet") {
		got, _ := session.ParsePseudonym(e.Session.Raw)
		checks["session"] = [2]any{got.String(), testKey.Pseudonym([]byte(r.Session)).String()}
		if strings.Contains(string(line), r.Session) {
			t.Errorf("%s: the credential stands in the line", name)
		}
	} else if shows("cookie_SID") || shows("http_cookie") {
		checks["session"] = [2]any{string(e.Session.Raw) == r.Session, true}
	}
	if shows("set_cookie") {
		checks["affinity set"] = [2]any{string(e.SetAffinity), "s1"}
	}
	for what, pair := range checks {
		if fmt.Sprint(pair[0]) != fmt.Sprint(pair[1]) {
			t.Fatalf("%s: %s: got %v, want %v\n%s", name, what, pair[0], pair[1], line)
		}
	}
}

// TestWriterErrorLog: lines about servers and workers are nginx's own, and are read back as events at their time.
func TestWriterErrorLog(t *testing.T) {
	cfg := writerConfig("combined")
	w, err := newWriter(lb.LogOptions{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 24, 10, 39, 3, 0, time.UTC)
	var text []byte
	text = w.AppendStart(text, at, "shop.test")
	text = w.AppendStart(text, at, "be")
	text = w.AppendHealth(text, at, "be", "s1", false, "")
	text = w.AppendHealth(text, at, "be", "s1", true, "")
	want := `2026/11/24 10:39:03 [notice] 14389#14389: start worker processes
2026/11/24 10:39:03 [error] 14389#14389: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, server: , request: "GET / HTTP/1.1", upstream: "http://127.0.0.1:9001/", host: "localhost"
2026/11/24 10:39:03 [warn] 14389#14389: *1 upstream server temporarily disabled while connecting to upstream, client: 127.0.0.1, server: , request: "GET / HTTP/1.1", upstream: "http://127.0.0.1:9001/", host: "localhost"
`
	if string(text) != want {
		t.Errorf("got\n%swant\n%s", text, want)
	}
	p := mustParser(t, lb.LogOptions{Config: cfg})
	kinds := ""
	for line := range bytes.Lines(text) {
		var e session.Event
		if skip := p.Parse(bytes.TrimRight(line, "\n"), &e); skip != lb.Read || e.Start != at.UnixNano() {
			t.Errorf("%s: %q", line, skip)
		}
		kinds += fmt.Sprintf("%d %s/%s %v; ", e.Kind, e.Pool, e.Instance, e.Up)
	}
	if want := fmt.Sprintf("%d / true; %d be/s1 false; %d be/s1 false; ", session.Lifecycle, session.Health, session.Health); kinds != want {
		t.Errorf("read back %s, want %s", kinds, want)
	}
}
