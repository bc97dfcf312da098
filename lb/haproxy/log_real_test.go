package haproxy

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"limpet.dev/internal/need"
	"limpet.dev/lb"
	"limpet.dev/lb/lbtest"
	"limpet.dev/session"
)

// realHAProxy runs the real balancer with a configuration and collects what it logs to standard output.
type realHAProxy struct {
	cmd *exec.Cmd
	mu  sync.Mutex
	out bytes.Buffer
}

func (r *realHAProxy) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Write(b)
}

func (r *realHAProxy) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := r.out.String()
	return strings.Split(strings.TrimSuffix(text[:strings.LastIndexByte("\n"+text, '\n')], "\n"), "\n")
}

// startHAProxy checks and starts a configuration, and ends it with the test.
func startHAProxy(t *testing.T, config string, key session.Key) *realHAProxy {
	t.Helper()
	binary := need.Tool(t, "haproxy")
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), KeyVariable+"="+base64.StdEncoding.EncodeToString(key[:]))
	check := exec.Command(binary, "-c", "-f", file)
	check.Env = env
	if out, err := check.CombinedOutput(); err != nil {
		t.Fatalf("haproxy -c: %v\n%s\n%s", err, out, config)
	}
	r := &realHAProxy{cmd: exec.Command(binary, "-db", "-f", file)}
	r.cmd.Env, r.cmd.Stdout = env, r
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.cmd.Process.Signal(syscall.SIGTERM)
		r.cmd.Wait()
	})
	return r
}

var testKey = session.Key{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32}

// TestLogLineOnRealHAProxy: the line that loses nothing is accepted by the real balancer, what the balancer
// then logs is read back field by field, and no credential stands in it.
func TestLogLineOnRealHAProxy(t *testing.T) {
	const canary = "CANARYvalue0123456789"
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/login":
			http.SetCookie(w, &http.Cookie{Name: "SHOP", Value: canary + "set"})
			http.Redirect(w, r, "/account;jsessionid="+canary+"?token="+canary, http.StatusFound)
		case "/logout":
			http.SetCookie(w, &http.Cookie{Name: "SHOP", MaxAge: -1})
		case "/empty":
			w.Header().Add("Set-Cookie", "other=1; Path=/")
			w.Header().Add("Set-Cookie", "SHOP=; Path=/")
		case "/expire":
			w.Header().Set("Set-Cookie", "SHOP=x; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
		}
		fmt.Fprint(w, "hello")
	}))
	defer app.Close()
	snippet, err := logLine(lb.LogLineOptions{SessionCookie: "SHOP", AffinityCookie: "SRV", Variant: variantFrontend})
	if err != nil {
		t.Fatal(err)
	}
	port := lbtest.FreePort(t)
	config := fmt.Sprintf(`global
    log stdout len 8192 format raw local0
defaults
    mode http
    log global
    timeout client 5s
    timeout server 5s
    timeout connect 1s
frontend fe
    bind 127.0.0.1:%d
%s    default_backend be_app
backend be_app
    cookie SRV insert indirect nocache
    server app1 %s cookie a
`, port, snippet, strings.TrimPrefix(app.URL, "http://"))
	h := startHAProxy(t, config, testKey)
	lbtest.Reachable(t, port)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	agent := `Mo"z\i]l{la, 5 #1 ütf`
	for _, path := range []string{"/login", "/a%20b;jsessionid=" + canary + "/c?q=" + canary, "/logout", "/empty", "/expire"} {
		req, _ := http.NewRequest("GET", fmt.Sprintf("http://127.0.0.1:%d%s", port, path), nil)
		req.Host = "shop.test"
		req.Header.Set("User-Agent", agent)
		req.Header.Set("Referer", "https://me:pw@pay.test/back?x="+canary)
		req.Header.Set("Origin", "null")
		req.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		if path != "/login" {
			req.Header.Set("Cookie", "x=1; SHOP="+canary+"; SRV=a|ABC|DEF")
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		time.Sleep(30 * time.Millisecond)
	}
	var lines []string
	lbtest.WaitFor(t, "five log lines", func() bool {
		lines = nil
		for _, l := range h.lines() {
			if strings.Contains(l, " ua=\"Mo") {
				lines = append(lines, l)
			}
		}
		return len(lines) == 5
	})
	for _, l := range lines {
		if strings.Contains(l, canary) || strings.Contains(l, ":pw@") {
			t.Fatalf("a credential stands in the log (line %d bytes long)", len(l))
		}
	}
	pseudonym := func(v string) string { p := testKey.Pseudonym([]byte(v)); return p.String() }
	seen := func(c session.Credential) string {
		if c.Empty() {
			return ""
		}
		p, ok := session.ParsePseudonym(c.Raw)
		if !ok || !c.Fingerprint {
			t.Errorf("not a fingerprint: %d bytes", len(c.Raw))
		}
		return p.String()
	}
	p := mustParser(t, lb.LogOptions{Format: ownLogFormat})
	var affinity string
	for i, l := range lines {
		var e session.Event
		if skip := p.Parse([]byte(l), &e); skip != lb.Read {
			t.Fatalf("line %d: %s\n%s", i, skip, l)
		}
		if got := string(e.UserAgent); got != agent {
			t.Errorf("agent: got %s, want %s", got, agent)
		}
		for what, pair := range map[string][2]string{
			"host": {string(e.Host), "shop.test"}, "referer": {string(e.Referer), "pay.test"}, "instance": {string(e.Instance), "app1"},
			"pool": {string(e.Pool), "be_app"}, "listener": {string(e.Listener), "fe"}, "client": {string(e.Client), "127.0.0.1"},
			"trace": {string(e.TraceID), "0af7651916cd43dd8448eb211c80319c"}, "scheme": {string(e.Scheme), "http"}, "method": {string(e.Method), "GET"},
			"path":        {string(e.Target), []string{"/login", "/a%20b/c", "/logout", "/empty", "/expire"}[i]},
			"location":    {string(e.Location), []string{"/account", "", "", "", ""}[i]},
			"status":      {fmt.Sprint(e.Status), []string{"302", "200", "200", "200", "200"}[i]},
			"session":     {seen(e.Session), []string{"", pseudonym(canary), pseudonym(canary), pseudonym(canary), pseudonym(canary)}[i]},
			"set session": {seen(e.SetSession), []string{pseudonym(canary + "set"), "", "", "", ""}[i]},
			"cleared":     {fmt.Sprint(e.Cleared), fmt.Sprint(i > 1)},
		} {
			if pair[0] != pair[1] {
				t.Errorf("line %d: %s: got %q, want %q", i, what, pair[0], pair[1])
			}
		}
		if len(e.RequestID) < 20 || e.Bytes <= 0 || e.TotalMs < 0 || e.End < e.Start {
			t.Errorf("line %d: id %q, %d bytes, %d ms", i, e.RequestID, e.Bytes, e.TotalMs)
		}
		if age := time.Since(time.Unix(0, e.Start)); age < 0 || age > time.Minute {
			t.Errorf("line %d: began %v ago", i, age)
		}
		switch {
		case i == 0:
			affinity = string(e.SetAffinity)
			if affinity == "" || e.Flow.Affinity != session.AffinityNone || e.Flow.Set != session.SetInserted {
				t.Errorf("first answer sets no affinity: %+v", e.Flow)
			}
		case string(e.Affinity) != affinity:
			t.Errorf("line %d: affinity presented differs from the one set", i)
		}
	}
}
