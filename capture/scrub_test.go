package capture_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"limpet.dev/capture"
	"limpet.dev/session"
)

// canaries makes secrets that are told apart: each place gets its own.
type canaries struct{ planted []string }

func (c *canaries) plant(where string) string {
	v := fmt.Sprintf("Kanarie%03dZq8h2", len(c.planted))
	c.planted = append(c.planted, v+" in "+where)
	return v
}

func (c *canaries) search(t *testing.T, text string) {
	t.Helper()
	for _, p := range c.planted {
		v, where, _ := strings.Cut(p, " in ")
		if strings.Contains(text, v) || strings.Contains(strings.ToLower(text), strings.ToLower(v)) {
			t.Errorf("the canary in %s is still there", where)
		}
	}
}

// hostileHAR plants a canary wherever a HAR can hold a secret.
func hostileHAR(c *canaries) string {
	p := c.plant
	return `{"log":{"version":"1.2","creator":{"name":"` + p("creator") + `","version":"1","comment":"` + p("creator comment") + `"},"comment":"` + p("log comment") + `","_custom":{"a":["` + p("custom field") + `"]},
	"pages":[{"id":"` + p("page id") + `","title":"https://a.test/?t=` + p("page title") + `","startedDateTime":"` + p("page time") + `","comment":"` + p("page comment") + `","pageTimings":{"onLoad":"` + p("timing") + `"}}],
	"entries":[{"pageref":"` + p("pageref") + `","startedDateTime":"2026-01-02T10:00:00Z","time":1,"comment":"` + p("entry comment") + `","_secret":"` + p("custom entry field") + `","serverIPAddress":"` + p("server address") + `","connection":"` + p("connection") + `",
	"_initiator":{"type":"script","url":"https://a.test/x.js?k=` + p("initiator query") + `","stack":{"callFrames":[{"functionName":"` + p("function name") + `","url":"https://u:` + p("frame userinfo") + `@a.test/y"}]}},
	"cache":{"beforeRequest":{"eTag":"` + p("cache") + `"}},
	"request":{"method":"` + p("method") + `","url":"https://user:` + p("userinfo") + `@shop.example/reset/` + p("path") + `;jsessionid=` + p("path parameter") + `?token=` + p("query") + `&` + p("bare query") + `#access_token=` + p("fragment") + `","httpVersion":"` + p("http version") + `",
	 "headers":[{"name":"Cookie","value":"sid=` + p("cookie header") + `; theme=` + p("second cookie") + `; ` + p("nameless cookie") + `"},{"name":"Authorization","value":"Bearer ` + p("authorization") + `"},{"name":"X-` + p("header name") + `","value":"x"},
	  {"name":"Referer","value":"https://idp.example/cb?code=` + p("referer") + `"},{"name":"Origin","value":"https://u:` + p("origin") + `@idp.example"},{"name":"User-Agent","value":"Mozilla/5.0 (X11; ` + p("user agent") + `) Chrome/140.0.0.0"},{"name":"X-Request-ID","value":"` + p("request id") + `"},
	  {"name":"Accept","value":"` + p("accept") + `","comment":"` + p("header comment") + `"},{"value":"` + p("value first") + `","name":"X-Api-Key"},{"name":"X-Forwarded-For","value":"` + p("forwarded for") + `, 10.1.2.3"}],
	 "cookies":[{"name":"sid","value":"` + p("cookies array") + `","path":"/","domain":"` + p("cookie domain") + ` x","comment":"` + p("cookie comment") + `","_x":"` + p("custom cookie field") + `"},{"name":"` + p("cookie name") + `","value":"x"}],
	 "queryString":[{"name":"token","value":"` + p("query list") + `"}],
	 "postData":{"mimeType":"application/` + p("mime type") + `","text":"user=a&pw=` + p("post data") + `","params":[{"name":"pw","value":"` + p("post params") + `"}],"comment":"` + p("post comment") + `"},
	 "_associatedCookies":[{"cookie":{"name":"sid","value":"` + p("associated cookie") + `"},"blockedReasons":["SecureOnly","` + p("reason") + `"]}]},
	"response":{"status":302,"statusText":"` + p("status text") + `","headers":[{"name":"Set-Cookie","value":"sid=` + p("set-cookie") + `; Path=/; Secure; X=` + p("unknown attribute") + `; ` + p("odd attribute") + `\nroute=` + p("second set-cookie") + `; Domain=` + p("domain attribute") + ` x"},{"name":"Location","value":"/welcome?session=` + p("location") + `"},{"name":"ETag","value":"` + p("etag") + `"}],
	 "cookies":[{"name":"sid","value":"` + p("answer's cookies array") + `"}],"redirectURL":"https://a.test/?x=` + p("redirect") + `","_error":"` + p("error") + `",
	 "content":{"mimeType":"text/html","size":3,"text":"` + p("body") + `","encoding":"base64","comment":"` + p("body comment") + `"},"_blockedCookies":[{"blockedReasons":["SecureOnly"],"cookieLine":"x=` + p("blocked line") + `; Secure"}]},
	"timings":{"send":1,"wait":"` + p("timings") + `","comment":"` + p("timings comment") + `"}}]},"more":"` + p("beside the log") + `"}`
}

var testKey = session.Key{1, 2, 3}

func scrubHAR(t *testing.T, har string) (string, *capture.Scrubber) {
	t.Helper()
	s := &capture.Scrubber{Key: testKey}
	var out strings.Builder
	if err := s.ScrubHAR(&out, strings.NewReader(har)); err != nil {
		t.Fatal(err)
	}
	if !json.Valid([]byte(out.String())) {
		t.Fatalf("no JSON any more: %s", out.String())
	}
	return out.String(), s
}

// TestScrubbedHARHoldsNoCanary plants one in every place of a HAR where a secret can hide. Proves S99.
func TestScrubbedHARHoldsNoCanary(t *testing.T) {
	var c canaries
	har := hostileHAR(&c)
	text, s := scrubHAR(t, har)
	c.search(t, text)
	c.search(t, strings.Join(s.List(), "\n"))
	if len(c.planted) < 50 {
		t.Errorf("%d canaries only", len(c.planted))
	}
	for _, want := range []string{"cookie sid", "header authorization", "query token", "post data", "body", "user information in a URL"} {
		if s.Removed[want] == 0 {
			t.Errorf("%q is not in the list of what was removed: %v", want, s.Removed)
		}
	}
}

// TestScrubbedHARTellsTheSameStory: requests, answers, cookies and their attributes, and which values are equal, survive.
func TestScrubbedHARTellsTheSameStory(t *testing.T) {
	har := `{"log":{"creator":{"name":"Firefox","version":"153"},"entries":[
	{"startedDateTime":"2026-01-02T10:00:00Z","_resourceType":"document","request":{"method":"POST","url":"https://shop.example/login?next=/cart","headers":[{"name":"Host","value":"shop.example"},{"name":"User-Agent","value":"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"},{"name":"Sec-Fetch-Site","value":"cross-site"}]},
	 "response":{"status":302,"headers":[{"name":"Set-Cookie","value":"sid=4711abcd; Path=/app; Secure; SameSite=Lax; Max-Age=3600; Expires=Wed, 02 Jan 2027 10:00:00 GMT"},{"name":"Location","value":"/app"}]}},
	{"startedDateTime":"2026-01-02T10:00:01Z","request":{"method":"GET","url":"https://shop.example/app","headers":[{"name":"Cookie","value":"sid=4711abcd"}]},"response":{"status":200,"headers":[]}}]}}`
	before, _, err := read(t, har)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := scrubHAR(t, har)
	after, _, err := read(t, text)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, after, before)
	for _, want := range []string{"; Path=/app; Secure; SameSite=Lax; Max-Age=3600; Expires=Wed, 02 Jan 2027 10:00:00 GMT", "Firefox/153.0", "Win64", "cross-site"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is gone: %s", want, text)
		}
	}
	p := testKey.Pseudonym([]byte("4711abcd")).String()
	if strings.Count(text, "sid="+p) != 2 {
		t.Errorf("the session is not %s in both places: %s", p, text)
	}
}

// TestScrubbingTwiceChangesNothing: a pseudonym stays as it is.
func TestScrubbingTwiceChangesNothing(t *testing.T) {
	var c canaries
	once, _ := scrubHAR(t, strings.Replace(hostileHAR(&c), ", 10.1.2.3", "", 1)) // an address gets a new number each time
	twice, _ := scrubHAR(t, once)
	if once != twice {
		t.Errorf("once:\n%s\ntwice:\n%s", once, twice)
	}
}

func TestScrubbedBrokenHARIsWhole(t *testing.T) {
	var c canaries
	har := hostileHAR(&c)
	for _, cut := range []int{len(har) / 3, len(har) / 2, len(har) - 10} {
		var out strings.Builder
		err := (&capture.Scrubber{}).ScrubHAR(&out, strings.NewReader(har[:cut]))
		if err == nil || !json.Valid([]byte(out.String())) {
			t.Errorf("cut at %d: error %v, output %s", cut, err, out.String())
		}
		c.search(t, out.String())
	}
}

// TestScrubbedTranscriptsHoldNoCanary. Proves S99.
func TestScrubbedTranscriptsHoldNoCanary(t *testing.T) {
	var c canaries
	p := c.plant
	for name, text := range map[string]string{
		"verbose": "* Connected to shop.example (127.0.0.1) port 443 (#0)\n* SSL connection using TLSv1.3\n* Server auth using Basic with user '" + p("info line") + "'\n> GET /reset/" + p("path") + "?t=" + p("query") + " HTTP/1.1\n> Host: shop.example\n> Authorization: Basic " + p("basic") +
			"\n> Cookie: sid=" + p("cookie") + "; " + p("nameless") + "\n> X-Token: " + p("own header") + "\n> \n} [5 bytes data]\npassword=" + p("sent data") + "\n< HTTP/1.1 302 " + p("reason") + "\n< Set-Cookie: sid=" + p("set-cookie") + "; Path=/; Secure\n< Location: https://u:" + p("userinfo") + "@shop.example/x?y=" + p("location") +
			"\n< \n" + p("body") + "\n* Issue another request to this URL: 'https://shop.example/x?y=" + p("next URL") + "'\n",
		"trace": "== Info: " + p("info") + "\n=> Send header, 20 bytes (0x14)\n0000: GET / HTTP/1.1\n0010: Cookie: sid=" + p("traced cookie") + "\n=> Send data, 5 bytes\n0000: " + p("traced data") + "\n<= Recv header\n0000: HTTP/1.1 200 OK\n<= Recv header\n0000: Set-Cookie: a=" + p("traced set-cookie") + "\n<= Recv data\n0000: " + p("traced body") + "\n",
		"dump":  "HTTP/1.1 200 OK\nSet-Cookie: sid=" + p("dump") + "; SameSite=None\nX-Secret: " + p("dump header") + "\n\n<p>" + p("dump body") + "</p>\n",
		"notes": "Ticket of " + p("name") + "\nPOST /callback?x=" + p("note query") + " Referer: https://bank.example/" + p("note referer") + " (no sid) (called " + p("remark") + ")\nCookie: _s=" + p("note cookie") + "; _s=" + p("second") + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := &capture.Scrubber{Key: testKey}
			var out strings.Builder
			if err := s.ScrubTranscript(&out, strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
			c.search(t, out.String())
			before, _, err1 := read(t, text)
			after, _, err2 := read(t, out.String())
			if err1 != nil || err2 != nil || len(before) == 0 {
				t.Fatalf("%v, %v: %s", err1, err2, out.String())
			}
			for i := range before {
				b := &before[i]
				if i >= len(after) || after[i].status != b.status || after[i].sent != b.sent || after[i].set != b.set || after[i].method != b.method {
					t.Errorf("exchange %d is another one: %+v, before %+v\n%s", i+1, after, before, out.String())
					break
				}
			}
		})
	}
}
