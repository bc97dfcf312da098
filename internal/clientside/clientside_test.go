package clientside_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"limpet.dev/capture"
	"limpet.dev/internal/clientside"
)

const (
	chromeAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"
	hhmm        = "2026-01-02T10:%02d:%02d.000Z"
)

// An entry is one exchange of a HAR that a test makes.
type entry struct {
	at      int // seconds after ten o'clock
	method  string
	url     string
	request []string // "name: value"
	kind    string   // Chrome's _resourceType
	status  int
	answer  []string
	body    string
}

type pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func pairs(lines []string) []pair {
	out := []pair{}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		out = append(out, pair{name, value})
	}
	return out
}

// har writes a HAR as Chrome would.
func har(entries ...entry) string {
	var list []any
	for _, e := range entries {
		if e.method == "" {
			e.method = "GET"
		}
		if e.status == 0 {
			e.status = 200
		}
		request := append([]string{"Host: x", "Accept: text/html", "User-Agent: " + chromeAgent}, e.request...)
		list = append(list, map[string]any{
			"startedDateTime": fmt.Sprintf(hhmm, e.at/60, e.at%60), "time": 5, "_resourceType": e.kind,
			"request":  map[string]any{"method": e.method, "url": e.url, "httpVersion": "h2", "headers": pairs(request)},
			"response": map[string]any{"status": e.status, "headers": pairs(e.answer), "content": map[string]any{"text": e.body}},
		})
	}
	text, err := json.Marshal(map[string]any{"log": map[string]any{"version": "1.2", "creator": map[string]any{"name": "WebInspector", "version": "537.36"}, "entries": list}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func source(name, text string) clientside.Source {
	return clientside.Source{Path: name, Read: func(do func(*capture.Exchange) error) (capture.About, error) {
		return capture.Read(strings.NewReader(text), do)
	}}
}

func examine(opt clientside.Options, texts ...string) *clientside.Report {
	var sources []clientside.Source
	for i, text := range texts {
		sources = append(sources, source(fmt.Sprintf("capture%d", i+1), text))
	}
	return clientside.Examine(sources, opt)
}

// find returns the finding of a rule that weighs most.
func find(t *testing.T, r *clientside.Report, rule string) clientside.Finding {
	t.Helper()
	for _, f := range r.Findings {
		if f.Rule == rule {
			return f
		}
	}
	var have []string
	for _, f := range r.Findings {
		have = append(have, f.Rule)
	}
	t.Fatalf("no finding %s among %v", rule, have)
	return clientside.Finding{}
}

const login = "https://shop.example/login"

// TestHopOfAPostBack: a payment provider posts back, the Lax cookie stays at home, and the hop is named. Proves S39.
func TestHopOfAPostBack(t *testing.T) {
	r := examine(clientside.Options{}, har(
		entry{at: 0, method: "POST", url: login, status: 302, answer: []string{"Set-Cookie: sid=1; Path=/; Secure; HttpOnly; SameSite=Lax", "Location: /cart"}},
		entry{at: 1, url: "https://shop.example/cart", request: []string{"Cookie: sid=1", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate"}},
		entry{at: 60, method: "POST", url: "https://pay.example/confirm", request: []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Referer: https://shop.example/"}},
		entry{at: 90, method: "POST", url: "https://shop.example/paid?ref=geheim", request: []string{"Origin: https://pay.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"},
			status: 302, answer: []string{"Set-Cookie: sid=2; Path=/; Secure; HttpOnly; SameSite=Lax", "Location: /login"}},
	))
	f := find(t, r, "samesite-cross-site-post")
	if f.Severity != clientside.Error || f.Request.N != 4 || f.Request.URL != "https://shop.example/paid" || f.Request.From != "https://pay.example" {
		t.Errorf("hop %+v, severity %s", f.Request, f.Severity)
	}
	if !slices.Equal(f.Reasons, []string{"SchemefulSameSiteLax"}) {
		t.Errorf("rule %v", f.Reasons)
	}
	if f.Fix != "Set-Cookie: sid=…; Path=/; HttpOnly; Secure; SameSite=None" && f.Fix != "Set-Cookie: sid=…; Path=/; Secure; HttpOnly; SameSite=None" {
		t.Errorf("fix %q", f.Fix)
	}
	evidence := strings.Join(f.Evidence, "\n")
	if !strings.Contains(evidence, "handed out a new sid") || !strings.Contains(evidence, "login page") {
		t.Errorf("evidence %q", evidence)
	}
	if !slices.ContainsFunc(f.Clients, func(c string) bool { return strings.Contains(c, "Firefox 143") }) || !slices.ContainsFunc(f.Clients, func(c string) bool { return strings.Contains(c, "Safari 26") }) {
		t.Errorf("clients %v", f.Clients)
	}
}

// TestStrictAfterSignInElsewhere: the callback's redirect stays a navigation that began elsewhere. Proves S39.
func TestStrictAfterSignInElsewhere(t *testing.T) {
	r := examine(clientside.Options{}, har(
		entry{at: 0, url: "https://shop.example/callback?code=x", request: []string{"Referer: https://idp.example/", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"},
			status: 302, answer: []string{"Set-Cookie: sid=1; Path=/; Secure; SameSite=Strict", "Location: /home"}},
		entry{at: 1, url: "https://shop.example/home", request: []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"}, status: 302, answer: []string{"Location: /login"}},
	))
	f := find(t, r, "samesite-strict-redirect")
	if f.Request.N != 2 || f.Request.From != "https://idp.example" || !strings.Contains(f.Fix, "SameSite=Lax") {
		t.Errorf("request %+v, fix %s", f.Request, f.Fix)
	}
}

// TestRoutesNeverReached: Path=/app with routes under /api, and a host-only cookie with a second host. Proves S40.
func TestRoutesNeverReached(t *testing.T) {
	r := examine(clientside.Options{}, har(
		entry{at: 0, method: "POST", url: "https://shop.example/app/login", answer: []string{"Set-Cookie: sid=1; Path=/app; Secure"}},
		entry{at: 1, url: "https://shop.example/app/home", request: []string{"Cookie: sid=1"}},
		entry{at: 2, url: "https://shop.example/api/orders/4711", kind: "xhr", request: []string{"Referer: https://shop.example/app/home"}, status: 401},
		entry{at: 3, url: "https://shop.example/api/cart", kind: "xhr", request: []string{"Referer: https://shop.example/app/home"}, status: 401},
		entry{at: 4, url: "https://shop.example/static/x.css", kind: "stylesheet"},
	))
	f := find(t, r, "cookie-path-rewrite")
	if want := []string{"shop.example/api/cart", "shop.example/api/orders/:id"}; !slices.Equal(f.Routes, want) {
		t.Errorf("routes %v, want %v", f.Routes, want)
	}
	if f.Severity != clientside.Error || !strings.Contains(f.Fix, "Path=/;") {
		t.Errorf("severity %s, fix %q", f.Severity, f.Fix)
	}
	r = examine(clientside.Options{}, har(
		entry{at: 0, method: "POST", url: "https://www.shop.example/login", answer: []string{"Set-Cookie: sid=1; Path=/; Secure"}},
		entry{at: 1, url: "https://account.shop.example/orders", status: 302, answer: []string{"Location: https://www.shop.example/login"}},
	))
	f = find(t, r, "cookie-host-only")
	if !slices.Equal(f.Routes, []string{"account.shop.example/orders"}) || !strings.Contains(f.Fix, "Domain=shop.example") {
		t.Errorf("routes %v, fix %q", f.Routes, f.Fix)
	}
}

// TestChangeBetweenTwoCaptures: what a deploy changed, between which two moments, and who falls silent. Proves S18 and S19.
func TestChangeBetweenTwoCaptures(t *testing.T) {
	before := har(entry{at: 0, method: "POST", url: login, answer: []string{"Set-Cookie: sid=1; Path=/; Secure; HttpOnly; SameSite=Lax"}},
		entry{at: 30, method: "POST", url: login, answer: []string{"Set-Cookie: sid=2; Path=/; Secure; HttpOnly; SameSite=Lax"}})
	after := har(entry{at: 600, method: "POST", url: login, answer: []string{"Set-Cookie: sid=3; Path=/; HttpOnly; SameSite=None; Max-Age=60"}})
	r := examine(clientside.Options{}, before, after)
	if len(r.Changes) != 1 {
		t.Fatalf("changes %+v", r.Changes)
	}
	c := r.Changes[0]
	if want := []clientside.Diff{{"Secure", "set", ""}, {"SameSite", "Lax", "None"}, {"lifetime", "", "1m0s"}}; !slices.Equal(c.Fields, want) {
		t.Errorf("fields %v, want %v", c.Fields, want)
	}
	if c.After.Format("15:04:05") != "10:00:30" || c.Before.Format("15:04:05") != "10:10:00" {
		t.Errorf("between %s and %s", c.After, c.Before)
	}
	silent := c.Silenced[0]
	has := func(part string) bool {
		return slices.ContainsFunc(silent.Clients, func(c string) bool { return strings.Contains(c, part) })
	}
	// None without Secure: Chromium from 80 and Firefox from 131 refuse it (browser-observed vectors), Safari and older ones keep it.
	if !slices.Contains(silent.Why, "SameSiteNoneInsecure") || !has("Chrome, Edge") || !has("Chromium 80") || !has("Firefox 131") || has("Firefox 103") || has("Chromium 67") || has("Safari 26") {
		t.Errorf("silenced %+v", silent)
	}
	if c.Fix != "Set-Cookie: sid=…; Path=/; Secure; HttpOnly; SameSite=Lax" {
		t.Errorf("fix %q", c.Fix)
	}
}

// TestEveryAttributeThatChanges is told: Domain, Path, name and prefix. Proves S18.
func TestEveryAttributeThatChanges(t *testing.T) {
	for _, tt := range []struct{ was, is, attribute string }{
		{"sid=1; Path=/; Domain=shop.example", "sid=2; Path=/", "Domain"},
		{"sid=1; Path=/", "sid=2; Path=/app", "Path"},
		{"sid=1; Path=/; HttpOnly", "sid=2; Path=/", "HttpOnly"},
		{"sid=1; Path=/; Secure", "__Host-sid=2; Path=/; Secure", "name"},
		{"sid=1; Path=/; Secure", "sid=1; Path=/; Secure; Partitioned", "Partitioned"},
	} {
		r := examine(clientside.Options{}, har(entry{url: login, answer: []string{"Set-Cookie: " + tt.was}}), har(entry{at: 60, url: login, answer: []string{"Set-Cookie: " + tt.is}}))
		if len(r.Changes) != 1 || len(r.Changes[0].Fields) != 1 || r.Changes[0].Fields[0].Attribute != tt.attribute {
			t.Errorf("%s -> %s: changes %+v", tt.was, tt.is, r.Changes)
		}
	}
}

// TestAffinityAgainstSession: what the balancer's cookie lacks beside the application's. Proves S35.
func TestAffinityAgainstSession(t *testing.T) {
	r := examine(clientside.Options{}, har(entry{url: "https://shop.example/app/login", answer: []string{
		"Set-Cookie: sid=1; Path=/; Secure; HttpOnly; SameSite=None; Max-Age=28800",
		"Set-Cookie: SERVERID=app1; Max-Age=600",
		"Set-Cookie: BIGipServer~shop~web_pool=1677787402.36895.0000; path=/",
	}}))
	f := find(t, r, "affinity-weaker-than-session")
	evidence := strings.Join(f.Evidence, "\n")
	if f.Cookie != "SERVERID" || !strings.Contains(evidence, "SameSite=None") || !strings.Contains(evidence, "path /app does not cover") || !strings.Contains(f.Fix, "Secure") {
		t.Errorf("%+v", f)
	}
	f = find(t, r, "affinity-cookie-expires-first")
	if f.Cookie != "SERVERID" || !strings.Contains(f.Fix, "Max-Age=28800") {
		t.Errorf("%+v", f)
	}
	f = find(t, r, "affinity-leaks-address")
	evidence = strings.Join(f.Evidence, "\n")
	if !strings.Contains(evidence, "F5 BIG-IP") || !strings.Contains(evidence, "10.1.1.0/24, port 8080") || strings.Contains(evidence, "10.1.1.100") {
		t.Errorf("evidence %q", evidence)
	}
	for _, v := range r.Cookies {
		if v.Name == "SERVERID" && (v.Role != clientside.AffinityCookie || v.Product != "HAProxy" || v.Says != "server app1") {
			t.Errorf("view %+v", v)
		}
	}
}

func TestSecureOverPlainHTTP(t *testing.T) {
	r := examine(clientside.Options{}, har(
		entry{url: login, answer: []string{"Set-Cookie: sid=1; Path=/; Secure"}},
		entry{at: 1, url: "http://shop.example/cart", status: 302, answer: []string{"Location: /login"}},
		entry{at: 2, url: "https://shop.example/cart", request: []string{"Cookie: sid=1"}},
	))
	f := find(t, r, "secure-cookie-over-http")
	if f.Request.N != 2 || !slices.Equal(f.Reasons, []string{"SecureOnly"}) || f.Fix != "Strict-Transport-Security: max-age=31536000" {
		t.Errorf("%+v, %+v", f, f.Request)
	}
}

func TestScriptWithoutCredentials(t *testing.T) {
	r := examine(clientside.Options{}, har(
		entry{url: "https://api.shop.example/login", answer: []string{"Set-Cookie: sid=1; Path=/; Secure; SameSite=Lax"}},
		entry{at: 1, url: "https://api.shop.example/me", kind: "fetch", request: []string{"Origin: https://app.shop.example", "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors"}, status: 401},
	))
	f := find(t, r, "client-credentials-omitted")
	if f.Request.N != 2 || !slices.Equal(f.Reasons, []string{"X.CredentialsOmitted"}) {
		t.Errorf("%+v", f)
	}
}

func TestDuplicatesAndCollisions(t *testing.T) {
	r := examine(clientside.Options{}, har(
		entry{url: "https://www.shop.example/login", answer: []string{"Set-Cookie: sid=1; Path=/; Domain=shop.example", "Set-Cookie: sid=2; Path=/"}},
		entry{at: 1, url: "https://www.shop.example/cart", request: []string{"Cookie: sid=1; sid=2"}},
	))
	f := find(t, r, "cookie-duplicate-scope")
	if f.Severity != clientside.Error || !strings.Contains(strings.Join(f.Evidence, ""), "*.shop.example/") || !strings.Contains(f.Fix, "Max-Age=0") {
		t.Errorf("%+v", f)
	}
	r = examine(clientside.Options{}, har(
		entry{url: "https://shop.example/blog/", answer: []string{"Set-Cookie: connect.sid=1; Path=/"}},
		entry{at: 1, url: "https://shop.example/wiki/", request: []string{"Cookie: connect.sid=1"}, answer: []string{"Set-Cookie: connect.sid=2; Path=/"}},
		entry{at: 2, url: "https://shop.example/blog/", request: []string{"Cookie: connect.sid=2"}, answer: []string{"Set-Cookie: connect.sid=3; Path=/"}},
	))
	f = find(t, r, "cookie-name-collision")
	if f.Request.N != 2 || f.Times < 2 {
		t.Errorf("%+v", f)
	}
}

// TestStrippedOnTheWay: the application's own answer sets the cookie, the one that came through the CDN does not.
func TestStrippedOnTheWay(t *testing.T) {
	origin := har(entry{method: "POST", url: "https://origin.shop.example/login", answer: []string{"Set-Cookie: sid=1; Path=/; Secure"}})
	edge := har(entry{at: 5, method: "POST", url: "https://shop.example/login", answer: []string{"Via: 1.1 cdn"}}, entry{at: 6, url: "https://shop.example/cart", status: 302, answer: []string{"Location: /login"}})
	f := find(t, examine(clientside.Options{}, origin, edge), "cookie-stripped-by-cdn")
	if f.Severity != clientside.Error || f.Request.N != 1 || f.Request.Input != "capture2" {
		t.Errorf("%+v %+v", f, f.Request)
	}
}

// TestHealthyJourneyIsClean: a session that is kept and presented everywhere is no finding.
func TestHealthyJourneyIsClean(t *testing.T) {
	r := examine(clientside.Options{}, har(
		entry{method: "POST", url: login, status: 302, answer: []string{"Set-Cookie: sid=1; Path=/; Secure; HttpOnly; SameSite=Lax", "Location: /cart"}},
		entry{at: 1, url: "https://shop.example/cart", request: []string{"Cookie: sid=1"}},
		entry{at: 2, url: "https://shop.example/api/cart", kind: "fetch", request: []string{"Cookie: sid=1", "Referer: https://shop.example/cart", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"}},
		entry{at: 3, url: "https://other.example/pixel.gif", kind: "image", request: []string{"Referer: https://shop.example/"}},
		entry{at: 4, method: "POST", url: "https://shop.example/logout", request: []string{"Cookie: sid=1"}, answer: []string{"Set-Cookie: sid=; Path=/; Max-Age=0"}},
		entry{at: 5, url: "https://shop.example/", request: nil},
	))
	if r.Verdict != clientside.Clean || len(r.Findings) != 0 {
		t.Errorf("%s: %+v", r.Headline, r.Findings)
	}
}

// TestSanitisedCapturesSayWhatTheyCannot.
func TestSanitisedCapturesSayWhatTheyCannot(t *testing.T) {
	r := examine(clientside.Options{}, har(entry{url: login}, entry{at: 1, url: "https://shop.example/cart"}, entry{at: 2, url: "https://shop.example/x"}))
	if r.Verdict != clientside.NotProven || !strings.Contains(strings.Join(r.Unknown, ""), "cannot be told") {
		t.Errorf("%s, %v", r.Verdict, r.Unknown)
	}
}

// TestScrubbedCapturesGiveTheSameVerdict: findings, requests and rules survive scrubbing. Proves S99.
func TestScrubbedCapturesGiveTheSameVerdict(t *testing.T) {
	for name, text := range map[string]string{
		"post back": har(
			entry{at: 0, method: "POST", url: login, status: 302, answer: []string{"Set-Cookie: sid=geheim1; Path=/; Secure; HttpOnly; SameSite=Lax", "Location: /cart"}},
			entry{at: 90, method: "POST", url: "https://shop.example/paid?ref=geheim", request: []string{"Origin: https://pay.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"}, status: 302, answer: []string{"Set-Cookie: sid=geheim2; Path=/", "Location: /login"}}),
		"duplicates": har(entry{url: login, answer: []string{"Set-Cookie: sid=geheim1; Path=/; Domain=shop.example", "Set-Cookie: sid=geheim2; Path=/"}}, entry{at: 1, url: login, request: []string{"Cookie: sid=geheim1; sid=geheim2"}}),
		"too large":  har(entry{url: login, answer: []string{"Set-Cookie: sid=" + strings.Repeat("geheim", 900) + "; Path=/"}}),
		"collision": har(entry{url: "https://shop.example/blog/", answer: []string{"Set-Cookie: connect.sid=geheim1; Path=/"}},
			entry{at: 1, url: "https://shop.example/wiki/", request: []string{"Cookie: connect.sid=geheim1"}, answer: []string{"Set-Cookie: connect.sid=geheim2; Path=/"}}),
	} {
		t.Run(name, func(t *testing.T) {
			var scrubbed strings.Builder
			if err := (&capture.Scrubber{Key: [32]byte{7}}).ScrubHAR(&scrubbed, strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
			before, after := examine(clientside.Options{}, text), examine(clientside.Options{}, scrubbed.String())
			if strings.Contains(scrubbed.String(), "geheim") || len(before.Findings) == 0 {
				t.Fatal("not scrubbed, or nothing found")
			}
			if a, b := brief(after), brief(before); a != b {
				t.Errorf("scrubbed:\n%s\nbefore:\n%s", a, b)
			}
		})
	}
}

func brief(r *clientside.Report) string {
	var b strings.Builder
	fmt.Fprintln(&b, r.Verdict)
	for _, f := range r.Findings {
		fmt.Fprintln(&b, f.Severity, f.Rule, f.Cookie, f.Request.N, f.Request.URL, f.Reasons)
	}
	return b.String()
}
