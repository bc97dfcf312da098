package nginx

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// show says what an event holds, in one line.
func show(e *session.Event) string {
	raw := ""
	if !e.Session.Empty() {
		raw = fmt.Sprintf(" session:%d bytes", len(e.Session.Raw))
	}
	return fmt.Sprintf("%s %s %s%s %s/%s st:%d took:%d srv:%d unserved:%v aborted:%v retries:%d elsewhere:%v%s", e.Client, e.Method, e.Host, e.Target, e.Pool, e.Instance, e.Status, e.TotalMs, e.ServerMs,
		e.Flow.Unserved, e.Flow.Aborted, e.Flow.Retries, e.Flow.Redispatched, raw)
}

// TestLines: what single lines say, in formats that people use.
func TestLines(t *testing.T) {
	const up = `$remote_addr [$time_iso8601] "$request" $status $upstream_addr $upstream_status $upstream_response_time $request_time`
	for _, c := range []struct{ what, format, line, want string }{
		{"one server", up, `10.0.0.1 [2026-11-24T10:00:00+00:00] "GET /a HTTP/1.1" 200 127.0.0.1:9001 200 0.012 0.013`, "10.0.0.1 GET /a /127.0.0.1:9001 st:200 took:13 srv:12 unserved:false aborted:false retries:0 elsewhere:false"},
		{"a retry", up, `10.0.0.1 [2026-11-24T10:00:00+00:00] "GET /a HTTP/1.1" 200 127.0.0.1:9001, 127.0.0.1:9002 502, 200 0.001, 0.012 0.013`, "10.0.0.1 GET /a /127.0.0.1:9002 st:200 took:13 srv:12 unserved:false aborted:false retries:1 elsewhere:true"},
		{"an internal redirect", up, `10.0.0.1 [2026-11-24T10:00:00+00:00] "GET /a HTTP/1.1" 200 127.0.0.1:9001, 127.0.0.1:9002 : 127.0.0.1:9003 502, 200 : 200 0.001, 0.012 : 0.003 0.020`, "10.0.0.1 GET /a /127.0.0.1:9003 st:200 took:20 srv:3 unserved:false aborted:false retries:0 elsewhere:false"},
		{"no server could be chosen", up, `10.0.0.1 [2026-11-24T10:00:00+00:00] "GET /a HTTP/1.1" 502 be_app 502 0.000 0.000`, "10.0.0.1 GET /a be_app/ st:502 took:0 srv:0 unserved:true aborted:false retries:0 elsewhere:false"},
		{"all failed", up, `10.0.0.1 [2026-11-24T10:00:00+00:00] "GET /a HTTP/1.1" 502 127.0.0.1:9001, 127.0.0.1:9002 502, 502 0.001, 0.001 0.002`, "10.0.0.1 GET /a /127.0.0.1:9002 st:502 took:2 srv:1 unserved:true aborted:false retries:1 elsewhere:true"},
		{"nginx itself", up, `10.0.0.1 [2026-11-24T10:00:00+00:00] "GET /logo.png HTTP/1.1" 200 - - - 0.000`, "10.0.0.1 GET /logo.png / st:200 took:0 srv:-1 unserved:false aborted:false retries:0 elsewhere:false"},
		{"nginx itself, an error", up, `10.0.0.1 [2026-11-24T10:00:00+00:00] "GET /a HTTP/1.1" 503 - - - 0.000`, "10.0.0.1 GET /a / st:503 took:0 srv:-1 unserved:true aborted:false retries:0 elsewhere:false"},
		{"the client went away", up, `10.0.0.1 [2026-11-24T10:00:00+00:00] "GET /a HTTP/1.1" 499 127.0.0.1:9001 - 3.000 3.000`, "10.0.0.1 GET /a /127.0.0.1:9001 st:499 took:3000 srv:3000 unserved:false aborted:true retries:0 elsewhere:false"},

		{"IPv6 and a socket, in quotes", strings.Replace(up, "$upstream_addr", `"$upstream_addr"`, 1), `2001:db8::1 [2026-11-24T10:00:00+00:00] "GET /a HTTP/2.0" 200 "[::1]:9001, unix:/run/app.sock" 502, 200 0.001, 0.012 0.013`, "2001:db8::1 GET /a /unix:/run/app.sock st:200 took:13 srv:12 unserved:false aborted:false retries:1 elsewhere:true"},
		{"escaped bytes", `$remote_addr [$time_local] "$request" $status "$host"`, `10.0.0.1 [24/Nov/2026:10:00:00 +0000] "GET /\x22a\x5Cb\xC3\xBC HTTP/1.1" 200 "sh\x6Fp"`, "10.0.0.1 GET shop/\"a\\bü / st:200 took:-1 srv:-1 unserved:false aborted:false retries:0 elsewhere:false"},
		{"JSON escapes", `escape=json {"t":"$time_iso8601","a":"$remote_addr","r":"$request","s":$status,"h":"$host","u":"$upstream_addr"}`, `{"t":"2026-11-24T10:00:00+00:00","a":"10.0.0.1","r":"GET /\"a\\b\u0001 HTTP/1.1","s":200,"h":"x","u":""}`, "10.0.0.1 GET x/\"a\\b\x01 / st:200 took:-1 srv:-1 unserved:false aborted:false retries:0 elsewhere:false"},
		{"no HTTP at all", "combined", `10.0.0.1 - - [24/Nov/2026:10:00:00 +0000] "\x16\x03\x01\x00" 400 157 "-" "-"`, "10.0.0.1   / st:400 took:-1 srv:-1 unserved:false aborted:false retries:0 elsewhere:false"},
		{"a user's name with a blank", "combined", `10.0.0.1 - a [b [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-"`, "10.0.0.1 GET / / st:200 took:-1 srv:-1 unserved:false aborted:false retries:0 elsewhere:false"},
		{"a proxy in front", formatMain, `10.0.0.1 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-" "192.0.2.7, 10.9.9.9"`, "192.0.2.7 GET / / st:200 took:-1 srv:-1 unserved:false aborted:false retries:0 elsewhere:false"},
		{"the directive as it stands", `log_format x '$remote_addr [$time_local] ' "\"$request\" $status" ' $cookie_JSESSIONID';`, `10.0.0.1 [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 ABCDEF`, "10.0.0.1 GET / / st:200 took:-1 srv:-1 unserved:false aborted:false retries:0 elsewhere:false session:6 bytes"},
	} {
		p := mustParser(t, lb.LogOptions{Format: c.format})
		for _, line := range []string{c.line, "<190>Nov 24 10:00:00 lb nginx: " + c.line, c.line} {
			var e session.Event
			skip := p.Parse([]byte(line), &e)
			if c.want == "" {
				if skip != lb.SkipForeign && skip != lb.SkipCut {
					t.Errorf("%s: %q", c.what, skip)
				}
				continue
			}
			if got := show(&e); skip != lb.Read || got != c.want {
				t.Errorf("%s: %s\n%q\ngot  %s\nwant %s", c.what, line, skip, got, c.want)
			}
		}
	}
}

// TestCutLines: of a line that was cut at its length what stands in front of the cut counts, and no more is claimed.
func TestCutLines(t *testing.T) {
	const line = `10.0.0.1 - - [24/Nov/2026:10:00:00 +0000] "GET /catalogue/shoes HTTP/1.1" 200 4312 "https://shop.test/x" "Mozilla/5.0 (X11)"`
	p := mustParser(t, lb.LogOptions{})
	for cut := range line {
		var e session.Event
		skip := p.Parse([]byte(line[:cut]), &e)
		switch {
		case skip == lb.Read && e.Has&session.HasStatus != 0 && cut < strings.Index(line, " 4312"):
			t.Errorf("cut at %d: a status is claimed: %s", cut, line[:cut])
		case skip == lb.Read && e.Has&session.HasUserAgent != 0:
			t.Errorf("cut at %d: a User-Agent is claimed", cut)
		case skip == lb.Read && !strings.HasPrefix("/catalogue/shoes", string(e.Target)):
			t.Errorf("cut at %d: target %q", cut, e.Target)
		case skip != lb.Read && cut > strings.Index(line, " HTTP"):
			t.Errorf("cut at %d: skipped as %q", cut, skip)
		}
	}
}

// TestInferredFormats: lines in formats that nobody declared say what can be found out from them.
func TestInferredFormats(t *testing.T) {
	const head = `10.0.0.%d - - [24/Nov/2026:10:00:0%d +0100] "GET /cart HTTP/1.1" 200 512 "-" "curl/8"`
	for _, c := range []struct{ what, line, format, want string }{
		{"times and servers", head + ` 0.01%d 0.010 127.0.0.1:900%[2]d 200`, "nginx/combined+", "GET /cart /127.0.0.1:9001 st:200 took:11 srv:10"},
		{"with labels", head + ` rt=0.01%d uct="0.000" uht="0.009" urt="0.010" up="127.0.0.1:900%[2]d, 127.0.0.1:9009"`, "nginx/combined+", "GET /cart /127.0.0.1:9009 st:200 took:11 srv:9"},
		{"a session in it", head + ` rt=0.01%d ua=x sess=abcdef%[2]d`, "nginx/combined+", "GET /cart / st:200 took:11 srv:-1 unserved:false aborted:false retries:0 elsewhere:false session:7 bytes"},
		{"JSON", `{"time": "2026-11-24T10:00:0%d+01:00", "remote_addr":"10.0.0.%d", "request":"GET /cart HTTP/1.1","status": 200, "request_time": 0.01%[2]d, "upstream_addr":"127.0.0.1:900%[2]d", "upstream_response_time":"0.010","http_user_agent":"curl/8","jsessionid":"abcdef%[2]d"}`, "nginx/json", "GET /cart /127.0.0.1:9001 st:200 took:11 srv:10 unserved:false aborted:false retries:0 elsewhere:false session:7 bytes"},
		{"JSON with epoch", `{"ts":1795510800.00%d,"client":"10.0.0.%d","method":"GET","uri":"/cart","status":"200","rt":"0.01%[2]d","upstream":"127.0.0.1:900%[2]d"}`, "nginx/json", "GET /cart /127.0.0.1:9001 st:200 took:11"},
	} {
		var sample strings.Builder
		for i := 1; i <= 8; i++ {
			if strings.HasPrefix(c.line, "{") || strings.Contains(c.line, "[2]") {
				fmt.Fprintf(&sample, strings.Replace(strings.Replace(c.line, "%d", "%[1]d", 1), "%d", "%[1]d", -1)+"\n", 1+i%2, 1+i%2)
			} else {
				fmt.Fprintf(&sample, c.line+"\n", 1, 1, 1)
			}
		}
		p := mustParser(t, lb.LogOptions{Sample: []byte(sample.String())})
		if p.Format() != c.format {
			t.Errorf("%s: read as %s, want %s\n%s", c.what, p.Format(), c.format, strings.SplitN(sample.String(), "\n", 2)[0])
		}
		var e session.Event
		found := false
		for line := range strings.Lines(sample.String()) {
			if skip := p.Parse([]byte(strings.TrimSpace(line)), &e); skip != lb.Read {
				t.Errorf("%s: %q: %s", c.what, skip, line)
			}
			found = found || strings.Contains(show(&e), c.want)
			if at := time.Unix(0, e.End).UTC(); at.Hour() != 9 || at.Day() != 24 {
				t.Errorf("%s: at %v", c.what, at)
			}
		}
		if !found {
			t.Errorf("%s: no line says %s\nlast: %s", c.what, c.want, show(&e))
		}
		if s := sniffLog([]byte(sample.String())); s < 0.5 {
			t.Errorf("%s: recognised with %.2f only", c.what, s)
		}
	}
}

// TestAffinityCookie: where the balancer's own cookie is logged as it came and as it was set, the event says what became of it.
func TestAffinityCookie(t *testing.T) {
	const format = `$msec "$request" $status $upstream_addr "$cookie_SRV" "$sent_http_set_cookie"`
	opt := lb.LogOptions{Format: format, SessionCookie: "SID", Config: writerConfig(format)}
	for line, want := range map[string]session.Flow{
		`1795510800.001 "GET / HTTP/1.1" 200 127.0.0.1:9001 "-" "SRV=s1; Path=/"`:                                                                    {Affinity: session.AffinityNone, Set: session.SetInserted},
		`1795510800.001 "GET / HTTP/1.1" 200 127.0.0.1:9001 "s1" "SRV=s1; expires=Wed, 21-Oct-26 07:28:00 GMT; Path=/"`:                              {Affinity: session.AffinityValid, Set: session.SetRefreshed},
		`1795510800.001 "GET / HTTP/1.1" 200 127.0.0.1:9001 "nobody" "SID=x; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT, SRV=s1; Path=/"`:         {Affinity: session.AffinityInvalid, Set: session.SetInserted},
		`1795510800.001 "GET / HTTP/1.1" 200 127.0.0.1:9001 "2ea5a9d3a0c8a90cc7b0c0e0a30f6a4c" "SRV=s1; Path=/"`:                                     {Affinity: session.AffinityInvalid, Set: session.SetInserted},
		`1795510800.001 "GET / HTTP/1.1" 200 127.0.0.1:9001 "` + addressID("127.0.0.1:9002") + `" "SRV=` + addressID("127.0.0.1:9001") + `; Path=/"`: {Affinity: session.AffinityDown, Set: session.SetInserted},
	} {
		var e session.Event
		if skip := mustParser(t, opt).Parse([]byte(line), &e); skip != lb.Read || e.Flow != want {
			t.Errorf("%s\n%q: %+v, want %+v", line, skip, e.Flow, want)
		}
	}
}
