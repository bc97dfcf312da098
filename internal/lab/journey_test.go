package lab

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"limpet.dev/cookie"
	"limpet.dev/internal/journey"
	"limpet.dev/session"
	"limpet.dev/witness"
)

// A front stands before the lab's shop as a balancer does that rewrites Set-Cookie: it plants the client-side causes.
type front struct {
	shop http.Handler
	bend func(line string) []string // what becomes of a Set-Cookie line; nil: nothing
	more map[string]string          // path -> a Set-Cookie line of somebody else
}

func (f *front) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	r.RequestURI = r.URL.RequestURI()
	if r.URL.Hostname() == "pay.test" {
		fmt.Fprint(rec, "Pay here.")
	} else {
		if r.Header.Set("X-Forwarded-Proto", r.URL.Scheme); r.Body == nil {
			r.Body = http.NoBody
		}
		f.shop.ServeHTTP(rec, r)
	}
	answer := rec.Result()
	answer.Request = r
	lines := answer.Header.Values("Set-Cookie")
	answer.Header.Del("Set-Cookie")
	for _, line := range lines {
		if f.bend != nil && strings.HasPrefix(line, sessionCookie+"=") && !strings.Contains(line, deletedValue) {
			for _, bent := range f.bend(line) {
				answer.Header.Add("Set-Cookie", bent)
			}
			continue
		}
		answer.Header.Add("Set-Cookie", line)
	}
	if line, ok := f.more[r.URL.Path]; ok && r.Method == http.MethodGet {
		answer.Header.Add("Set-Cookie", line)
		answer.Header.Set("X-Powered-By", "Blog/2")
	}
	return answer, nil
}

// bare is a Set-Cookie line's pair, so that a cause can write the attributes anew.
func bare(line string) string {
	pair, _, _ := strings.Cut(line, ";")
	return pair
}

func with(attributes string) func(string) []string {
	return func(line string) []string { return []string{bare(line) + attributes} }
}

const signsIn = `      - {open: /login}
      - submit: /login
        form: {user: anna, password: "${password}"}
`

// journeys are what the shop's users do where the causes show.
var journeysOf = map[string]string{
	"login":    signsIn + "      - {link: /account, expect: {contains: [Your account]}}\n",
	"http":     signsIn + "      - {link: 'http://shop.example/account', expect: {contains: [Your account]}}\n",
	"payment":  signsIn + "      - {submit: /cart/add}\n      - {link: 'https://pay.test/pay'}\n      - {wait: 5m}\n      - {submit: 'https://shop.example/checkout/return', expect: {contains: [Thank you]}}\n",
	"provider": signsIn + "      - {link: 'https://pay.test/sso'}\n      - {link: 'https://shop.example/account', expect: {contains: [Your account]}}\n",
	"frame":    signsIn + "      - {open: 'https://pay.test/'}\n      - {frame: 'https://shop.example/account', expect: {contains: [Your account]}}\n",
	"blog":     signsIn + "      - {link: /account, expect: {contains: [Your account]}}\n      - {link: /robots.txt}\n      - {link: /account, expect: {contains: [Your account]}}\n",
	"script":   signsIn + "      - {fetch: /api/account, credentials: omit, expect: {status: 200}}\n",
}

// The journey matrix over the lab's shop: for each client-side cause the right cell fails for the right reason, a client that it
// does not concern passes, and no cell fails for another reason. Without a cause every cell passes.
func TestJourneyMatrixOfClientSideCauses(t *testing.T) {
	lax := with("; Path=/; Secure; HttpOnly; SameSite=Lax")
	for _, tt := range []struct {
		cause, story, hit, spared string
		front                     front
	}{
		{"", "login", "", "", front{bend: lax}},
		{"", "provider", "", "", front{bend: lax}},
		{"samesite-cross-site-post", "payment", "chrome", "curl-jar", front{bend: lax}},
		{"samesite-strict-redirect", "provider", "firefox", "curl-jar", front{bend: with("; Path=/; Secure; SameSite=Strict")}},
		{"samesite-legacy-client", "provider", "safari-ios-12", "chrome", front{bend: with("; Path=/; Secure; SameSite=None")}},
		{"secure-cookie-proto-unknown", "login", "chrome", "go-jar", front{bend: with("; Path=/; SameSite=None")}},
		{"secure-cookie-over-http", "http", "chrome", "", front{bend: lax}},
		{"cookie-domain-invalid", "login", "chrome", "", front{bend: with("; Path=/; Domain=app1.internal")}},
		{"cookie-path-rewrite", "login", "firefox", "", front{bend: with("; Path=/shop; Secure")}},
		{"cookie-too-large", "login", "chrome", "", front{bend: func(line string) []string {
			return []string{bare(line) + strings.Repeat("x", 4200) + "; Path=/; Secure"}
		}}},
		{"cookie-duplicate-scope", "login", "chrome", "", front{bend: lax, more: map[string]string{"/login": sessionCookie + "=stale; Path=/account; Secure"}}},
		{"cookie-name-collision", "blog", "firefox", "", front{bend: lax, more: map[string]string{"/robots.txt": sessionCookie + "=blog-1; Path=/; Secure"}}},
		{"cookie-stripped-by-cdn", "login", "chrome", "", front{bend: func(string) []string { return nil }}},
		{"third-party-cookie-blocked", "frame", "chrome", "", front{bend: lax}},
		{"client-credentials-omitted", "script", "chrome", "", front{bend: lax}},
	} {
		t.Run(tt.story+" "+tt.cause, func(t *testing.T) {
			s := &shop{name: "app1", ledger: &ledger{}, record: &witness.Recorder{Sink: func([]byte) {}, Key: session.Key{1}, Instance: "app1"},
				store: newMemoryStore(time.Hour, time.Hour, func(string, string) {})}
			tt.front.shop = s.handler()
			f, err := journey.Parse("j.yaml", fmt.Appendf(nil, "target: https://shop.example\nallow: [pay.test]\nlimits: {rate: 1000}\nvariables: {password: {env: PW}}\njourneys:\n  - name: %s\n    steps:\n%s", tt.story, journeysOf[tt.story]))
			if err != nil {
				t.Fatal(err)
			}
			res, err := f.Run(t.Context(), journey.Options{Transport: &tt.front, Getenv: func(string) (string, bool) { return password("anna"), true }})
			if err != nil {
				t.Fatal(err)
			}
			checkCells(t, res, tt.cause, tt.hit, tt.spared)
		})
	}
}

func checkCells(t *testing.T, res *journey.Result, cause, hit, spared string) {
	t.Helper()
	named := cause
	if cause == "cookie-stripped-by-cdn" {
		named = "" // a client cannot tell who took it out: the reason names the candidates
	}
	failed := 0
	for _, c := range res.Cells {
		k, _ := cookie.ClientNamed(c.Client)
		misreads := k.Rules.NoneMisread != cookie.NoneUnderstood && c.Cause == "samesite-legacy-client"
		switch {
		case c.Outcome == journey.Fail:
			failed++
			if cause == "" || c.Cause != named && !misreads || !regexp.MustCompile(cause).MatchString(c.Cause+c.Reason) && !misreads {
				t.Errorf("%s fails by %q (%s)", c.Client, c.Cause, c.Reason)
			}
		case c.Outcome == journey.Broken, c.Client == hit:
			t.Errorf("%s: %s %s", c.Client, c.Outcome, c.Reason)
		}
		if c.Client == spared && c.Outcome != journey.Pass {
			t.Errorf("%s: %s by %s, want passed", c.Client, c.Outcome, c.Cause)
		}
	}
	if cause != "" && failed == 0 {
		t.Error("no cell failed")
	}
}
