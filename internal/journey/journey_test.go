package journey

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"limpet.dev/cookie"
)

const head = `target: https://shop.example
allow: [pay.test, api.shop.example]
limits: {rate: 1000}
variables:
  user: customer-1
  password: {env: PW}
journeys:
`

const signIn = `      - {open: /login}
      - submit: /login
        form: {user: "${user}", password: "${password}"}
`

// stories are the journeys that show the client-side causes: what the users of such a site do.
var stories = map[string]string{
	"login":    signIn + "      - {link: /account, expect: {contains: [Your account]}}\n",
	"http":     signIn + "      - {link: 'http://shop.example/account', expect: {contains: [Your account]}}\n",
	"payment":  signIn + "      - {link: 'https://pay.test/pay'}\n      - {wait: 5m}\n      - {submit: 'https://shop.example/checkout/return', expect: {contains: [Thank you]}}\n",
	"provider": signIn + "      - {link: 'https://pay.test/sso'}\n      - {link: 'https://shop.example/account', expect: {contains: [Your account]}}\n",
	"frame":    signIn + "      - {open: 'https://pay.test/'}\n      - {frame: 'https://shop.example/widget', expect: {contains: [Your account]}}\n",
	"blog":     signIn + "      - {link: /account, expect: {contains: [Your account]}}\n      - {link: /blog}\n      - {link: /account, expect: {contains: [Your account]}}\n",
	"script":   signIn + "      - {fetch: /api/cart, credentials: omit, expect: {status: 200}}\n",
}

func file(t testing.TB, names ...string) *File {
	t.Helper()
	var b strings.Builder
	b.WriteString(head)
	for _, n := range names {
		fmt.Fprintf(&b, "  - name: %s\n    steps:\n%s", n, stories[n])
	}
	f, err := Parse("journeys.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func env(name string) (string, bool) { return "test-only", name == "PW" }

// run plays a file against a shop with a fault; waiting for turns takes no time.
func run(t *testing.T, f *File, fault string, opt Options) (*Result, *web) {
	t.Helper()
	w, _ := newWeb(fault)
	opt.Transport, opt.Getenv = w, env
	var res *Result
	synctest.Test(t, func(t *testing.T) {
		var err error
		if res, err = f.Run(context.Background(), opt); err != nil {
			t.Fatal(err)
		}
	})
	return res, w
}

// planted names for each client-side cause the journey that shows it, a client that is concerned, and one that is not.
var planted = []struct{ fault, story, hit, spared, cause string }{
	{"samesite-cross-site-post", "payment", "chrome", "curl-jar", "samesite-cross-site-post"},
	{"samesite-strict-redirect", "provider", "firefox", "curl-jar", "samesite-strict-redirect"},
	{"samesite-legacy-client", "provider", "safari-ios-12", "chrome", "samesite-legacy-client"},
	{"secure-cookie-proto-unknown", "login", "chrome", "go-jar", "secure-cookie-proto-unknown"},
	{"secure-cookie-over-http", "http", "chrome", "", "secure-cookie-over-http"},
	{"cookie-domain-invalid", "login", "chrome", "", "cookie-domain-invalid"},
	{"cookie-path-rewrite", "login", "firefox", "", "cookie-path-rewrite"},
	{"cookie-duplicate-scope", "login", "chrome", "", "cookie-duplicate-scope"},
	{"cookie-name-collision", "blog", "firefox", "", "cookie-name-collision"},
	{"cookie-stripped-by-cdn", "login", "chrome", "", ""}, // a client cannot tell who took it out: the reason names both
	{"cookie-too-large", "login", "chrome", "", "cookie-too-large"},
	{"third-party-cookie-blocked", "frame", "chrome", "", "third-party-cookie-blocked"},
	{"client-credentials-omitted", "script", "chrome", "", "client-credentials-omitted"},
}

// The right cell fails for the right reason, and the journeys that a cause does not touch pass in every client. Proves S42.
func TestMatrixOfClientSideCauses(t *testing.T) {
	for _, tt := range planted {
		t.Run(tt.fault, func(t *testing.T) {
			res, _ := run(t, file(t, tt.story), tt.fault, Options{})
			if res.Verdict != Failed {
				t.Fatalf("verdict %s", res.Verdict)
			}
			cells := map[string]*Cell{}
			for i := range res.Cells {
				cells[res.Cells[i].Client] = &res.Cells[i]
			}
			hit := cells[tt.hit]
			if hit.Outcome != Fail || hit.Cause != tt.cause || (hit.Cookie == "SID") != (tt.cause != "") || !strings.Contains(hit.Reason+hit.Cause, tt.fault) {
				t.Errorf("%s: %+v, want failed by %s", tt.hit, *hit, tt.cause)
			}
			if tt.spared != "" && cells[tt.spared].Outcome != Pass {
				t.Errorf("%s: %+v, want passed", tt.spared, *cells[tt.spared])
			}
			for _, c := range res.Cells {
				k, _ := cookie.ClientNamed(c.Client)
				if c.Outcome == Fail && c.Cause != tt.cause && (c.Cause != "samesite-legacy-client" || k.Rules.NoneMisread == cookie.NoneUnderstood) {
					t.Errorf("%s fails by %s (%s)", c.Client, c.Cause, c.Reason)
				}
			}
		})
	}
}

func TestHealthySitePassesEveryJourneyInEveryClient(t *testing.T) {
	res, _ := run(t, file(t, "login", "provider"), "", Options{})
	clients := map[string]bool{}
	for _, c := range res.Cells {
		clients[c.Client] = true
		if c.Outcome != Pass && c.Outcome != Unable {
			t.Errorf("%s as %s: %+v", c.Journey, c.Client, c)
		}
	}
	if res.Verdict != Passed || len(clients) < 20 {
		t.Errorf("verdict %s with %d clients", res.Verdict, len(clients))
	}
}

// The ready journeys pass against a shop such as ours, content checked, clean-up proven. Proves S79, S80.
func TestReadyJourneysPassAndLeaveNothing(t *testing.T) {
	f, err := Parse("ready.yaml", Ready)
	if err != nil {
		t.Fatal(err)
	}
	f.Target, f.Variables["password"], f.Limits.Rate = "https://shop.example", Variable{Env: "PW"}, 1000
	w, s := newWeb("")
	synctest.Test(t, func(t *testing.T) {
		res, err := f.Run(t.Context(), Options{Transport: w, Getenv: env, Clients: []string{"chrome", "safari", "go-jar"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range res.Cells {
			if c.Outcome != Pass || c.Clean != "gone" {
				t.Errorf("%s as %s: %+v", c.Journey, c.Client, c)
			}
		}
		if len(res.Cells) != 12 {
			t.Errorf("%d cells", len(res.Cells))
		}
	})
	if len(s.sessions) != 0 {
		t.Errorf("%d sessions are left", len(s.sessions))
	}
}

// A page that answers 200 and does not know the user is a loss; state that outlives its clean-up is said.
func TestLossBehind200AndStateThatStays(t *testing.T) {
	const text = head + "  - name: stays\n    steps:\n" + signIn + `      - {link: /account, expect: {status: 200, contains: [Your account]}}
    cleanup: [{submit: /logout}]
    gone: [{open: /account, expect: {contains: [Please log in]}}]
`
	f, err := Parse("j.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	res, _ := run(t, f, "logout-keeps-state", Options{Clients: []string{"chrome"}})
	if c := res.Cells[0]; c.Outcome != Pass || c.Clean != "still there" || res.Verdict != Failed {
		t.Errorf("%+v, verdict %s", c, res.Verdict)
	}
	res, _ = run(t, f, "cookie-path-rewrite", Options{Clients: []string{"chrome"}})
	if c := res.Cells[0]; c.Outcome != Fail || c.Step != "3 link /account" || c.Met != 0 || !strings.Contains(c.Got, "200") {
		t.Errorf("%+v", c)
	}
}

// A host that is not on the list is never contacted; rates, numbers and times are bounded; a site in trouble is left alone. Proves S87.
func TestSafety(t *testing.T) {
	f := file(t, "provider")
	f.Allow = nil
	res, w := run(t, f, "", Options{})
	if res.Verdict != Stopped || !strings.Contains(res.Stopped, "pay.test") || w.seen["pay.test"] != 0 {
		t.Errorf("verdict %s, %q, pay.test was asked %d times", res.Verdict, res.Stopped, w.seen["pay.test"])
	}
	f = file(t, "login")
	f.Limits.Requests = 7
	if res, w = run(t, f, "", Options{}); res.Verdict != Stopped || w.seen["shop.example"] > 7 {
		t.Errorf("verdict %s after %d requests", res.Verdict, w.seen["shop.example"])
	}
	f = file(t, "login")
	f.Limits.Rate, f.Limits.Duration = 0.1, 45*time.Second
	if res, w = run(t, f, "", Options{}); res.Verdict != Stopped || w.seen["shop.example"] > 6 {
		t.Errorf("verdict %s after %d requests at one in ten seconds", res.Verdict, w.seen["shop.example"])
	}
}

// Journeys are the users' own: unknown keys, several actions, secrets in the file and unknown clients are errors with a place. Proves S81.
func TestFilesOfUsers(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"unknown key", "target: http://a.test\njourneys:\n  - name: x\n    stepz: []\n", "j.yaml:4"},
		{"two actions", head + "  - name: x\n    steps: [{open: /, link: /}]\n", "one action is needed"},
		{"no target", "journeys: [{name: x, steps: [{open: /}]}]\n", "target"},
		{"secret", "target: http://a.test\nvariables: {password: hunter2}\njourneys: [{name: x, steps: [{open: /}]}]\n", "is a secret"},
		{"secret in a form", "target: http://a.test\njourneys: [{name: x, steps: [{submit: /, form: {password: hunter2}}]}]\n", "is a secret"},
		{"client", head + "  - name: x\n    clients: [netscape]\n    steps: [{open: /}]\n", "netscape"},
		{"anchors", "target: &a http://a.test\n", "j.yaml:1: anchors"},
		{"nothing", "", "journeys"},
		{"no yaml", "{", "j.yaml"},
	} {
		_, err := Parse("j.yaml", []byte(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows a secret", tt.name)
		}
	}
}

func TestPlanContactsNobody(t *testing.T) {
	f := file(t, "login", "payment")
	p, err := f.Plan(Options{Getenv: env, Clients: []string{"browser"}})
	if err != nil {
		t.Fatal(err)
	}
	if p.Cells != 2*len(p.Clients) || len(p.Journeys) != 2 || !slices.Contains(p.Hosts, "pay.test") {
		t.Errorf("%+v", p)
	}
	if _, err := f.Plan(Options{Getenv: func(string) (string, bool) { return "", false }}); err == nil {
		t.Error("a secret that is not in the environment: no error")
	}
}

// No output shows a credential, a password or a page's text.
func TestOutputsShowNoSecrets(t *testing.T) {
	res, _ := run(t, file(t, "login", "payment"), "samesite-cross-site-post", Options{})
	for _, format := range Formats() {
		var b bytes.Buffer
		if err := Write(&b, format, res); err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"secret-", "test-only", "customer-1"} {
			if strings.Contains(b.String(), secret) {
				t.Errorf("%s shows %q", format, secret)
			}
		}
		if format == "junit" {
			var s suites
			if err := xml.Unmarshal(b.Bytes(), &s); err != nil || len(s.Suites) != 2 {
				t.Errorf("junit: %v, %d suites", err, len(s.Suites))
			}
		}
	}
}

func TestUnableClientsAreNotCalledFailed(t *testing.T) {
	res, _ := run(t, file(t, "frame"), "", Options{})
	for _, c := range res.Cells {
		k, _ := cookie.ClientNamed(c.Client)
		if k.Rules.Jar == cookie.NoJar && c.Outcome != Unable {
			t.Errorf("%s: %s", c.Client, c.Outcome)
		}
	}
}
