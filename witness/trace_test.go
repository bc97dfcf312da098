package witness_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"limpet.dev/session"
	"limpet.dev/witness"
)

// The trace is off by default, is switched on over its own handler, ends by itself, and shows no value. Proves S32.
func TestTraceIsSwitchedOnEndsByItselfAndShowsNoValue(t *testing.T) {
	const secret = "CANARY-4711"
	now := time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)
	var lines []string
	tr := &witness.Tracer{
		Sink: func(l []byte) { lines = append(lines, string(l)) }, Cookies: []string{"SID", "SRV"}, Key: session.Key{5}, Now: func() time.Time { return now }, Instance: "app1",
	}
	app := tr.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Set-Cookie", "SID="+secret+"-new; Path=/; Secure; HttpOnly; SameSite=Lax; oops="+secret)
		w.Header().Add("Set-Cookie", "other="+secret)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	ask := func(cookies string) {
		req := httptest.NewRequest("POST", "/login;jsessionid="+secret+"?token="+secret, nil)
		req.Header.Set("X-Request-ID", "r1")
		if cookies != "" {
			req.Header.Set("Cookie", cookies)
		}
		app.ServeHTTP(httptest.NewRecorder(), req)
	}
	command := func(method, target string) string {
		w := httptest.NewRecorder()
		tr.ServeHTTP(w, httptest.NewRequest(method, target, nil))
		return w.Body.String()
	}
	ask("SID=" + secret)
	if len(lines) != 0 || command("GET", "/") != "off\n" {
		t.Fatalf("it is not off by default: %d lines", len(lines))
	}
	if got := command("POST", "/?for=5m"); got != "on until 2026-01-02T10:05:00Z\n" {
		t.Fatalf("switched on: %q", got)
	}
	ask("SID=" + secret + "; SID=" + secret + "-old; x=" + secret)
	ask("")
	now = now.Add(5 * time.Minute)
	ask("SID=" + secret)
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2: it ends by itself", len(lines))
	}
	if all := strings.Join(lines, ""); strings.Contains(all, "CANARY") {
		t.Error("a line shows a value")
	}
	var l struct {
		Route, Method string
		Status        int
		RequestID     string `json:"request_id"`
		Cookies       []struct {
			Name, Presented string
			Values          []string
			Set             []struct {
				Value      string
				Attributes []string
			}
		}
	}
	if err := json.Unmarshal([]byte(lines[0]), &l); err != nil {
		t.Fatal(err)
	}
	sid := l.Cookies[0]
	if l.Route != "/login" || l.Status != 303 || l.RequestID != "r1" || sid.Presented != "duplicated" || len(sid.Values) != 2 || l.Cookies[1].Presented != "absent" {
		t.Errorf("%+v", l)
	}
	if want := tr.Key.Pseudonym([]byte(secret)).String(); sid.Values[0] != want {
		t.Errorf("fingerprint %s, want %s", sid.Values[0], want)
	}
	if len(sid.Set) != 1 || strings.Join(sid.Set[0].Attributes, ";") != "Path=/;Secure;HttpOnly;SameSite=Lax" {
		t.Errorf("set %+v", sid.Set)
	}
	if until := tr.Start(24 * time.Hour); until.Sub(now) != witness.MaxTrace {
		t.Errorf("a whole day was allowed: until %s", until)
	}
	if got := command("DELETE", "/"); got != "off\n" {
		t.Errorf("switched off: %q", got)
	}
	if got := command("POST", "/?for=never"); !strings.Contains(got, "5m") {
		t.Errorf("a wrong time: %q", got)
	}
}
