package lab

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"limpet.dev/lb"
	"limpet.dev/topology"
)

// fixedRouter sends everything to the first instance that is up, and to the next after a
// failure. It sets a cookie at the first visit and strips it on the way in.
type fixedRouter struct {
	mu    sync.Mutex
	names []string
	down  map[string]bool
}

func (r *fixedRouter) Route(c *lb.Call) lb.Decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.names {
		if !r.down[n] {
			d := lb.Decision{Instance: n, StripCookie: affinityCookie}
			if len(c.Cookie(affinityCookie)) == 0 {
				d.SetCookie = affinityCookie + "=" + n + "; path=/"
			}
			return d
		}
	}
	return lb.Decision{}
}

func (r *fixedRouter) Failed(_ *lb.Call, last lb.Decision, attempt int) (lb.Decision, bool) {
	for i, n := range r.names {
		if n == last.Instance && i+1 < len(r.names) {
			return lb.Decision{Instance: r.names[i+1]}, true
		}
	}
	return last, false
}

func (r *fixedRouter) SetUp(name string, up bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down[name] = !up
}
func (r *fixedRouter) SetDrain(string, bool) {}
func (r *fixedRouter) Reload()               {}

// plainWriter writes what the tests look at.
type plainWriter struct{}

func (plainWriter) AppendRequest(dst []byte, r *lb.Record) []byte {
	return fmt.Appendf(dst, "%s %s %d inst=%s aff=%s set=%s unserved=%v retries=%d\n",
		r.Method, r.Target, r.Status, r.Instance, r.Affinity, r.SetAffinity, r.Flow.Unserved, r.Retries)
}
func (plainWriter) AppendHealth(dst []byte, _ time.Time, pool, instance string, up bool, detail string) []byte {
	return fmt.Appendf(dst, "%s/%s up=%v %s\n", pool, instance, up, detail)
}
func (plainWriter) AppendStart(dst []byte, _ time.Time, proxy string) []byte {
	return fmt.Appendf(dst, "start %s\n", proxy)
}

// emulate starts an emulator before these instances, and returns its address and log.
func emulate(t *testing.T, check *topology.HealthCheck, addresses ...string) (e *emulator, url string, log func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	out, err := newLineFile(path)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	pool := &topology.Pool{Name: "be"}
	router := &fixedRouter{down: map[string]bool{}}
	for i, a := range addresses {
		pool.Instances = append(pool.Instances, topology.Instance{Name: instanceName(i), Address: a, Check: check})
		router.names = append(router.names, instanceName(i))
	}
	manner := haproxyDialect.manner
	manner.connect = 50 * time.Millisecond
	st := &stage{opt: &DemoOptions{LogDetail: LogFull}}
	e = &emulator{
		node:    &node{st: st, tier: &tier{}, listen: addr, logs: []*lineFile{out}},
		manner:  &manner,
		running: &running{listener: "fe", writer: plainWriter{}, pools: []*emulatedPool{newEmulatedPool(pool, router)}},
	}
	if err := e.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.stop)
	return e, "http://" + addr, func() string {
		e.stop()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

func fetch(t *testing.T, url, cookies string) *http.Response {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if cookies != "" {
		req.Header.Set("Cookie", cookies)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp
}

func TestEmulatorPassesRequestsAndHandlesCookies(t *testing.T) {
	var cookies, id string
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookies, id = r.Header.Get("Cookie"), r.Header.Get("X-Request-ID")
		w.Header().Set("Set-Cookie", "SHOPSESSION=new")
	}))
	defer app.Close()
	_, url, log := emulate(t, nil, strings.TrimPrefix(app.URL, "http://"))
	first := fetch(t, url+"/a?q=1", "")
	if got := first.Header["Set-Cookie"]; len(got) != 2 || got[1] != "SRV=app1; path=/" {
		t.Errorf("the client gets %q, want the application's cookie and the balancer's", got)
	}
	fetch(t, url+"/b", "X=1; SRV=app1; Y=2")
	if cookies != "X=1; Y=2" || id == "" {
		t.Errorf("the instance got cookies %q and request id %q", cookies, id)
	}
	want := "start fe\nstart be\nGET /a?q=1 200 inst=app1 aff= set=app1 unserved=false retries=0\n" +
		"GET /b 200 inst=app1 aff=app1 set= unserved=false retries=0\n"
	if got := log(); got != want {
		t.Errorf("log\n%s\nwant\n%s", got, want)
	}
}

func TestEmulatorTriesAnotherInstanceAndGivesUp(t *testing.T) {
	app := httptest.NewServer(http.NotFoundHandler())
	defer app.Close()
	refused, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	_, url, log := emulate(t, nil, refused, strings.TrimPrefix(app.URL, "http://"))
	if resp := fetch(t, url+"/", ""); resp.StatusCode != 404 {
		t.Errorf("status %d, want the second instance's 404", resp.StatusCode)
	}
	if got := log(); !strings.Contains(got, "404 inst=app2") || !strings.Contains(got, "retries=1") {
		t.Errorf("log %s", got)
	}
	_, url, log = emulate(t, nil, refused)
	if resp := fetch(t, url+"/", ""); resp.StatusCode != 503 {
		t.Errorf("status %d, want 503", resp.StatusCode)
	}
	if got := log(); !strings.Contains(got, "503 inst=app1") || !strings.Contains(got, "unserved=true") {
		t.Errorf("log %s", got)
	}
}

func TestEmulatorTakesASlowInstanceOutAndBack(t *testing.T) {
	slow := make(chan struct{})
	var gate sync.Once
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-slow:
		case <-r.Context().Done():
		}
	}))
	defer app.Close()
	defer gate.Do(func() { close(slow) })
	check := &topology.HealthCheck{Kind: "http", Method: "GET", Path: "/health", Interval: 10 * time.Millisecond, Timeout: 30 * time.Millisecond, Fall: 2, Rise: 2}
	e, _, log := emulate(t, check, strings.TrimPrefix(app.URL, "http://"))
	router := e.running.pools[0].router.(*fixedRouter)
	isDown := func() bool { router.mu.Lock(); defer router.mu.Unlock(); return router.down["app1"] }
	eventually(t, "down", isDown)
	gate.Do(func() { close(slow) })
	eventually(t, "up again", func() bool { return !isDown() })
	got := log()
	if !strings.Contains(got, "be/app1 up=false Layer7 timeout, check duration: ") || !strings.Contains(got, "be/app1 up=true Layer7 check passed, code: 200") {
		t.Errorf("log %s", got)
	}
}

// eventually waits until something that must happen has happened; the limit only ends a hopeless wait.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !happened() {
		if ctx.Err() != nil {
			t.Fatalf("never %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
