package caddy

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
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

const shop = `{
	admin off
}
http://shop.test:8080 {
	log {
		format json
	}
	reverse_proxy /api/* 127.0.0.1:9101 127.0.0.1:9102 {
		lb_policy ip_hash
	}
	reverse_proxy 127.0.0.1:9001 127.0.0.1:9002 127.0.0.1:9003 {
		lb_policy cookie SRV s3cret {
			fallback round_robin
		}
		lb_try_duration 1s
		health_uri /health
		health_interval 2s
		health_fails 3
	}
}
`

const lines = `{"level":"info","ts":1795638726.405272,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"127.0.0.1","remote_port":"34250","proto":"HTTP/1.1","method":"GET","host":"shop.test","uri":"/a%20b?x=1","headers":{"Cookie":["SID=abc; x=\"y\""],"User-Agent":["a\"b\\c"],"Accept":["*/*"]}},"user_id":"","duration":0.01223823,"size":2,"status":200,"resp_headers":{"Server":["Caddy"],"Set-Cookie":["SRV=COOKIE; Path=/","SID=def; Path=/","B=x"],"Content-Length":["2"]}}
{"level":"info","ts":1795638726.3248115,"logger":"http.handlers.reverse_proxy.health_checker.active","msg":"host is up","host":"127.0.0.1:9002"}
{"level":"info","ts":1795638723.871511,"msg":"serving initial configuration"}
`

func TestPromises(t *testing.T) {
	lbtest.Run(t, Product, lbtest.Fixture{
		Config: shop, Pool: "http://shop.test:8080", Broken: "example.com {\n\treverse_proxy a:1 b:2 {\n\t\tlb_policy cookie\n}\n", BrokenLine: 1,
		Log: strings.Replace(lines, "COOKIE", cookieValue("s3cret", "127.0.0.1:9002"), 1), Foreign: "frontend fe\n    bind :80\n    default_backend be\n",
	})
}

func TestPolicyChecksAndPools(t *testing.T) {
	cfg := read(t, shop)
	if len(cfg.Pools) != 2 || cfg.Pools[0].Name != "http://shop.test:8080 /api/*" {
		t.Fatalf("pools %+v", cfg.Pools)
	}
	pool := cfg.Pools[1]
	a := pool.Affinity[0]
	if a.Cookie != "SRV" || a.Pos.Line != 12 || a.WhenDown != "moves" {
		t.Errorf("affinity %+v", a)
	}
	if h := pool.Instances[0].Check; h.Fall != 3 || h.RemoveMin != 4*time.Second || h.RemoveMax != 11*time.Second {
		t.Errorf("check %+v", h)
	}
	if pool.Retry.Attempts != 4 {
		t.Errorf("retry %+v", pool.Retry)
	}
	if a := cfg.Pools[0].Affinity[0]; a.WhenDown != "gets errors" {
		t.Errorf("a hash without checks: %+v", a)
	}
}

func TestAccessLineTellsTheUpstreamByItsCookie(t *testing.T) {
	p, err := newParser(lb.LogOptions{Config: read(t, shop), SessionCookie: "SID"})
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(strings.Replace(lines, "COOKIE", cookieValue("s3cret", "127.0.0.1:9002"), 1), "\n")
	var e session.Event
	if why := p.Parse([]byte(text), &e); why != lb.Read {
		t.Fatal(why)
	}
	for _, tt := range []struct{ name, got, want string }{
		{"instance", string(e.Instance), "127.0.0.1:9002"}, {"session", string(e.Session.Raw), "abc"}, {"set", string(e.SetSession.Raw), "def"},
		{"agent", string(e.UserAgent), `a"b\c`}, {"target", string(e.Target), "/a%20b?x=1"}, {"client", string(e.Client), "127.0.0.1"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	if e.End != 1795638726405272000 || e.End-e.Start != 12238230 || e.Flow.Set != session.SetInserted || e.Flow.Affinity != session.AffinityNone {
		t.Errorf("end %d, took %d, flow %+v", e.End, e.End-e.Start, e.Flow)
	}
}

func TestWrittenLinesAreReadBack(t *testing.T) {
	key := session.Key{7}
	w, _ := newWriter(lb.LogOptions{})
	r := &lb.Record{
		Start: time.UnixMilli(1795638726405), TotalMs: 12, Client: netip.MustParseAddrPort("10.1.2.3:999"), Instance: "127.0.0.1:9001", Method: "POST",
		Target: "/cart", Host: "shop.test", UserAgent: "x\"y", Status: 303, Location: "/login?next=1", RequestID: "id1", Key: key, Session: "secret", SetSession: "fresh",
		Affinity: "aff",
	}
	text := w.AppendRequest(nil, r)
	if bytes.Contains(text, []byte("secret")) || bytes.Contains(text, []byte("fresh")) {
		t.Fatal("a credential is in the line")
	}
	p, _ := newParser(lb.LogOptions{})
	var e session.Event
	if why := p.Parse(text, &e); why != lb.Read {
		t.Fatal(why)
	}
	if string(e.Session.Raw) != fingerprint(key, "secret") || string(e.SetSession.Raw) != fingerprint(key, "fresh") || !e.Session.Fingerprint {
		t.Error("fingerprints differ")
	}
	if string(e.Instance) != r.Instance || e.Start != r.Start.UnixNano() || string(e.Location) != "/login" || string(e.RequestID) != "id1" || e.Status != 303 {
		t.Errorf("%+v", e)
	}
}

func TestLogCorpus(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(need.Corpus(t, "logs/caddy"), "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no logs in the corpus")
	}
	total, events, reasons := 0, 0, map[lb.Skip]int{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if sniffLog(text) < 0.5 {
			t.Errorf("%s is not recognised", filepath.Base(f))
		}
		p, _ := newParser(lb.LogOptions{})
		var e session.Event
		for line := range bytes.Lines(text) {
			total++
			why := p.Parse(line, &e)
			if reasons[why]++; why == lb.Read {
				events++
			}
		}
	}
	t.Logf("%d files, %d lines: %d events, %d skipped %v", len(files), total, events, total-events, reasons)
	if rest := reasons[lb.SkipNotice] + reasons[lb.SkipEmpty]; events+rest < total {
		t.Errorf("%d of %d lines are neither events nor of a kind that is none", total-events-rest, total)
	}
}

// The real Caddy writes the lines of "limpet logline caddy --variant 2.6" (Debian's cannot add fields); no secret is in them, and
// fingerprints, times and health checks are read back.
func TestRealCaddyWritesWhatIsRead(t *testing.T) {
	binary := need.Tool(t, "caddy")
	key := session.Key{3}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("SID"); err == nil {
			w.Header().Set("X-Limpet-Session", fingerprint(key, c.Value))
		}
		http.SetCookie(w, &http.Cookie{Name: "SID", Value: "fresh-secret"})
		w.Header().Set("X-Limpet-Set-Session", fingerprint(key, "fresh-secret"))
		http.Redirect(w, r, "/login?next=secret", http.StatusSeeOther)
	}))
	defer app.Close()
	addr := fmt.Sprintf("127.0.0.1:%d", lbtest.FreePort(t))
	text, err := logLine(lb.LogLineOptions{SessionCookie: "SID", Variant: "2.6"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	_, port, _ := strings.Cut(addr, ":")
	config := "{\n\tadmin off\n\tauto_https off\n}\nhttp://:" + port + " {\n\tbind 127.0.0.1\n" + strings.ReplaceAll(text, "/var/log/caddy", dir) +
		"\treverse_proxy " + strings.TrimPrefix(app.URL, "http://") + " {\n\t\tlb_policy cookie SRV s3cret\n\t}\n}\n"
	pl, err := plan(lb.PlanInput{Dir: dir, Config: config, Binary: binary})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, configFile), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(pl.Start[0], pl.Start[1:]...)
	cmd.Env = append(pl.Env, "PATH="+os.Getenv("PATH"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, _ := http.NewRequest("GET", "http://"+addr+"/cart;jsessionid=secret?token=secret", nil)
	req.Header.Set("Cookie", "SID=old-secret")
	req.Header.Set("Referer", "https://pay.test/x?secret")
	for try := 0; ; try++ {
		resp, err := client.Do(req)
		if err == nil {
			resp.Body.Close()
			break
		}
		if try == 200 {
			t.Fatal("caddy does not answer")
		}
		time.Sleep(25 * time.Millisecond)
	}
	var log []byte
	for range 200 {
		if log, _ = os.ReadFile(filepath.Join(dir, "limpet.log")); len(log) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if bytes.Contains(log, []byte("secret")) {
		t.Error("a secret is in the log")
	}
	cfg, err := readText("Caddyfile", config)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := newParser(lb.LogOptions{Config: cfg, SessionCookie: "SID"})
	var e session.Event
	if why := p.Parse(bytes.TrimSpace(log), &e); why != lb.Read {
		t.Fatalf("skipped: %s", why)
	}
	if string(e.Session.Raw) != fingerprint(key, "old-secret") || string(e.SetSession.Raw) != fingerprint(key, "fresh-secret") {
		t.Error("fingerprints differ")
	}
	if string(e.Target) != "/cart" || string(e.Referer) != "https://pay.test" || string(e.Location) != "/login" || e.Status != 303 {
		t.Errorf("target %q, referer %q, location %q, status %d", e.Target, e.Referer, e.Location, e.Status)
	}
}

func FuzzLine(f *testing.F) {
	for line := range strings.Lines(lines) {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		p, _ := newParser(lb.LogOptions{SessionCookie: "SID", AffinityCookie: "SRV"})
		var e session.Event
		if why := p.Parse(line, &e); why == lb.Read && e.Start == 0 {
			t.Error("an event without a time")
		}
	})
}
