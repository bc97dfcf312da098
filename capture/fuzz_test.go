package capture_test

import (
	"errors"
	"strings"
	"testing"

	"limpet.dev/capture"
)

// promises checks what Read promises for any input: it ends, says with a place what it could not read, and counts what it
// delivers.
func promises(t *testing.T, text string) {
	n := 0
	about, err := capture.Read(strings.NewReader(text), func(x *capture.Exchange) error {
		if n++; x.N != n {
			t.Errorf("exchange %d says that it is number %d", n, x.N)
		}
		if x.URL != nil && (x.URL.User != nil || x.URL.Fragment != "" || x.URL.Host == "") {
			t.Error("a URL with user information, with a fragment, or without host")
		}
		if strings.ContainsAny(x.Place(), "?#\n") {
			t.Error("Place shows more than scheme, host and path")
		}
		return nil
	})
	if err != nil {
		broken, ok := errors.AsType[*capture.BrokenError](err)
		if !ok || broken.Offset < 0 || broken.Offset > int64(len(text)) {
			t.Errorf("error without a place inside: %v", err)
		}
	}
	if about.Exchanges != n {
		t.Errorf("%d exchanges counted, %d delivered", about.Exchanges, n)
	}
}

func FuzzHAR(f *testing.F) {
	f.Add(`{"log":{"creator":{"name":"x"},"entries":[{"startedDateTime":"2026-01-02T10:00:00Z","time":1,"pageref":"p","request":{"method":"GET","url":"https://u:p@a.test/x?y#z","headers":[{"name":"Cookie","value":"a=1; b"}],"cookies":[{"name":"a","value":"1","path":"/","expires":"2027-01-01T00:00:00Z"}]},"response":{"status":302,"redirectURL":"/x","headers":[{"name":"Set-Cookie","value":"a=2\nb=3"}],"_blockedCookies":[{"cookieLine":"x=1","blockedReasons":["SecureOnly"]}],"content":{"text":"\"\\\ud83d\ude00"}}}]}}`)
	f.Add(`{"log":{"entries":[{"request":{},"response":[]},null,1,"x",[[[{}]]]]}}`)
	f.Add("\ufeff{\"log\":{\"entries\":[")
	f.Fuzz(promises)
}

func FuzzTranscript(f *testing.F) {
	f.Add(verbose)
	f.Add("== Info: Connected to a (b) port 80\n=> Send header\n0000: GET / HTTP/1.1\n0010: Host: a\n<= Recv header\n0000: HTTP/1.1 200 OK\n")
	f.Add("HTTP/1.1 200 OK\nSet-Cookie: a=1\n\nbody\nHTTP/1.1 302 Found\nLocation: http://x/\n\n")
	f.Add("GET /a -> 401 Referer: https://b.example (no sid) (UA iOS 12_4)\nSet-Cookie: a=<6 kB>; Secure\nrequest host: x.test\n")
	f.Fuzz(promises)
}
