package nginx

import (
	"testing"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// about is what nginx adds about the request.
const about = `, client: 10.0.0.1, server: shop.test, request: "GET /cart?token=CANARY HTTP/1.1", upstream: "http://127.0.0.1:9001/cart?token=CANARY", host: "shop.test", referrer: "http://evil/, upstream: "http://6.6.6.6:1/"`

// errorCases are messages in nginx's words (ngx_http_upstream.c, ngx_process_cycle.c …); what 1.22.1 itself writes is in
// TestErrorLogOfRealNginx.
var errorCases = []struct {
	line           string
	kind           session.Kind
	skip           lb.Skip
	pool, instance string
	up             bool
	detail         string
}{
	{`2026/11/24 10:00:00 [error] 12#12: *5 connect() failed (111: Connection refused) while connecting to upstream` + about, session.Health, "", "be", "s1", false, "connect() failed (111: Connection refused) while connecting to upstream"},
	{`2026/11/24 10:00:00 [error] 12#12: *5 upstream timed out (110: Connection timed out) while reading response header from upstream` + about, session.Health, "", "be", "s1", false, "upstream timed out (110: Connection timed out) while reading response header from upstream"},
	{`2026/11/24 10:00:00 [error] 12#12: *5 upstream prematurely closed connection while reading response header from upstream` + about, session.Health, "", "be", "s1", false, "upstream prematurely closed connection while reading response header from upstream"},
	{`2026/11/24 10:00:00 [warn] 12#12: *5 upstream server temporarily disabled while connecting to upstream` + about, session.Health, "", "be", "s1", false, "upstream server temporarily disabled while connecting to upstream"},
	{`2026/11/24 10:00:00 [error] 12#12: *5 upstream sent too big header while reading response header from upstream` + about, session.Health, "", "be", "s1", false, "upstream sent too big header while reading response header from upstream"},
	{`2026/11/24 10:00:00 [error] 12#12: *5 upstream sent invalid header: "Set-Cooki\x00e: SHOP=CANARY" while reading response header from upstream` + about, session.Health, "", "be", "s1", false, "upstream sent invalid header"},
	{`2026/11/24 10:00:00 [error] 12#12: *5 no live upstreams while connecting to upstream, client: 10.0.0.1, server: shop.test, request: "GET / HTTP/1.1", upstream: "http://be/", host: "shop.test"`, session.Health, "", "be", "", false, "no live upstreams while connecting to upstream"},
	{`2026/11/24 10:00:00 [error] 12#12: *5 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.1, server: , request: "GET / HTTP/1.1", upstream: "http://127.0.0.1:9002/", host: "x"`, 0, skipAttempt, "", "", false, ""},
	{`2026/11/24 10:00:00 [crit] 12#12: *5 connect() to unix:/run/app.sock failed (2: No such file or directory) while connecting to upstream, client: ::1, server: , request: "GET / HTTP/2.0", upstream: "http://unix:/run/app.sock:/", host: "x"`, session.Health, "", "", "unix:/run/app.sock", false, "connect() to unix:/run/app.sock failed (2: No such file or directory) while connecting to upstream"},
	{`2026/11/24 10:00:00 [error] 12#12: *5 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.1, server: , request: "GET /", upstream: "http://6.6.6.6:1/ HTTP/1.1", upstream: "http://[::1]:9001/", host: "x"`, session.Health, "", "", "[::1]:9001", false, "connect() failed (111: Connection refused) while connecting to upstream"},
	{`2026/11/24 10:00:00 [error] 12#12: *5 upstream prematurely closed connection while reading upstream` + about, 0, skipBroken, "", "", false, ""},
	{`2026/11/24 10:00:00 [notice] 12#12: signal process started`, session.Lifecycle, "", "", "", true, "signal process started"},
	{`2026/11/24 10:00:00 [notice] 12#12: signal 1 (SIGHUP) received from 55, reconfiguring`, session.Lifecycle, "", "", "", true, "signal 1 (SIGHUP) received from 55, reconfiguring"},
	{`2026/11/24 10:00:00 [notice] 12#12: reconfiguring`, session.Lifecycle, "", "", "", true, "reconfiguring"},
	{`2026/11/24 10:00:00 [notice] 12#12: start worker processes`, session.Lifecycle, "", "", "", true, "start worker processes"},
	{`2026/11/24 10:00:00 [notice] 12#12: start worker process 13`, 0, lb.SkipNotice, "", "", false, ""},
	{`2026/11/24 10:00:00 [notice] 12#12: gracefully shutting down`, session.Lifecycle, "", "", "", false, "gracefully shutting down"},
	{`2026/11/24 10:00:00 [notice] 12#12: signal 17 (SIGCHLD) received from 13`, 0, lb.SkipNotice, "", "", false, ""},
	{`2026/11/24 10:00:00 [alert] 12#12: worker process 13 exited on signal 11`, session.Lifecycle, "", "", "", false, "worker process 13 exited on signal 11"},
	{`2026/11/24 10:00:00 [notice] 12#12: worker process 13 exited with code 0`, 0, lb.SkipNotice, "", "", false, ""},
	{`2026/11/24 10:00:00 [notice] 12#12: exiting`, 0, lb.SkipNotice, "", "", false, ""},
	{`2026/11/24 10:00:00 [error] 12#12: *5 js exception: Error: limpet: the key has not 32 bytes, client: 10.0.0.1, server: shop.test, request: "GET / HTTP/1.1"`, 0, skipScript, "", "", false, ""},
	{`2026/11/24 10:00:00 [info] 12#12: *5 client 10.0.0.1 closed keepalive connection`, 0, skipClient, "", "", false, ""},
	{`2026/11/24 10:00:00 [error] 12#12: *5 limiting requests, excess: 5.4 by zone "z", client: ::1, server: , request: "GET / HTTP/1.1"`, 0, skipRefused, "", "", false, ""},
	{`2026/11/24 10:00:00 [crit] 12#12: *5 SSL_do_handshake() failed (SSL: error:0A00006C) while SSL handshaking, client: ::1, server: 0.0.0.0:443`, 0, lb.SkipTLSError, "", "", false, ""},
	{`2026/11/24 10:00:00 [error] 12#12: *5 something that nobody knows, client: ::1`, 0, skipErrorLog, "", "", false, ""},
	{`2026/13/24 10:00:00 [error] 12#12: *5 something`, 0, lb.SkipTime, "", "", false, ""},
	{`2026/11/24 10:00:00 [error] 12`, 0, lb.SkipCut, "", "", false, ""},
	{`2026/11/24 10:00:00 [error] 12#12: *5 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.1, serv`, 0, lb.SkipCut, "", "", false, ""},
}

// TestErrorLines: each line is an event at its time, or is skipped for a reason that is true; nothing of the request comes along.
func TestErrorLines(t *testing.T) {
	for _, header := range []string{"", "<187>Nov 24 10:00:00 lb nginx: ", "web-1  | "} {
		p := mustParser(t, lb.LogOptions{Config: writerConfig("combined"), Year: 2026})
		for _, c := range errorCases {
			var e session.Event
			skip := p.Parse([]byte(header+c.line), &e)
			if skip != c.skip {
				t.Errorf("%s: skipped as %q, want %q", c.line, skip, c.skip)
				continue
			}
			if e.Kind != c.kind || string(e.Pool) != c.pool || string(e.Instance) != c.instance || e.Up != c.up || string(e.Detail) != c.detail {
				t.Errorf("%s: kind %d, %s/%s up %v, %q", c.line, e.Kind, e.Pool, e.Instance, e.Up, e.Detail)
			}
			if want := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC).UnixNano(); skip == lb.Read && e.Start != want {
				t.Errorf("%s: at %v", c.line, time.Unix(0, e.Start).UTC())
			}
		}
	}
}

// TestErrorLogTakesTheZoneOfTheAccessLog: the error log's times have none of their own.
func TestErrorLogTakesTheZoneOfTheAccessLog(t *testing.T) {
	const access = `10.0.0.1 - - [24/Nov/2026:12:00:00 +0200] "GET / HTTP/1.1" 200 5 "-" "curl/8"`
	p := mustParser(t, lb.LogOptions{Sample: []byte(access + "\n")})
	var e session.Event
	p.Clone().Parse([]byte(`2026/11/24 12:00:01 [notice] 12#12: start worker processes`), &e)
	if want := time.Date(2026, 11, 24, 10, 0, 1, 0, time.UTC).UnixNano(); e.Start != want {
		t.Errorf("at %v", time.Unix(0, e.Start).UTC())
	}
}
