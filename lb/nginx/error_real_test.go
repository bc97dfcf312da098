package nginx

import (
	"fmt"
	"net"
	"net/http"
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

// badServer answers each path in its own wrong way.
func badServer(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 4096)
				n, _ := c.Read(buf)
				switch path, _, _ := strings.Cut(string(buf[:n]), "?"); strings.TrimPrefix(path, "GET ") {
				case "/slow":
					time.Sleep(3 * time.Second)
				case "/big":
					fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nX-Big: %s\r\n\r\n", strings.Repeat("x", 20_000))
				case "/invalid":
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nSet-Cookie\x00: SHOP=CANARY\r\n\r\n")
				case "/cut":
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
				}
			}()
		}
	}()
	return l.Addr().String()
}

// TestErrorLogOfRealNginx: what the real server writes about failing servers and about a reload is read as what it is, and
// nothing of the requests comes along.
func TestErrorLogOfRealNginx(t *testing.T) {
	bad, port := badServer(t), lbtest.FreePort(t)
	dead := fmt.Sprintf("127.0.0.1:%d", lbtest.FreePort(t))
	r := startNginx(t, "", fmt.Sprintf(`
upstream refused { server %s; server %s backup max_fails=0; }
upstream none { server %s max_fails=1; server %s max_fails=1; }
upstream bad { server %s max_fails=0; server %s down; }
access_log DIR/access.log;
server { listen 127.0.0.1:%d; proxy_read_timeout 1s; proxy_next_upstream error timeout invalid_header;
location /refused { proxy_pass http://refused; }
location /none { proxy_pass http://none; }
location / { proxy_pass http://bad; }
}
`, dead, bad, dead, strings.Replace(dead, "127.0.0.1", "127.0.0.2", 1), bad, dead, port))
	lbtest.Reachable(t, port)
	for _, path := range []string{"/refused", "/none", "/none", "/slow", "/big", "/invalid", "/cut", "/closed"} {
		if resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s?token=CANARY", port, path)); err == nil {
			resp.Body.Close()
		}
	}
	lbtest.WaitFor(t, "the access log", func() bool { return len(r.lines(t, "access.log")) == 8 })
	reloadAndWait(t, r)
	p := mustParser(t, lb.LogOptions{Sample: []byte(strings.Join(r.lines(t, "access.log"), "\n") + "\n"), Zone: time.Local})
	seen := map[string]int{}
	for _, line := range r.lines(t, "error.log") {
		var e session.Event
		skip := p.Parse([]byte(line), &e)
		if strings.Contains(string(e.Detail), "CANARY") {
			t.Errorf("a request's text stands in the words of an event: %s", line)
		}
		switch {
		case skip == skipErrorLog || skip == lb.SkipForeign || skip == lb.SkipCut || skip == lb.SkipTime:
			t.Errorf("skipped as %q: %s", skip, line)
		case skip != lb.Read:
			seen[string(skip)]++
		default:
			at := string(e.Instance)
			for name, address := range map[string]string{"dead": dead, "bad": bad} {
				if at == address {
					at = name
				}
			}
			if e.Kind == session.Lifecycle {
				at = fmt.Sprint("nginx ", e.Up)
			}
			if at == "" {
				at = string(e.Pool)
			}
			words, _, _ := strings.Cut(string(e.Detail), "(")
			seen[at+": "+strings.TrimSpace(words)]++
			if d := time.Since(time.Unix(0, e.Start)); d < -time.Second || d > time.Minute {
				t.Errorf("%v ago: %s", d, line)
			}
		}
	}
	for _, want := range []string{"dead: connect", "dead: upstream server temporarily disabled while connecting to upstream", "none: no live upstreams while connecting to upstream", "bad: upstream timed out",
		"bad: upstream sent too big header while reading response header from upstream", "bad: upstream sent invalid header", "bad: upstream prematurely closed connection while reading response header from upstream", string(skipBroken), "nginx true: signal process started"} {
		if seen[want] == 0 {
			t.Errorf("not seen: %s\nseen: %v", want, seen)
		}
	}
}

// reloadAndWait does what "nginx -s reload" does to the log of a server without a master process: the signalling
// process writes its line there, before the signal.
func reloadAndWait(t *testing.T, r *realNginx) {
	t.Helper()
	file := filepath.Join(r.dir, "nginx.conf")
	lbtest.WaitFor(t, "the pid file", func() bool {
		data, err := os.ReadFile(filepath.Join(r.dir, "nginx.pid"))
		return err == nil && len(data) > 1
	})
	before := len(r.lines(t, "error.log"))
	run(t, "nginx", "-p", r.dir, "-c", file, "-e", filepath.Join(r.dir, "error.log"), "-s", "reload")
	lbtest.WaitFor(t, "the reload's lines", func() bool { return len(r.lines(t, "error.log")) > before })
}

// run runs a program that must succeed.
func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(need.Tool(t, name), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
