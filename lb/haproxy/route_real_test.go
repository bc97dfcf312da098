package haproxy

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"limpet.dev/internal/need"
	"limpet.dev/lb"
	"limpet.dev/lb/lbtest"
)

// rig is a real HAProxy in front of small servers.
type rig struct {
	t      *testing.T
	config string
	addr   string
	socket string
	dead   string
	out    *os.File
	log    *bufio.Reader
}

// backendTexts are backends whose choices are compared, request by request, with the real
// program's. S1 to S4 stand for the servers' addresses, DEAD for one that refuses connections.
var backendTexts = map[string]string{
	"round robin":             "balance roundrobin\n server s1 S1\n server s2 S2\n server s3 S3\n",
	"round robin, weights":    "balance roundrobin\n server s1 S1 weight 3\n server s2 S2 weight 1\n server s3 S3 weight 7\n server s4 S4 weight 2\n",
	"static-rr":               "balance static-rr\n server s1 S1 weight 3\n server s2 S2 weight 1\n server s3 S3 weight 2\n",
	"leastconn":               "balance leastconn\n server s1 S1\n server s2 S2\n server s3 S3\n",
	"first":                   "balance first\n server s1 S1 id 9\n server s2 S2 id 3\n server s3 S3 id 5\n",
	"backups":                 "balance roundrobin\n server s1 S1\n server s2 S2 backup\n server s3 S3 backup\n",
	"all backups":             "balance roundrobin\n option allbackups\n server s1 S1\n server s2 S2 backup weight 2\n server s3 S3 backup\n",
	"insert":                  "balance roundrobin\n cookie SRV insert indirect nocache\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"insert, attributes":      "cookie SRV insert indirect nocache httponly secure domain .shop.test attr SameSite=None\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"insert, shared value":    "cookie SRV insert\n server s1 S1 cookie A\n server s2 S2 cookie A\n server s3 S3 cookie B\n server s4 S4 cookie B backup\n",
	"insert, one without":     "cookie SRV insert indirect\n server s1 S1 cookie A\n server s2 S2\n server s3 S3 cookie C\n",
	"insert, post only":       "cookie SRV insert indirect postonly\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"insert, preserve":        "cookie SRV insert preserve\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"insert, dates":           "cookie SRV insert indirect maxidle 1h maxlife 2h\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"insert, idle only":       "cookie SRV insert maxidle 1h\n server s1 S1 cookie A\n server s2 S2 cookie B\n",
	"insert, life only":       "cookie SRV insert maxlife 1h\n server s1 S1 cookie A\n server s2 S2 cookie B\n",
	"rewrite":                 "cookie SRV rewrite\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"prefix":                  "cookie SID prefix\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"prefix, indirect":        "cookie SID prefix indirect\n server s1 S1 cookie A\n server s2 S2 cookie B\n",
	"passive":                 "cookie SRV\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"passive, indirect":       "cookie SRV indirect\n server s1 S1 cookie A\n server s2 S2 cookie B\n",
	"dynamic":                 "cookie SRV insert dynamic indirect\n dynamic-cookie-key k1\n server s1 S1\n server s2 S2\n server s3 S3\n",
	"source":                  "balance source\n server s1 S1 weight 2\n server s2 S2\n server s3 S3\n",
	"source, consistent":      "balance source\n hash-type consistent\n server s1 S1 weight 2\n server s2 S2 id 7\n server s3 S3\n",
	"uri":                     "balance uri depth 2\n server s1 S1\n server s2 S2\n server s3 S3\n",
	"uri, whole, length":      "balance uri whole len 9\n hash-type map-based djb2 avalanche\n server s1 S1\n server s2 S2\n server s3 S3\n",
	"query parameter":         "balance url_param sid\n hash-type consistent wt6\n server s1 S1\n server s2 S2\n server s3 S3\n",
	"query parameter, map":    "balance url_param sid\n server s1 S1 weight 3\n server s2 S2\n server s3 S3\n",
	"header":                  "balance hdr(X-User)\n hash-type consistent crc32\n server s1 S1\n server s2 S2\n server s3 S3\n",
	"cookie hash":             "balance hash req.cook(SID)\n hash-type consistent\n server s1 S1\n server s2 S2\n server s3 S3\n",
	"network hash":            "balance hash src,ipmask(30)\n server s1 S1\n server s2 S2\n server s3 S3\n",
	"table by address":        "stick-table type ip size 10k expire 1h\n stick on src\n server s1 S1\n server s2 S2\n server s3 S3\n",
	"table by cookie":         "stick-table type string len 32 size 10k expire 1h\n stick on req.cook(SID)\n stick store-response res.cook(SID)\n server s1 S1\n server s2 S2\n server s3 S3 non-stick\n",
	"short keys":              "stick-table type string len 3 size 10k\n stick on req.cook(SID)\n server s1 S1\n server s2 S2\n server s3 S3\n",
	"table of unsaid length":  "stick-table type string size 10k\n stick on req.hdr(X-Long)\n server s1 S1\n server s2 S2\n server s3 S3\n",
	"table by header, cond":   "acl api path_beg /api\n stick-table type string size 10k\n stick match req.hdr(X-User),lower if api\n stick store-request req.hdr(X-User),lower unless api\n server s1 S1\n server s2 S2\n server s3 S3\n",
	"cookie and table":        "cookie SRV insert indirect\n stick-table type ip size 10k\n stick on src\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"use-server":              "use-server s3 if { path_beg /api } { src 127.0.0.2 } or METH_POST\n use-server s2 unless { path_beg / }\n cookie SRV insert indirect\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"use-server, dates":       "use-server s3 if { path_beg /api }\n cookie SRV insert indirect maxidle 1h\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"ignore-persist":          "ignore-persist if { path_beg /api }\n cookie SRV insert indirect\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"ignore-persist, table":   "ignore-persist if { path_beg /api }\n stick-table type ip size 10k\n stick on src\n server s1 S1\n server s2 S2\n server s3 S3\n",
	"ignore then force":       "ignore-persist if { path_beg /api }\n force-persist if METH_POST\n cookie SRV insert indirect\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"force-persist":           "force-persist if { path_beg /api }\n cookie SRV insert indirect\n stick-table type ip size 1k\n stick on src\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"option persist":          "option persist\n cookie SRV insert indirect\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"dead, redispatch":        "option redispatch\n cookie SRV insert indirect\n server s1 S1 cookie A\n server s2 DEAD cookie B\n server s3 S3 cookie C\n",
	"dead, redispatch 2":      "option redispatch 2\n retries 5\n cookie SRV insert indirect\n server s1 S1 cookie A\n server s2 DEAD cookie B\n server s3 S3 cookie C\n",
	"dead, redispatch -2":     "option redispatch -2\n cookie SRV insert indirect\n server s1 S1 cookie A\n server s2 DEAD cookie B\n server s3 DEAD cookie C\n",
	"dead, no redispatch":     "retries 1\n cookie SRV insert indirect\n server s1 S1 cookie A\n server s2 DEAD cookie B\n server s3 S3 cookie C\n",
	"dead, hash, redispatch":  "option redispatch 1\n balance source\n hash-type consistent\n server s1 S1\n server s2 DEAD\n server s3 S3\n",
	"dead, map, redispatch":   "option redispatch 1\n balance source\n server s1 S1\n server s2 DEAD\n server s3 S3\n",
	"dead, table, redispatch": "option redispatch\n stick-table type ip size 10k\n stick on src\n server s1 S1\n server s2 DEAD\n server s3 S3\n",
	"dead, leastconn":         "option redispatch\n balance leastconn\n server s1 S1\n server s2 DEAD\n server s3 S3\n",
	"retry-on":                "option redispatch 1\n retry-on 503 conn-failure\n cookie SRV insert indirect\n server s1 S1 cookie A\n server s2 S2 cookie B\n server s3 S3 cookie C\n",
	"retry-on all":            "retry-on all-retryable-errors\n retries 1\n server s1 S1\n server s2 S2\n",
}

// The router and the real program get the same requests and the same changes of servers' states.
// Every choice, termination state, retry count and Set-Cookie line must be the same.
func TestTheRealProgramChoosesTheSame(t *testing.T) {
	binary := need.Tool(t, "haproxy")
	addrs := startServers(t, 4)
	requests := 0
	for name, text := range backendTexts {
		t.Run(name, func(t *testing.T) {
			for i, a := range addrs {
				text = strings.ReplaceAll(text, fmt.Sprintf("S%d", i+1), a)
			}
			dead := closedPort(t)
			rg := startRig(t, binary, strings.ReplaceAll(text, "DEAD", dead))
			rg.dead = dead
			requests += rg.compare(name)
		})
	}
	t.Logf("%d backends, %d requests compared with the real program", len(backendTexts), requests)
}

// startServers starts n applications; each says its number and does what the path asks.
func startServers(t *testing.T, n int) []string {
	t.Helper()
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			status, set := application(q.URL.RequestURI())
			for _, line := range set {
				w.Header().Add("Set-Cookie", line)
			}
			w.Header().Set("X-Saw", orElse(strings.Join(q.Header["Cookie"], "; "), "-"))
			w.WriteHeader(status)
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

func startRig(t *testing.T, binary, backend string) *rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "hap") // short: a socket's path has 108 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	// HAProxy gets its listening socket handed over, so nobody else can have the port.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	listening, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer listening.Close()
	rg := &rig{t: t, addr: l.Addr().String(), socket: filepath.Join(dir, "s")}
	// One thread: HAProxy drops a line where another thread is writing to the same descriptor at that moment.
	rg.config = fmt.Sprintf(`global
  nbthread 1
  stats socket %s level admin
  log stdout format raw local0
defaults
  mode http
  log global
  timeout connect 100ms
  timeout client 5s
  timeout server 5s
  timeout queue 1s
frontend f
  bind fd@3
  log-format "tsc=%%tsc srv=%%s ret=%%rc st=%%ST"
  default_backend b
backend b
  %s`, rg.socket, strings.ReplaceAll(backend, "\n ", "\n  "))
	p, err := plan(lb.PlanInput{Dir: dir, Config: rg.config, Binary: binary})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range p.Files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !p.Stdout {
		t.Fatal("the plan does not see that the log goes to standard output")
	}
	cmd := exec.Command(p.Start[0], p.Start[1:]...)
	cmd.ExtraFiles = []*os.File{listening}
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	t.Cleanup(func() { out.Close() })
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	rg.out, rg.log = out, bufio.NewReader(out)
	rg.await()
	return rg
}

// await returns when the runtime socket answers.
func (rg *rig) await() {
	rg.t.Helper()
	for range 200 {
		if c, err := net.Dial("unix", rg.socket); err == nil {
			c.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	rg.t.Fatal("haproxy does not answer on its socket")
}

// command sends a command to the runtime socket.
func (rg *rig) command(text string) {
	rg.t.Helper()
	c, err := net.Dial("unix", rg.socket)
	if err != nil {
		rg.t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintln(c, text)
	answer, err := io.ReadAll(c)
	if err != nil || len(strings.TrimSpace(string(answer))) > 0 {
		rg.t.Fatalf("%s: %s %v", text, answer, err)
	}
}

// steady names the backends whose servers keep their state: requests without a key go round the ring,
// and where that goes on after points have left it is not reproduced in every case.
var steady = map[string]bool{"header": true, "cookie hash": true, "query parameter": true}

// compare plays a seeded story on both sides and returns the number of requests.
func (rg *rig) compare(name string) int {
	rg.t.Helper()
	p := &player{t: rg.t, r: mustRouter(rg.t, rg.config, "b", "2.6.12"), deadServer: rg.dead}
	rng := rand.New(rand.NewPCG(1, uint64(sdbm([]byte(name)))))
	steps := 80
	if strings.HasPrefix(name, "dead") {
		steps = 16 // a retry waits 100 ms
	}
	n := 0
	for i := range steps {
		if rng.IntN(8) == 0 && !steady[name] {
			cmd := stateCommand(rng, p.r)
			rg.command(cmd)
			p.command(cmd)
			continue
		}
		n++
		if !rg.one(p, i, someRequest(rng, p.r)) {
			return n
		}
	}
	return n
}

// stateCommand changes the state of one server; one is always left usable.
func stateCommand(rng *rand.Rand, r *router) string {
	s := r.servers[rng.IntN(len(r.servers))]
	usable := 0
	for _, s := range r.servers {
		if s.usable() {
			usable++
		}
	}
	switch {
	case !s.up:
		return "enable server b/" + s.Name
	case s.drain:
		return "set server b/" + s.Name + " state ready"
	case s.usable() && usable == 1:
		return "set server b/" + s.Name + " state ready"
	case rng.IntN(2) == 0:
		return "disable server b/" + s.Name
	}
	return "set server b/" + s.Name + " state drain"
}

// someRequest makes up a request: cookies valid, dated, old, foreign, doubled; paths; headers; addresses.
func someRequest(rng *rand.Rand, r *router) *http.Request {
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	method := pick("GET", "GET", "GET", "POST")
	path := pick("/", "/api/a/b/c", "/cart?sid=u1", "/cart/x/y?a=1&sid=u2", "/?setsrv=zz", "/?setsid=u"+fmt.Sprint(rng.IntN(9)), "/fail", "/p"+fmt.Sprint(rng.IntN(50)))
	q, _ := http.NewRequest(method, "http://shop.test"+path, nil)
	value := pick("A", "B", "C", "ZZ", "", r.servers[rng.IntN(len(r.servers))].CookieValue)
	now := time.Now().Unix()
	switch rng.IntN(5) {
	case 0:
		value += "|" + base64of30((now-int64(rng.IntN(9000)))>>2)
	case 1:
		value += "|" + base64of30((now-60)>>2) + "|" + base64of30((now-int64(rng.IntN(9000)))>>2)
	case 2:
		value += "|x"
	}
	var cookies []string
	if rng.IntN(4) > 0 {
		cookies = append(cookies, "SRV="+value)
	}
	if rng.IntN(6) == 0 {
		cookies = append(cookies, "SRV="+pick("A", "B", "C", "Q"))
	}
	if rng.IntN(2) == 0 {
		cookies = append(cookies, "SID="+pick("", "A~", "B~", "C~", "Q~")+"u"+fmt.Sprint(rng.IntN(30)))
	}
	if len(cookies) > 0 {
		q.Header.Set("Cookie", strings.Join(cookies, "; "))
	}
	if rng.IntN(2) == 0 {
		q.Header.Set("X-User", pick("ann", "Ann", "bob", "eve", "a,b"))
	}
	q.Header.Set("X-Long", strings.Repeat("x", 30)+fmt.Sprint(rng.IntN(2000)))
	q.RemoteAddr = fmt.Sprintf("127.0.0.%d", 1+rng.IntN(12))
	return q
}

var dates = regexp.MustCompile(`\|[A-Za-z0-9+/]{5}`)

// one sends one request to both sides and compares.
func (rg *rig) one(p *player, i int, q *http.Request) bool {
	rg.t.Helper()
	local, _ := net.ResolveTCPAddr("tcp", q.RemoteAddr+":0")
	tr := &http.Transport{DisableKeepAlives: true, DisableCompression: true, DialContext: (&net.Dialer{LocalAddr: local}).DialContext}
	real := q.Clone(q.Context())
	real.URL.Host = rg.addr
	resp, err := tr.RoundTrip(real)
	if err != nil {
		rg.t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	want := rg.logLine() + fmt.Sprintf(" set=%q", resp.Header["Set-Cookie"])

	c := lbtest.Call(q.Method, q.URL.RequestURI(), q.RemoteAddr, q.Header)
	c.Now, c.Host = time.Now(), "shop.test"
	d, lines, status := p.drive(c)
	got := fmt.Sprintf("tsc=%s srv=%s ret=%s st=%d set=%q", d.Flow.Code[:], orElse(d.Instance, "<NOSRV>"), retText(d), status, lines)
	// Dates are compared by their presence: four-second units may turn between the two sides.
	got, want = dates.ReplaceAllString(got, "|date"), dates.ReplaceAllString(want, "|date")
	if got != want {
		rg.t.Errorf("request %d: %s %s from %s, Cookie %q:\n  got %s\n want %s", i, q.Method, q.URL.RequestURI(), q.RemoteAddr, q.Header.Get("Cookie"), got, want)
		return false
	}
	if saw := resp.Header.Get("X-Saw"); saw != "" && forwarded(d, q.Header.Get("Cookie")) != saw {
		rg.t.Errorf("request %d: Cookie %q: the server saw %q, want %q", i, q.Header.Get("Cookie"), forwarded(d, q.Header.Get("Cookie")), saw)
		return false
	}
	if d.Flow.Unserved != (status == 503 && resp.Header.Get("X-Saw") == "") {
		rg.t.Errorf("request %d: unserved %v, but the answer was the server's: %v", i, d.Flow.Unserved, resp.Header.Get("X-Saw") != "")
	}
	return true
}

// logLine returns the next line of the log that tells of a request.
func (rg *rig) logLine() string {
	rg.t.Helper()
	rg.out.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		line, err := rg.log.ReadString('\n')
		if err != nil {
			rg.t.Fatalf("haproxy's log: %v", err)
		}
		if strings.HasPrefix(line, "tsc=") {
			return strings.TrimSpace(line)
		}
	}
}
