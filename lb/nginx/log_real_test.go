package nginx

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
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
	"limpet.dev/session"
)

var testKey = session.Key{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32}

// realNginx is the real server with a configuration in its own folder.
type realNginx struct {
	dir string
	cmd *exec.Cmd
}

// startNginx checks and starts a configuration whose http block holds text, and ends it with the test. DIR in it
// is the server's folder.
func startNginx(t *testing.T, main, http string, env ...string) *realNginx {
	t.Helper()
	binary := need.Tool(t, "nginx")
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	config := strings.ReplaceAll(fmt.Sprintf(`%s
daemon off;
master_process off;
pid DIR/nginx.pid;
error_log DIR/error.log notice;
events { worker_connections 64; }
http {
client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi; uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
%s
}
`, main, http), "DIR", dir)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-p", dir, "-c", file, "-e", filepath.Join(dir, "error.log")}
	check := exec.Command(binary, append([]string{"-t"}, args...)...)
	check.Env = append(os.Environ(), env...)
	if out, err := check.CombinedOutput(); err != nil {
		t.Fatalf("nginx -t: %v\n%s\n%s", err, out, config)
	}
	r := &realNginx{dir: dir, cmd: exec.Command(binary, args...)}
	r.cmd.Env = append(os.Environ(), env...)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.cmd.Process.Signal(syscall.SIGTERM)
		r.cmd.Wait()
	})
	return r
}

// lines returns the whole lines of a file in the server's folder.
func (r *realNginx) lines(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	text := string(data)
	text = text[:strings.LastIndexByte(text, '\n')+1]
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// njsModule returns the directive that loads njs.
func njsModule(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{"/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/etc/nginx/modules"} {
		if file := filepath.Join(dir, "ngx_http_js_module.so"); exists(file) {
			return "load_module " + file + ";\n"
		}
	}
	need.Tool(t, "ngx_http_js_module.so")
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

const canary = "CANARYvalue0123456789=="

// canaryApp answers with session cookies, and with the fingerprint headers of the header variant.
func canaryApp() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fingerprint := func(header, value string) {
			p := testKey.Pseudonym([]byte(value))
			w.Header().Set(header, fmt.Sprintf("%x", p[:]))
		}
		if c := cookieIn(r.Header.Get("Cookie"), "SHOP"); c != "" {
			fingerprint("X-Limpet-Session", c)
		}
		switch r.URL.Path {
		case "/login":
			w.Header().Add("Set-Cookie", "other=1; Path=/")
			w.Header().Add("Set-Cookie", "SHOP="+canary+"set; Path=/; HttpOnly")
			w.Header().Add("Set-Cookie", "SRV=route-a; Path=/")
			fingerprint("X-Limpet-Set-Session", canary+"set")
			http.Redirect(w, r, "/account;jsessionid="+canary+"?token="+canary, http.StatusFound)
		case "/logout":
			w.Header().Add("Set-Cookie", "SHOP=x"+canary+"; Path=/; Max-Age=0")
		case "/empty":
			w.Header().Add("Set-Cookie", "SHOP=; Path=/")
		case "/expire":
			w.Header().Add("Set-Cookie", "SHOP="+canary+"; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
		}
		fmt.Fprint(w, "hello")
	})
}

func cookieIn(header, name string) string {
	for part := range strings.SplitSeq(header, ";") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(part), name+"="); ok {
			return v
		}
	}
	return ""
}

// TestLogLineOnRealNginx: both variants of the line that loses nothing are accepted by the real server, what it then logs
// is read back field by field, and no credential stands in it.
func TestLogLineOnRealNginx(t *testing.T) {
	app := httptest.NewServer(canaryApp())
	defer app.Close()
	opt := lb.LogLineOptions{SessionCookie: "SHOP", AffinityCookie: "SRV"}
	w, err := newLineText(opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, variant := range []string{variantScript, variantHeader} {
		for keyIn, env := range map[string]string{"base64": base64.StdEncoding.EncodeToString(testKey[:]), "hexadecimal": fmt.Sprintf("%x", testKey[:])} {
			if variant == variantHeader && keyIn != "base64" {
				continue
			}
			t.Run(variant+" "+keyIn, func(t *testing.T) {
				opt.Variant = variant
				text, err := logLine(opt)
				if err != nil {
					t.Fatal(err)
				}
				port := lbtest.FreePort(t)
				main, http := "", text
				if variant == variantScript {
					main = njsModule(t) + "env " + KeyVariable + ";"
					_, http, _ = strings.Cut(text, "\n# 3. ")
					http = "# " + http
					script := filepath.Join(t.TempDir(), "limpet.js")
					if err := os.WriteFile(script, []byte(w.script()), 0o644); err != nil {
						t.Fatal(err)
					}
					http = strings.Replace(http, "js_path /etc/nginx;", "js_path "+filepath.Dir(script)+";", 1)
				}
				http, pass, _ := strings.Cut(http, "Where proxy_pass stands")
				http = strings.ReplaceAll(http, "/var/log/nginx/", "DIR/")
				http = strings.Replace(http, "error_log DIR/error.log notice;", "", 1)
				_, pass, _ = strings.Cut(pass, "\n")
				r := startNginx(t, main, fmt.Sprintf("%s\nupstream be_app { server %s; }\nserver { listen 127.0.0.1:%d; server_name shop.test; location / { %s proxy_pass http://be_app; proxy_redirect off; } }\n",
					http, strings.TrimPrefix(app.URL, "http://"), port, pass), KeyVariable+"="+env)
				lbtest.Reachable(t, port)
				checkOwnLine(t, r, port, variant, strings.TrimPrefix(app.URL, "http://"))
			})
		}
	}
}

// checkOwnLine sends requests and compares the lines.
func checkOwnLine(t *testing.T, r *realNginx, port int, variant, upstream string) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	agent := `Mo"z\i]l{la, 5 #1 ütf`
	paths := []string{"/login", "/a%20b;jsessionid=" + canary + "/c?q=" + canary, "/logout", "/empty", "/expire"}
	began := time.Now()
	for _, path := range paths {
		req, _ := http.NewRequest("GET", fmt.Sprintf("http://127.0.0.1:%d%s", port, path), nil)
		req.Host = "shop.test"
		req.Header.Set("User-Agent", agent)
		req.Header.Set("Referer", "https://me:pw@pay.test/back?x="+canary)
		req.Header.Set("Origin", "null")
		req.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		if path != "/login" {
			req.Header.Set("Cookie", "x=1; SHOP="+canary+"; SRV=route-a")
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if h := resp.Header.Get("X-Limpet-Session") + resp.Header.Get("X-Limpet-Set-Session"); h != "" && variant == variantHeader {
			t.Errorf("%s: the client sees a fingerprint header", path)
		}
		resp.Body.Close()
	}
	var lines []string
	lbtest.WaitFor(t, "five log lines", func() bool {
		lines = r.lines(t, "limpet.log")
		return len(lines) == len(paths)
	})
	for _, name := range []string{"limpet.log", "error.log"} {
		for _, l := range r.lines(t, name) {
			if strings.Contains(l, "CANARY") || strings.Contains(l, ":pw@") {
				t.Fatalf("a credential stands in %s (line %d bytes long)", name, len(l))
			}
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
	p := mustParser(t, lb.LogOptions{Sample: []byte(strings.Join(lines, "\n") + "\n")})
	if p.Format() != "nginx/limpet" {
		t.Errorf("read as %s", p.Format())
	}
	wantPath := []string{"/login", "/a%20b/c", "/logout", "/empty", "/expire"}
	for i, l := range lines {
		var e session.Event
		if skip := p.Parse([]byte(l), &e); skip != lb.Read {
			t.Fatalf("line %d: %s", i, skip)
		}
		want := map[string]string{
			"session": pseudonym(canary), "set": "", "target": wantPath[i], "agent": agent, "host": "shop.test", "referer": "pay.test", "instance": upstream, "pool": "be_app",
			"scheme": "http", "location": "", "listener": "shop.test", "client": "127.0.0.1", "trace": "0af7651916cd43dd8448eb211c80319c", "status": "200",
		}
		if i == 0 {
			want["session"], want["set"], want["location"], want["status"] = "", pseudonym(canary+"set"), "/account", "302"
		}
		got := map[string]string{
			"session": seen(e.Session), "set": seen(e.SetSession), "target": string(e.Target), "agent": string(e.UserAgent), "host": string(e.Host), "referer": string(e.Referer),
			"instance": string(e.Instance), "pool": string(e.Pool), "scheme": string(e.Scheme), "location": string(e.Location), "listener": string(e.Listener),
			"client": string(e.Client), "trace": string(e.TraceID), "status": fmt.Sprint(e.Status),
		}
		for what, w := range want {
			if got[what] != w {
				t.Errorf("line %d: %s: got %q, want %q", i, what, got[what], w)
			}
		}
		if e.Cleared != (i >= 2) {
			t.Errorf("line %d: cleared %v", i, e.Cleared)
		}
		if (len(e.Affinity) > 0) != (i > 0) || len(e.RequestID) != 32 || e.Port == 0 {
			t.Errorf("line %d: affinity %d bytes, request id %q, port %d", i, len(e.Affinity), e.RequestID, e.Port)
		}
		if i == 0 && len(e.SetAffinity) == 0 && variant == variantScript {
			t.Error("the affinity cookie that was set is not in the log")
		}
		if e.Start < began.Add(-10*time.Millisecond).UnixNano() || e.End < e.Start || e.End > time.Now().UnixNano() || e.TotalMs < 0 {
			t.Errorf("line %d: from %v to %v, %d ms", i, time.Unix(0, e.Start), time.Unix(0, e.End), e.TotalMs)
		}
	}
}
