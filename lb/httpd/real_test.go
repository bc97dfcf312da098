package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"limpet.dev/internal/need"
	"limpet.dev/lb"
	"limpet.dev/lb/lbtest"
	"limpet.dev/session"
)

// start runs the real httpd in a folder of its own, listening on the address that it returns. The rest of the configuration
// is text; LOGS in it stands for the folder. It ends with the test.
func start(t *testing.T, text string) (addr, dir string) {
	t.Helper()
	binary := need.Tool(t, "apache2")
	dir = t.TempDir()
	port := lbtest.FreePort(t)
	addr = fmt.Sprintf("127.0.0.1:%d", port)
	var b strings.Builder
	fmt.Fprintf(&b, "ServerRoot %s\nDefaultRuntimeDir %s\nPidFile %s/pid\nServerName localhost\nListen %s\nErrorLog %s/error.log\n", dir, dir, dir, addr, dir)
	for _, m := range strings.Fields("mpm_event authz_core proxy proxy_http proxy_balancer proxy_hcheck lbmethod_byrequests slotmem_shm headers unique_id setenvif") {
		fmt.Fprintf(&b, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", m, m)
	}
	b.WriteString("StartServers 1\nServerLimit 1\nThreadsPerChild 25\nMaxRequestWorkers 25\nUser www-data\nGroup www-data\n")
	b.WriteString(strings.ReplaceAll(text, "LOGS", dir))
	os.Chmod(dir, 0o755)
	p, err := plan(lb.PlanInput{Dir: dir, Config: b.String(), Binary: binary})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range p.Files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(p.Check[0], p.Check[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("apache2 -t: %v: %s", err, out)
	}
	cmd := exec.Command(p.Start[0], p.Start[1:]...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }()
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			cmd.Process.Kill()
			<-done
		}
	})
	lbtest.Reachable(t, port)
	return addr, dir
}

// backend is an application that sets a session where none is presented, and tells fingerprints as witness does.
func backend(t *testing.T, key session.Key) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("SID"); err == nil {
			w.Header().Set(presentedHeader, fingerprint(key, c.Value))
		} else if strings.HasPrefix(r.URL.Path, "/login") {
			http.SetCookie(w, &http.Cookie{Name: "SID", Value: "fresh-secret", Path: "/"})
			w.Header().Set(setHeader, fingerprint(key, "fresh-secret"))
		}
		w.Write([]byte("ok"))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func fetch(t *testing.T, addr, method, target string, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+addr+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

// logLinesOf waits for n lines: httpd writes a line when the request has ended, which a client may see before.
func logLinesOf(t *testing.T, file string, n int) []string {
	t.Helper()
	for range 400 {
		text, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n"); len(text) > 0 && text[len(text)-1] == '\n' && len(lines) >= n {
			return lines
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not reach %d lines", filepath.Base(file), n)
	return nil
}

const twoMembers = `<Proxy "balancer://app">
  BalancerMember "%s" route=node1
  BalancerMember "%s" route=node2
  ProxySet stickysession=ROUTEID
</Proxy>
ProxyPass "/" "balancer://app/"
Header add Set-Cookie "ROUTEID=.%%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED
`

// The line of "limpet logline httpd", written by the real httpd, loses nothing and shows no secret.
func TestOwnLineLosesNothing(t *testing.T) {
	key := session.Key{1, 2, 3}
	text, err := logLine(lb.LogLineOptions{SessionCookie: "SID"})
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(twoMembers, backend(t, key), backend(t, key)) + strings.ReplaceAll(text, "${APACHE_LOG_DIR}", "LOGS")
	addr, dir := start(t, config)
	before := time.Now().Add(-time.Millisecond).UnixNano()
	log := filepath.Join(dir, "limpet.log")
	resp := fetch(t, addr, "POST", "/login;jsessionid=secret?token=secret", "User-Agent", `Mozilla "5.0", (x)`, "Referer", "http://pay.test/secret?x=secret", "Origin", "http://pay.test")
	if resp.Header.Get(setHeader) != "" {
		t.Error("the fingerprint reached the client")
	}
	logLinesOf(t, log, 1)
	fetch(t, addr, "GET", "/cart", "Cookie", "SID=fresh-secret; ROUTEID=.node2")
	lines := logLinesOf(t, log, 2)
	cfg := read(t, config)
	p := parser1(t, lb.LogOptions{Config: cfg, SessionCookie: "SID", Sample: []byte(strings.Join(lines, "\n"))})
	var events [2]session.Event
	for i := range events {
		if strings.Contains(lines[i], "secret") {
			t.Errorf("line %d shows a secret: %s", i+1, shape([]byte(lines[i])))
		}
		if why := p.Parse([]byte(lines[i]), &events[i]); why != lb.Read {
			t.Fatalf("line %d: %s", i+1, why)
		}
	}
	a, b := &events[0], &events[1]
	want := session.HasSession | session.HasSetSession | session.HasInstance | session.HasStatus | session.HasRequestID | session.HasUserAgent |
		session.HasReferer | session.HasTarget | session.HasClient | session.HasFlow
	if a.Has != want {
		t.Errorf("shows %b, want %b", a.Has, want)
	}
	if a.Start < before || a.Start > time.Now().UnixNano() || a.End < a.Start {
		t.Errorf("times %d to %d", a.Start, a.End)
	}
	print1 := fingerprint(key, "fresh-secret")
	for _, tt := range []struct{ name, got, want string }{
		{"set", string(a.SetSession.Raw), print1}, {"presented", string(b.Session.Raw), print1}, {"path", string(a.Target), "/login"},
		{"agent", string(a.UserAgent), `Mozilla "5.0", (x)`}, {"referer", string(a.Referer), "http://pay.test"}, {"method", string(a.Method), "POST"},
		{"scheme", string(a.Scheme), "http"}, {"pool", string(a.Pool), "app"}, {"second instance", string(b.Instance), "node2"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	if a.Flow.Affinity != session.AffinityNone || a.Flow.Set != session.SetInserted || b.Flow.Affinity != session.AffinityValid {
		t.Errorf("flow %+v, then %+v", a.Flow, b.Flow)
	}
	if len(a.RequestID) == 0 || bytes.Equal(a.RequestID, b.RequestID) {
		t.Errorf("request ids %q and %q", a.RequestID, b.RequestID)
	}
}

// pieces are fields with what must be read back of each request of TestRandomFormatsAreReadBack.
var pieces = []struct {
	text string
	get  func(e *session.Event) string
	want func(r *sent) string
}{
	{"%a", func(e *session.Event) string { return string(e.Client) }, func(r *sent) string { return "127.0.0.1" }},
	{"%m", func(e *session.Event) string { return string(e.Method) }, func(r *sent) string { return r.method }},
	{`\"%r\"`, func(e *session.Event) string { return string(e.Target) }, func(r *sent) string { return r.target }},
	{"%>s", func(e *session.Event) string { return fmt.Sprint(e.Status) }, func(r *sent) string { return "200" }},
	{"%B", func(e *session.Event) string { return fmt.Sprint(e.Bytes) }, func(r *sent) string { return "2" }},
	{`\"%{User-Agent}i\"`, func(e *session.Event) string { return string(e.UserAgent) }, func(r *sent) string { return r.agent }},
	{`\"%{Referer}i\"`, func(e *session.Event) string { return string(e.Referer) }, func(r *sent) string { return r.referer }},
	{`\"%{SID}C\"`, func(e *session.Event) string { return string(e.Session.Raw) }, func(r *sent) string { return r.sid }},
	{`\"%{Host}i\"`, func(e *session.Event) string { return string(e.Host) }, func(r *sent) string { return r.host }},
	{"%{BALANCER_WORKER_ROUTE}e", func(e *session.Event) string { return string(e.Instance) }, func(r *sent) string { return r.route }},
	{"%{x-request-id}i", func(e *session.Event) string { return string(e.RequestID) }, func(r *sent) string { return r.id }},
	{"%D", func(e *session.Event) string { return fmt.Sprint(e.TotalMs >= 0) }, func(r *sent) string { return "true" }},
}

type sent struct{ method, target, agent, referer, sid, host, route, id string }

var times = []string{"%t", "%{%s}t.%{msec_frac}t", "%{usec}t", "%{msec}t", "%{%Y-%m-%dT%H:%M:%S%z}t", "%{sec}t"}

// Formats drawn by chance, written by the real httpd, are read back field by field.
func TestRandomFormatsAreReadBack(t *testing.T) {
	const formats, requests = 40, 4
	rng := rand.New(rand.NewPCG(7, 7))
	var config strings.Builder
	config.WriteString(fmt.Sprintf(twoMembers, backend(t, session.Key{}), backend(t, session.Key{})))
	texts, drawn := make([]string, formats), make([][]int, formats)
	for f := range formats {
		order := rng.Perm(len(pieces))[:3+rng.IntN(len(pieces)-3)]
		parts := []string{times[rng.IntN(len(times))]}
		for _, i := range order {
			label := ""
			if rng.IntN(2) == 0 {
				label = fmt.Sprintf("k%d=", i)
			}
			parts = append(parts, label+pieces[i].text)
		}
		rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		texts[f] = strings.Join(parts, []string{" ", " | ", "  "}[rng.IntN(3)])
		drawn[f] = order
		fmt.Fprintf(&config, "CustomLog LOGS/f%d.log \"%s\"\n", f, texts[f])
	}
	addr, dir := start(t, config.String())
	var all []*sent
	for i := range requests {
		r := &sent{
			method: []string{"GET", "POST"}[i%2], target: fmt.Sprintf("/p%d/a%%20b?x=%d", i, i), agent: []string{`curl/8.0`, `a "quoted" \ agent`, "ümlaut", ""}[i],
			referer: []string{"", "http://a.test/x", "-", "http://b.test/"}[i], sid: []string{"", "v1", "a=b", "x.y-z"}[i], host: addr,
			route: []string{"node1", "node2"}[i%2], id: fmt.Sprintf("id-%d", i),
		}
		cookie := "ROUTEID=." + r.route
		if r.sid != "" {
			cookie = "SID=" + r.sid + "; " + cookie
		}
		fetch(t, addr, r.method, r.target, "User-Agent", r.agent, "Referer", r.referer, "Cookie", cookie, "X-Request-Id", r.id)
		logLinesOf(t, filepath.Join(dir, fmt.Sprintf("f%d.log", formats-1)), i+1) // written in the order of the requests
		if r.referer == "-" {
			r.referer = ""
		}
		all = append(all, r)
	}
	fields, wrong := 0, 0
	for f := range formats {
		p := parser1(t, lb.LogOptions{Format: texts[f], SessionCookie: "SID", AffinityCookie: "ROUTEID"})
		for i, line := range logLinesOf(t, filepath.Join(dir, fmt.Sprintf("f%d.log", f)), requests)[:requests] {
			var e session.Event
			if why := p.Parse([]byte(line), &e); why != lb.Read {
				t.Errorf("format %s: %s: %s", texts[f], why, shape([]byte(line)))
				continue
			}
			for _, k := range drawn[f] {
				fields++
				if got, want := pieces[k].get(&e), pieces[k].want(all[i]); got != want {
					wrong++
					t.Errorf("format %s, %s: %q, want %q", texts[f], pieces[k].text, got, want)
				}
			}
		}
	}
	t.Logf("%d formats, %d lines, %d fields, %d wrong", formats, formats*requests, fields, wrong)
}
