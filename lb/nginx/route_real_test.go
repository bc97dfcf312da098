package nginx

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"limpet.dev/internal/need"
	"limpet.dev/lb"
	"limpet.dev/lb/lbtest"
)

// generated writes a made-up upstream and the location that leads to it. Failures count for an hour, so that no
// answer depends on how fast the test runs.
func generated(rng *rand.Rand, n int, addrs []string, dead string) (upstream, location string) {
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	method := pick("", "", "ip_hash;", "least_conn;", "hash $remote_addr;", "hash $remote_addr consistent;", "hash $cookie_SID;",
		"hash $cookie_SID consistent;", "hash $arg_sid consistent;", "hash $http_x_user$arg_sid;", "hash $request_uri consistent;",
		"hash $shop_key consistent;", "hash $share consistent;", "hash $uri;", "hash $binary_remote_addr;", "hash $static consistent;")
	var b strings.Builder
	fmt.Fprintf(&b, "upstream u%d {\n  %s\n", n, method)
	servers, primaries := 1+rng.IntN(5), 0
	for i := range servers {
		addr, more := addrs[rng.IntN(len(addrs))], ""
		if rng.IntN(6) == 0 {
			addr = dead
		}
		if rng.IntN(2) == 0 {
			more += fmt.Sprintf(" weight=%d", 1+rng.IntN(5))
		}
		switch {
		case i > 0 && rng.IntN(6) == 0:
			more += " down"
		case primaries > 0 && rng.IntN(5) == 0 && (method == "" || method == "least_conn;"):
			more += " backup"
		default:
			primaries++
		}
		fmt.Fprintf(&b, "  server %s max_fails=%d fail_timeout=1h%s;\n", addr, rng.IntN(4), more)
	}
	b.WriteString("}\n")
	next := pick("", "", "proxy_next_upstream off;", "proxy_next_upstream error timeout http_503;", "proxy_next_upstream error http_503 non_idempotent;", "proxy_next_upstream_tries 2;")
	cookie := pick("", "", `add_header Set-Cookie "AFF=$share; Path=/";`, `add_header Set-Cookie $home always;`)
	return b.String(), fmt.Sprintf("location /u%d/ { proxy_pass http://u%d; add_header X-Tried $upstream_addr always; %s %s }\n", n, n, next, cookie)
}

// someRequest makes up a request.
func someRequest(rng *rand.Rand, n int) *http.Request {
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	path := fmt.Sprintf("/u%d/%s", n, pick("", "a", "cart", "p"+fmt.Sprint(rng.IntN(50))))
	var query []string
	if rng.IntN(2) == 0 {
		query = append(query, "sid=u"+fmt.Sprint(rng.IntN(20)))
	}
	if rng.IntN(8) == 0 {
		query = append(query, "fail=1")
	}
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	q, _ := http.NewRequest(pick("GET", "GET", "POST"), "http://shop.test"+path, nil)
	if rng.IntN(3) > 0 {
		q.Header.Set("Cookie", pick("SID=", "x=1; SID=", "sid=")+"s"+fmt.Sprint(rng.IntN(30))+pick("", "; SID=other", "; AFF=v9"))
	}
	if rng.IntN(2) == 0 {
		q.Header.Set("X-User", pick("ann", "Ann", "bob", "eve"))
	}
	q.Header.Set("X-Real-IP", fmt.Sprintf("%d.%d.%d.%d", 1+rng.IntN(220), rng.IntN(256), rng.IntN(256), rng.IntN(256)))
	if rng.IntN(4) == 0 {
		q.Header.Set("X-Real-IP", fmt.Sprintf("2001:db8::%x", rng.IntN(65536)))
	}
	return q
}

// The router and the real program get the same requests. Every server tried, in order, every status and
// every Set-Cookie line must be the same.
func TestTheRealProgramChoosesTheSame(t *testing.T) {
	binary := need.Tool(t, "nginx")
	addrs, dead := startServers(t, 5), closedPort(t)
	rng := rand.New(rand.NewPCG(4, 2))
	const upstreams, each = 80, 40
	var ups, locations strings.Builder
	for n := range upstreams {
		u, l := generated(rng, n, addrs, dead)
		ups.WriteString(u)
		locations.WriteString(l)
	}
	listen := closedPort(t)
	config := fmt.Sprintf(`worker_processes 1;
error_log stderr emerg;
events { worker_connections 512; }
http {
access_log off;
client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
map $cookie_SID $shop_key { "" "new:$http_x_user"; s1 one; ~^s2(?<rest>.*)$ "two$rest"; default "$cookie_SID"; }
map $upstream_addr $home { default ""; "~%s$" "AFF=h1; Path=/; HttpOnly"; "~%s$" "AFF=h2; Path=/; HttpOnly"; }
split_clients "${remote_addr}salt" $share { 10%% a; 25.5%% b; 33.33%% c; * d; }
%sserver { listen %s; set_real_ip_from 127.0.0.0/8; real_ip_header X-Real-IP; proxy_connect_timeout 2s; set $static fixed;
%s}
}
`, strings.ReplaceAll(addrs[0], ".", `\.`), strings.ReplaceAll(addrs[1], ".", `\.`), ups.String(), listen, locations.String())
	cfg := parse(t, config)
	runNginx(t, binary, config, listen)
	requests, wrong := 0, 0
	for n := range upstreams {
		r, err := newRouter(cfg, fmt.Sprintf("u%d", n))
		if err != nil {
			t.Fatal(err)
		}
		for i := range each {
			q := someRequest(rng, n)
			want := realAnswer(t, listen, q)
			c := lbtest.Call(q.Method, q.URL.RequestURI(), "127.0.0.1", q.Header)
			c.Now = time.Now()
			c.Cookie = caseless(q.Header.Get("Cookie"))
			got := modelAnswer(r.(*router), c, dead)
			requests++
			if got != want {
				wrong++
				pool, _ := cfg.Pool(fmt.Sprintf("u%d", n))
				t.Errorf("upstream u%d (%s), request %d: %s %s, Cookie %q, from %s:\n  got %s\n want %s", n, pool.Balance.Algorithm+" "+pool.Balance.Key, i,
					q.Method, q.URL.RequestURI(), q.Header.Get("Cookie"), q.Header.Get("X-Real-IP"), got, want)
				break
			}
		}
	}
	t.Logf("%d upstreams, %d requests compared with the real program, %d differ", upstreams, requests, wrong)
}

// caseless reads cookies as nginx's variables do, whatever the case of their names.
func caseless(header string) func(string) []string {
	return func(name string) (out []string) {
		for _, part := range strings.Split(header, ";") {
			if n, v, ok := strings.Cut(strings.TrimSpace(part), "="); ok && strings.EqualFold(n, name) {
				out = append(out, v)
			}
		}
		return out
	}
}

func modelAnswer(r *router, c *lb.Call, dead string) string {
	d := r.Route(c)
	var attempts []string
	status, lines := 200, []string(nil)
	for n := 1; ; n++ {
		if d.Instance == "" {
			status, lines = 502, nonEmpty(d.SetCookie)
			attempts = append(attempts, r.pool.Name)
			break
		}
		attempts = append(attempts, d.Instance)
		if d.Instance == dead {
			next, ok := r.Failed(c, d, n)
			if d = next; !ok {
				if d.Note.(*request).exhausted { // one more attempt, at the upstream's name
					attempts = append(attempts, r.pool.Name)
				}
				status, lines = 502, nonEmpty(d.SetCookie)
				break
			}
			continue
		}
		if strings.Contains(c.Target, "fail=1") {
			status = 503
		}
		if next, again := r.Again(c, d, status); again {
			d = next
			status = 200
			continue
		}
		d, lines = r.Answered(c, d, lb.Answer{Status: status})
		break
	}
	return fmt.Sprintf("tried=%s status=%d set=%q", strings.Join(attempts, ", "), status, lines)
}

func nonEmpty(line string) []string {
	if line == "" {
		return nil
	}
	return []string{line}
}

func realAnswer(t *testing.T, addr string, q *http.Request) string {
	t.Helper()
	real := q.Clone(q.Context())
	real.URL.Host = addr
	tr := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	resp, err := tr.RoundTrip(real)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return fmt.Sprintf("tried=%s status=%d set=%q", resp.Header.Get("X-Tried"), resp.StatusCode, resp.Header["Set-Cookie"])
}

// startServers starts n applications; with fail=1 in the address line they answer 503.
func startServers(t *testing.T, n int) []string {
	t.Helper()
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Query().Get("fail") != "" {
				w.WriteHeader(503)
			}
		})}
		done := make(chan struct{})
		go func() { srv.Serve(l); close(done) }()
		t.Cleanup(func() { srv.Close(); <-done })
		addrs = append(addrs, l.Addr().String())
	}
	return addrs
}

// closedPort returns an address that refuses connections.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// runNginx starts nginx by its plan, in a folder of its own, and waits until it answers.
func runNginx(t *testing.T, binary, config, listen string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	p, err := plan(lb.PlanInput{Dir: dir, Config: config, Binary: binary})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range p.Files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := exec.Command(p.Check[0], p.Check[1:]...)
	if out, err := check.CombinedOutput(); err != nil {
		t.Fatalf("nginx -t: %v: %s", err, out)
	}
	cmd := exec.Command(p.Start[0], p.Start[1:]...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(syscall.SIGTERM); cmd.Wait() })
	for range 300 {
		if c, err := net.Dial("tcp", listen); err == nil {
			c.Close()
			return cmd
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("nginx does not answer")
	return nil
}
