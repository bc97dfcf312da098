package clientside_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"limpet.dev/capture"
	"limpet.dev/cookie"
	"limpet.dev/internal/clientside"
	"limpet.dev/session"
)

// A journey is what a customer does in a real Chromium, through a real nginx that breaks the session cookie.
type journey struct {
	name     string
	issued   string   // the application's Set-Cookie line, its value as %s
	rewrite  string   // nginx's directives in the location of the shop
	steps    []string // addresses to open, "link URL", "post URL", "frame URL", "fetch URL"
	rule     string   // what is to be found
	reason   string
	extra    string // further attributes that nginx adds as a second cookie: "" none
	redirect bool   // after the cure http redirects to https
	include  bool   // after the cure the script asks with credentials
}

const (
	secureShop = "https://shop.test:%[1]d"
	plainShop  = "http://shop.test:%[2]d"
	provider   = "https://pay.example:%[1]d"
)

var usual = []string{secureShop + "/login", secureShop + "/cart"}

// journeys are the ways in which rewriting goes wrong.
var journeys = []journey{
	{name: "domain of the inner host", issued: "sid=%s; Path=/; Domain=shop.test; Secure", rewrite: "proxy_cookie_domain shop.test app.internal;", steps: usual, rule: "cookie-domain-invalid", reason: "InvalidDomain"},
	{name: "path of the inner application", issued: "sid=%s; Path=/; Secure", rewrite: "proxy_cookie_path / /internal/;", steps: usual, rule: "cookie-path-rewrite", reason: "NotOnPath"},
	{name: "secure on a plain listener", issued: "sid=%s; Path=/", rewrite: "proxy_cookie_flags ~ secure;", steps: []string{plainShop + "/login", plainShop + "/cart"}, rule: "secure-cookie-over-http", reason: "SecureOnly", redirect: true},
	{name: "pages over http", issued: "sid=%s; Path=/; Secure", steps: []string{secureShop + "/login", plainShop + "/cart"}, rule: "secure-cookie-over-http", reason: "SecureOnly", redirect: true},
	{name: "strict, link from another site", issued: "sid=%s; Path=/; Secure", rewrite: "proxy_cookie_flags ~ samesite=strict;", steps: []string{secureShop + "/login", provider + "/", "link " + secureShop + "/cart"}, rule: "samesite-strict-redirect", reason: "SchemefulSameSiteStrict"},
	{name: "lax, post from another site", issued: "sid=%s; Path=/; Secure", rewrite: "proxy_cookie_flags ~ samesite=lax;", steps: []string{secureShop + "/login", provider + "/", "post " + secureShop + "/cart"}, rule: "samesite-cross-site-post", reason: "SchemefulSameSiteLax"},
	{name: "none without secure", issued: "sid=%s; Path=/; Secure", rewrite: "proxy_cookie_flags ~ nosecure samesite=none;", steps: usual, rule: "secure-cookie-proto-unknown", reason: "SameSiteNoneInsecure"},
	{name: "frame in another site", issued: "sid=%s; Path=/; Secure; SameSite=Lax", steps: []string{secureShop + "/login", provider + "/", "frame " + secureShop + "/cart"}, rule: "third-party-cookie-blocked", reason: "SchemefulSameSiteLax"},
	{name: "scheme of another site", issued: "sid=%s; Path=/", rewrite: "proxy_cookie_flags ~ samesite=strict;", steps: []string{secureShop + "/login", plainShop + "/", "link " + secureShop + "/cart"}, rule: "secure-cookie-over-http", reason: "SchemefulSameSiteStrict", redirect: true},
	{name: "too large", issued: "sid=%s" + strings.Repeat("x", 4200) + "; Path=/; Secure", steps: usual, rule: "cookie-too-large", reason: "NameValuePairExceedsMaxSize"},
	{name: "host only", issued: "sid=%s; Path=/; Domain=shop.test; Secure", rewrite: "", extra: "drop-domain", steps: []string{"https://www.shop.test:%[1]d/login", "https://account.shop.test:%[1]d/cart"}, rule: "cookie-host-only", reason: "DomainMismatch"},
	{name: "two scopes", issued: "sid=%s; Path=/; Secure", extra: "sid=old; Path=/cart; Secure", steps: usual, rule: "cookie-duplicate-scope"},
	{name: "domain with a port", issued: "sid=%s; Path=/; Domain=shop.test; Secure", rewrite: "proxy_cookie_domain shop.test shop.test:8443;", steps: usual, rule: "cookie-domain-invalid", reason: "InvalidDomain"},
	{name: "path of the administration", issued: "sid=%s; Path=/; Secure", rewrite: "proxy_cookie_path / /admin/;", steps: usual, rule: "cookie-path-rewrite", reason: "NotOnPath"},
	{name: "two applications, one name", issued: "sid=%s; Path=/; Secure", steps: []string{secureShop + "/blog/login", secureShop + "/wiki/login", secureShop + "/blog/cart"}, rule: "cookie-name-collision"},
	{name: "script without credentials", issued: "sid=%s; Path=/; Secure; SameSite=Lax", steps: []string{"https://api.shop.test:%[1]d/login", "https://www.shop.test:%[1]d/", "fetch https://api.shop.test:%[1]d/cart"}, rule: "client-credentials-omitted", reason: "X.CredentialsOmitted", include: true},
}

// A shop is the application behind nginx: it knows one session, in its cookie sid.
type shop struct {
	issued   string   // Set-Cookie line
	also     []string // further lines
	headers  http.Header
	sessions map[string]bool // by application and id
	renamed  string          // the second application's cookie, "" sid as well
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for k, v := range s.headers {
		w.Header()[k] = v
	}
	if origin := r.Header.Get("Origin"); origin != "" && s.headers != nil {
		w.Header().Set("Access-Control-Allow-Origin", origin)
	}
	w.Header().Set("Content-Type", "text/html")
	part, page := path.Split(r.URL.Path)
	name := "sid"
	if part == "/wiki/" && s.renamed != "" {
		name = s.renamed
	}
	switch page {
	case "login":
		id := strconv.Itoa(len(s.sessions) + 4711)
		s.sessions[part+id] = true
		w.Header().Add("Set-Cookie", name+strings.TrimPrefix(strings.Replace(s.issued, "%s", id, 1), "sid"))
		for _, line := range s.also {
			w.Header().Add("Set-Cookie", line)
		}
		fmt.Fprint(w, "<p>welcome</p>")
	case "cart":
		if c, err := r.Cookie(name); err == nil && s.sessions[part+strings.TrimRight(c.Value, "x")] {
			fmt.Fprint(w, "<p>your cart</p>")
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, "<p>who are you?</p>")
	default:
		fmt.Fprint(w, "<p>hello</p>")
	}
}

// TestRecordedThroughNginx records a HAR of each journey with a real Chromium through a real nginx, finds the cause in it
// without the browser's own reasons, compares request by request with them, applies the one-line fix and goes the way again. Proves S39.
func TestRecordedThroughNginx(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short was asked for, and this starts nginx and Chromium")
	}
	b := startBrowser(t)
	for i := range journeys {
		j := &journeys[i]
		t.Run(j.name, func(t *testing.T) {
			b.forget(t)
			broken := b.walk(t, j, false, "")
			if broken.arrived {
				t.Fatal("the journey works although its cookie is broken")
			}
			report := examine(clientside.Options{Session: "sid"}, withoutReasons(broken.har))
			f := find(t, report, j.rule)
			if f.Severity != clientside.Error || j.reason != "" && !slices.Equal(f.Reasons, []string{j.reason}) {
				t.Errorf("%s for %v, want an error for %s", f.Severity, f.Reasons, j.reason)
			}
			if report.Findings[0].Rule != j.rule {
				t.Errorf("named first: %s", report.Findings[0].Rule)
			}
			compareReasons(t, report, broken.har)
			if f.Fix == "" {
				t.Fatal("no fix")
			}
			t.Log(f.Fix)
			b.forget(t)
			if healed := b.walk(t, j, true, f.Fix); !healed.arrived {
				t.Errorf("%q does not heal it", f.Fix)
			} else if again := examine(clientside.Options{Session: "sid"}, healed.har); slices.ContainsFunc(again.Findings, func(f clientside.Finding) bool { return f.Severity == clientside.Error }) {
				t.Errorf("the healed journey still has %+v", again.Findings)
			}
			keepRecording(t, j, broken.har)
		})
	}
}

// A walked journey.
type walked struct {
	har     string
	arrived bool // the last page knew the session
}

// walk goes a journey's way.
func (b *browser) walk(t *testing.T, j *journey, cured bool, fix string) walked {
	t.Helper()
	app := &shop{issued: j.issued, sessions: map[string]bool{}}
	if j.extra == "drop-domain" {
		app.issued = strings.Replace(j.issued, "; Domain=shop.test", "", 1)
	} else if j.extra != "" {
		app.also = []string{j.extra}
	}
	rewrite, redirect := j.rewrite, false
	if cured {
		header, value, _ := strings.Cut(fix, ": ")
		switch {
		case header == "Set-Cookie" && !strings.HasPrefix(value, "sid="): // the other application's, under a name of its own
			app.renamed, _, _ = strings.Cut(value, "=")
		case header == "Set-Cookie" && strings.Contains(value, "…"):
			app.issued = strings.Replace(value, "…", "%s", 1)
			rewrite = ""
		case header == "Set-Cookie": // takes the other scope back
			app.also = append(app.also, value)
		default:
			app.headers = http.Header{header: {value}}
			redirect = j.redirect
		}
	}
	inner := httptest.NewServer(app)
	defer inner.Close()
	n := startNginx(t, b.dir, inner.Listener.Addr().String(), rewrite, redirect)
	defer n.stop()
	b.rec.reset()
	credentials := "same-origin"
	if cured && j.include {
		credentials = "include"
	}
	for _, s := range j.steps {
		b.act(t, address(s, n), credentials)
	}
	text, last := b.rec.har(t)
	return walked{text, last == http.StatusOK}
}

// compareReasons holds what the engine says of sid, request by request, against the browser's own words in the HAR.
func compareReasons(t *testing.T, r *clientside.Report, har string) {
	t.Helper()
	ours := map[string]string{}
	for _, n := range r.Notes {
		if n.Cookie == "sid" && !n.Never && !n.Why.Has(cookie.CredentialsOmitted) && !n.Why.Has(cookie.Overwritten) { // the protocol names no reason for these
			ours[fmt.Sprint(n.N, n.Set)] = n.Why.String()
		}
	}
	theirs := map[string]string{}
	compared := 0
	_, err := capture.Read(strings.NewReader(har), func(x *capture.Exchange) error {
		compared++
		for _, b := range x.NotSent {
			theirs[fmt.Sprint(x.N, false)] = inOrder(b.Reasons)
		}
		for _, b := range x.NotStored {
			theirs[fmt.Sprint(x.N, true)] = inOrder(b.Reasons)
		}
		return nil
	})
	if err != nil || compared < 2 {
		t.Fatalf("%d exchanges, %v", compared, err)
	}
	for at, why := range theirs {
		if ours[at] != why {
			t.Errorf("exchange %s: we say %q, the browser %q", at, ours[at], why)
		}
		delete(ours, at)
	}
	for at, why := range ours {
		t.Errorf("exchange %s: we say %q, the browser nothing", at, why)
	}
}

// inOrder writes the browser's names in the order of our table.
func inOrder(names []string) string {
	var set cookie.Reasons
	for _, n := range names {
		if r, ok := cookie.ReasonNamed(n); ok {
			set |= r.Set()
		}
	}
	return set.String()
}

// caseKey makes the pseudonyms of recorded cases.
var caseKey = [32]byte{1}

// keepRecording writes the scrubbed HAR as a case of its cause, if LIMPET_RECORD names the folder of cases.
func keepRecording(t *testing.T, j *journey, har string) {
	dir := os.Getenv("LIMPET_RECORD")
	if dir == "" || strings.HasPrefix(j.rule, "cookie-host") || strings.HasPrefix(j.rule, "secure-cookie-proto") {
		return
	}
	var out strings.Builder
	if err := (&capture.Scrubber{Key: caseKey}).ScrubHAR(&out, strings.NewReader(har)); err != nil {
		t.Fatal(err)
	}
	broken := ""
	_, err := capture.Read(strings.NewReader(out.String()), func(x *capture.Exchange) error {
		for _, l := range x.SetCookies {
			pair, _, _ := strings.Cut(l.Reveal(), ";")
			if value, ok := strings.CutPrefix(pair, "sid="); ok && (broken == "" || j.rule == "cookie-name-collision") {
				broken = strings.TrimSpace(broken + " " + value) // a life that a second application renames has both names
				if len(value) != 28 {                            // a pseudonym, filled up to the length of what it stands for
					broken = session.Key(caseKey).Pseudonym([]byte(value)).String()
				}
			}
		}
		return nil
	})
	if err != nil || !strings.HasPrefix(broken, "s:") {
		t.Fatalf("no session in the recording: %v", err)
	}
	name := strings.ReplaceAll(strings.ReplaceAll(j.name, ",", ""), " ", "-")
	text := fmt.Sprintf("A customer with a real Chromium, through a real nginx: %s.\nThe cookie as the application issues it: %s\nWhat nginx does to it: %s\n\nRecorded by: LIMPET_RECORD=cause/testdata go test ./internal/clientside -run RecordedThroughNginx\n\n-- limpet.key --\n%x\n-- session.har --\n%s-- want --\n%s\nbreaks 1\nbroken %s\n",
		j.name, strings.Replace(strings.Replace(j.issued, "%s", "…", 1), strings.Repeat("x", 4200), "", 1), orNothing(j.rewrite), caseKey[:], out.String(), j.rule, broken)
	if err := os.MkdirAll(filepath.Join(dir, j.rule), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, j.rule, "chromium-"+name+".txtar"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

// freePort asks the system for a port.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// address puts the ports into a step.
func address(step string, n *proxy) string {
	return strings.NewReplacer("%[1]d", strconv.Itoa(n.tls), "%[2]d", strconv.Itoa(n.plain)).Replace(step)
}
