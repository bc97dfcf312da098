package capture_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"limpet.dev/capture"
)

// seen is what a test compares of an exchange.
type seen struct {
	method, place string
	status        int
	sent          string // names, blank-separated; "?" unknown
	set           string
	location      string
}

func read(t *testing.T, text string) ([]seen, capture.About, error) {
	t.Helper()
	var all []seen
	about, err := capture.Read(strings.NewReader(text), func(x *capture.Exchange) error {
		s := seen{method: x.Method, place: x.Place(), status: x.Status, location: x.Response.Get("location")}
		var names []string
		for _, p := range x.Sent {
			names = append(names, p.Name)
		}
		if s.sent = strings.Join(names, " "); !x.SentKnown {
			s.sent = "?"
		}
		names = nil
		for _, l := range x.SetCookies {
			names = append(names, capture.NameOf(l.Reveal()))
		}
		s.set = strings.Join(names, " ")
		all = append(all, s)
		return nil
	})
	return all, about, err
}

func compare(t *testing.T, got, want []seen) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d exchanges, want %d: %+v", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("exchange %d:\n got %+v\nwant %+v", i+1, got[i], want[i])
		}
	}
}

func TestHAROfABrowser(t *testing.T) {
	got, about, err := read(t, `{"log":{"version":"1.2","creator":{"name":"WebInspector","version":"537.36"},"pages":[{"id":"page_1"}],"entries":[
	{"pageref":"page_1","startedDateTime":"2026-01-02T10:00:00.123Z","time":12.5,"_resourceType":"document",
	 "request":{"method":"POST","url":"https://bob:pw@shop.example/login?next=%2Fcart#top","httpVersion":"http/2.0","headers":[{"name":":authority","value":"shop.example"},{"name":"Cookie","value":"theme=dark; sid=\"a b\""}],"cookies":[],"postData":{"mimeType":"x","text":"password=geheim"}},
	 "response":{"status":302,"headers":[{"name":"Set-Cookie","value":"sid=1; Path=/; HttpOnly\nroute=x"},{"name":"set-cookie","value":"lang=de"},{"name":"Location","value":"/cart"}],
	  "content":{"size":3,"text":"YQ\"==\\","encoding":"base64"},"_blockedCookies":[{"blockedReasons":["SecureOnly"],"cookieLine":"lang=de"}]}},
	{"startedDateTime":"2026-01-02T10:00:01Z","request":{"method":"GET","url":"https://shop.example/cart","headers":[{"name":"Accept","value":"*/*"},{"name":"Host","value":"shop.example"}],
	 "_associatedCookies":[{"cookie":{"name":"sid","value":"1"},"blockedReasons":["SchemefulSameSiteStrict"]},{"cookie":{"name":"ok"},"blockedReasons":[]}]},"response":{"status":"200","headers":[]}}]}}`)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, got, []seen{
		{"POST", "https://shop.example/login", 302, "theme sid", "sid route lang", "/cart"},
		{"GET", "https://shop.example/cart", 200, "", "", ""},
	})
	if about.Kind != capture.HAR || about.Creator != "WebInspector 537.36" || about.Sanitised() {
		t.Errorf("about %+v", about)
	}
}

func TestBlockedReasonsOfTheBrowserAreKept(t *testing.T) {
	var last capture.Exchange
	_, err := capture.Read(strings.NewReader(`{"log":{"entries":[{"request":{"method":"GET","url":"http://a.test/","headers":[],"_associatedCookies":[{"cookie":{"name":"sid"},"blockedReasons":["SecureOnly"]}]},
	"response":{"status":200,"_blockedCookies":[{"blockedReasons":["InvalidDomain"],"cookieLine":"x=1; Domain=b.test"}]}}]}}`), func(x *capture.Exchange) error {
		last = *x
		return nil
	})
	if err != nil || len(last.NotSent) != 1 || last.NotSent[0].Name != "sid" || len(last.NotStored) != 1 || last.NotStored[0].Name != "x" || last.NotStored[0].Reasons[0] != "InvalidDomain" {
		t.Errorf("got %+v, %v", last, err)
	}
}

// TestCreatorsDiffer: what Firefox, Safari, Charles, Fiddler and mitmproxy write differently is read alike.
func TestCreatorsDiffer(t *testing.T) {
	for name, log := range map[string]string{
		"cookies only in the lists": `{"log":{"creator":{"name":"Safari"},"entries":[{"startedDateTime":"2026-01-02T10:00:00.000+01:00","request":{"method":"GET","url":"https://a.test/","cookies":[{"name":"sid","value":"1"}],"headers":[{"name":"Accept","value":"x"}]},
			"response":{"status":200,"cookies":[{"name":"sid","value":"2","path":"/","httpOnly":true,"secure":true,"expires":"2027-01-01T00:00:00Z"}],"headers":[{"name":"Server","value":"x"}]}}]}}`,
		"a byte order mark and null": "\ufeff" + `{"log":{"creator":null,"pages":null,"entries":[{"comment":null,"request":{"method":"get","url":"https://a.test/","headers":[{"name":"cookie","value":"sid=1"}],"cookies":null},"response":{"status":200.0,"headers":[{"value":"sid=2; Secure","name":"Set-Cookie"}],"cookies":null}}]}}`,
		"browser after the entries":  `{"log":{"entries":[{"response":{"status":200,"headers":[{"name":"Set-Cookie","value":"sid=2"}],"content":{"text":"\\\"\\\\"}},"request":{"url":"https://a.test/","method":"GET","headers":[{"name":"Cookie","value":"sid=1"}]}},],"browser":{"name":"Firefox","version":"153"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := read(t, log)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got, []seen{{"GET", "https://a.test/", 200, "sid", "sid", ""}})
		})
	}
}

// TestBrokenFilesSayWhere: what could be read is delivered, and the place of the fault is told.
func TestBrokenFilesSayWhere(t *testing.T) {
	whole := `{"log":{"entries":[{"request":{"method":"GET","url":"https://a.test/1","headers":[]},"response":{"status":200}},{"request":{"method":"GET","url":"https://a.test/2"`
	for _, tt := range []struct {
		name, text, says string
		delivered        int
	}{
		{"cut off", whole, fmt.Sprintf("byte %d: the file ends", len(whole)), 1},
		{"cut in a string", whole[:len(whole)-1], "the file ends inside a string", 1},
		{"not JSON behind", whole[:strings.Index(whole, ",{")] + "<html>", "unexpected '<'", 1},
		{"another JSON", `{"hello":{"world":[1,2,{"a":"b"}]}}` + "\n" + `{}`, "no capture", 0},
		{"no entries", `{"log":{"version":"1.2"}}`, "no log.entries", 0},
		{"no text", "\x00\x01\x02", "no capture", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := read(t, tt.text)
			if broken, ok := errors.AsType[*capture.BrokenError](err); !ok || !strings.Contains(broken.Error(), tt.says) {
				t.Errorf("error %v, want one that says %q", err, tt.says)
			}
			if len(got) != tt.delivered {
				t.Errorf("%d exchanges delivered, want %d", len(got), tt.delivered)
			}
		})
	}
}

func TestSanitisedIsSeen(t *testing.T) {
	entry := `{"request":{"method":"GET","url":"https://a.test/","headers":[{"name":"Host","value":"a.test"}]},"response":{"status":200,"headers":[{"name":"Server","value":"x"}]}}`
	_, about, err := read(t, `{"log":{"entries":[`+entry+","+entry+","+entry+`]}}`)
	if err != nil || !about.Sanitised() {
		t.Errorf("no cookie anywhere: %+v, %v", about, err)
	}
	_, about, err = read(t, `{"log":{"entries":[{"request":{"method":"GET","url":"https://a.test/","headers":[{"name":"Cookie","value":"sid=[redacted]"}]}}]}}`)
	if err != nil || about.Redacted != 1 {
		t.Errorf("a placeholder: %+v, %v", about, err)
	}
}

const verbose = `*   Trying 127.0.0.1:443...
* Connected to shop.example (127.0.0.1) port 443 (#0)
* SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384
> POST /login HTTP/1.1
> Host: shop.example
> User-Agent: curl/7.88.1
> Cookie: theme=dark
> 
} [12 bytes data]
< HTTP/1.1 100 Continue
< 
< HTTP/1.1 302 Found
< Date: Fri, 02 Jan 2026 10:00:00 GMT
< Set-Cookie: sid=1; Path=/; Secure
< Set-Cookie: lang=de
< Location: /cart
< 
{ [3 bytes data]
HTTP/1.1 is also what a body may say
* Connection #0 to host shop.example left intact
* Issue another request to this URL: 'https://shop.example/cart'
> GET /cart HTTP/1.1
> Host: shop.example
> 
< HTTP/1.1 200 OK
< Content-Type: text/html
< 
<html>
`

func TestCurlVerbose(t *testing.T) {
	got, about, err := read(t, verbose)
	if err != nil || about.Kind != capture.Transcript {
		t.Fatal(about.Kind, err)
	}
	compare(t, got, []seen{
		{"POST", "https://shop.example/login", 302, "theme", "sid lang", "/cart"},
		{"GET", "https://shop.example/cart", 200, "", "", ""},
	})
}

func TestCurlTrace(t *testing.T) {
	got, _, err := read(t, `== Info: Connected to shop.example (127.0.0.1) port 80 (#0)
=> Send header, 116 bytes (0x74)
0000: GET /cart HTTP/1.1
0014: Host: shop.example
0028: Cookie: sid=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
0068: bbbb; lang=de
0077: 
<= Recv header, 17 bytes (0x11)
0000: HTTP/1.1 200 OK
<= Recv header, 20 bytes (0x14)
0000: Set-Cookie: sid=2
<= Recv header, 2 bytes (0x2)
0000: 
<= Recv data, 20 bytes (0x14)
0000: Set-Cookie: not=one
`)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, got, []seen{{"GET", "http://shop.example/cart", 200, "sid lang", "sid", ""}})
}

func TestHeaderDumps(t *testing.T) {
	got, about, err := read(t, "HTTP/2 302 \r\nset-cookie: sid=1; secure\r\nlocation: https://shop.example/home\r\n\r\nHTTP/2 200 \r\nset-cookie: lang=de\r\n\r\n<p>set-cookie: no=cookie</p>\n")
	if err != nil || about.Kind != capture.Headers {
		t.Fatal(about.Kind, err)
	}
	compare(t, got, []seen{
		{"", "(address not captured)", 302, "?", "sid", "https://shop.example/home"},
		{"", "https://shop.example/home", 200, "?", "lang", ""},
	})
}

// TestNotes: what people write into tickets.
func TestNotes(t *testing.T) {
	for text, want := range map[string]seen{
		"request host: www.example.test\nSet-Cookie: ARRAffinity=5f;Path=/;Domain=myapp.azurewebsites.example": {"", "http://www.example.test/", 0, "?", "ARRAffinity", ""},
		"POST /payment/callback Referer: https://bank.example (no laravel_session)":                            {"POST", "(address not captured)", 0, "", "", ""},
		"Cookie: _s=OLD; _s=NEW\n(Set at studio.example.test and .example.test)":                               {"", "(address not captured)", 0, "_s _s", "", ""},
		"Set-Cookie: logto=<5 kB>": {"", "(address not captured)", 0, "?", "logto", ""},
	} {
		got, _, err := read(t, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		compare(t, got, []seen{want})
	}
}

func TestLogsAreNoCaptures(t *testing.T) {
	for _, text := range []string{
		`10.0.0.1 - - [02/Jan/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "cookie: a=1"` + "\n",
		`Jan  2 10:00:00 lb haproxy[1]: 10.0.0.1:5 [02/Jan/2026:10:00:00.1] fe be/a 0/0/0/0/0 200 1 sid=1 - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1"` + "\n",
		`{"time":"2026-01-02T10:00:00Z","event":"websession.read","session":"x"}` + "\n", "", "hello", "global\n  log stdout\n",
	} {
		if kind := capture.Sniff([]byte(text)); kind != capture.Unknown {
			t.Errorf("%q is taken for %s", text, kind)
		}
	}
}

// TestSecretsHideThemselves however they are formatted.
func TestSecretsHideThemselves(t *testing.T) {
	p := capture.Pair{Name: "sid", Value: "canary-4711"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		text := fmt.Sprintf(format, p)
		if strings.Contains(text, "canary") || strings.Contains(text, fmt.Sprintf("%x", "canary")) {
			t.Errorf("%s shows it", format)
		}
	}
}

func TestTimes(t *testing.T) {
	var start time.Time
	_, err := capture.Read(strings.NewReader(`{"log":{"entries":[{"startedDateTime":"2026-01-02T11:00:00.5+0100","request":{"method":"GET","url":"https://a.test/"}}]}}`), func(x *capture.Exchange) error {
		start = x.Start
		return nil
	})
	if want := time.Date(2026, 1, 2, 10, 0, 0, 5e8, time.UTC); err != nil || !start.Equal(want) {
		t.Errorf("start %v, want %v (%v)", start, want, err)
	}
}
