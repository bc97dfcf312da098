package lab

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/nginx"
)

// nginxDialect is nginx, as open source had it before 1.29.6: what most people run.
var nginxDialect = &dialect{
	product: "nginx", title: "nginx", program: "nginx",
	config: "nginx.conf", logs: []string{"access.log", "error.log"},
	configure: configureNginx,
	passive:   true,
	cannot:    nginxCannot,
	manner: manner{
		requestID: func(start time.Time, conn, serial uint64) string {
			return fmt.Sprintf("%016x%08x%08x", uint64(start.UnixNano()), uint32(conn), uint32(serial))
		},
		brokeOff: func(d *lb.Decision) { d.Flow.Unserved = true },
		noAnswer: "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
		unserved: 502,
		connect:  nginxConnect,
		answer:   func(n *node) time.Duration { return n.tier.check.timeout },
	},
}

// nginxConnect is far longer than a connection on this machine takes, however busy it is: a late one would count as a
// failure of the instance.
const nginxConnect = 2 * time.Second

// nginxPatience is how long nginx waits for an answer. A check of nginx's own would have its own limit; here live
// requests are the check, and only an impatient one gives them as little time.
func nginxPatience(t *tier) time.Duration {
	if t.check.fall == 1 {
		return t.check.timeout
	}
	return 30 * time.Second
}

// nginxCannot: what a table learns, nginx keeps in shared memory over a reload, and open source has had
// tables only since 1.29.6.
func nginxCannot(t *tier) string {
	if t.affinity == stickSource || t.affinity == stickSession {
		return "nginx has no learned table before 1.29.6 (sticky learn), and where it has one it outlives a reload"
	}
	if t.cookie.path != "" || t.cookie.maxAge > 0 {
		return "open source nginx issues no affinity cookie of its own before 1.29.6; the header that stands for it here is for the whole site, until the browser closes"
	}
	return ""
}

// configureNginx is a node as an nginx.conf.
func configureNginx(n *node) (string, error) {
	w := &nginxText{node: n}
	parts, err := w.logging()
	if err != nil {
		return "", err
	}
	n.files = parts.Files
	w.line("worker_processes 2;")
	w.line("error_log stderr notice;")
	w.lines(parts.Main, "")
	w.line("events { worker_connections 4096; }")
	w.line("")
	w.line("http {")
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		w.line("    %s_temp_path %s_temp;", kind, strings.TrimSuffix(kind, "_body"))
	}
	w.lines(parts.HTTP, "    ")
	w.line("    access_log /dev/stdout %s;", parts.Format)
	w.line("")
	for _, pool := range n.tier.pools() {
		w.upstream(pool)
	}
	if n.tier.affinity == cookieAffinity {
		w.stickiness()
	}
	w.server()
	w.line("}")
	return w.b.String(), nil
}

// logging is what the log needs at the top, in the http block and as files.
func (w *nginxText) logging() (nginx.LogParts, error) {
	switch detail := w.st.opt.LogDetail; detail {
	case LogDefault:
		return nginx.LogParts{Format: "combined"}, nil
	case LogFull:
		module := njsModule()
		if module == "" && w.st.lb.binary != "" {
			return nginx.LogParts{}, fmt.Errorf("nginx's njs module, which hashes credentials, is %w (package libnginx-mod-http-js); use %snginx", ErrNotInstalled, emulated)
		}
		return nginx.LogLineParts(lb.LogLineOptions{SessionCookie: sessionCookie, AffinityCookie: affinityCookie, Behind: w.tier.behind}, cmp.Or(module, njsFile))
	default:
		return nginx.LogParts{}, unknownDetail(detail)
	}
}

const njsFile = "modules/ngx_http_js_module.so"

// njsModule finds the njs module where distributions put it, "" if it is not there.
func njsModule() string {
	for _, dir := range []string{"/usr/lib/nginx", "/usr/lib64/nginx", "/etc/nginx"} {
		if file := filepath.Join(dir, njsFile); exists(file) {
			return file
		}
	}
	return ""
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// nginxText writes the blocks.
type nginxText struct {
	*node
	b strings.Builder
}

func (w *nginxText) line(format string, args ...any) { fmt.Fprintf(&w.b, format+"\n", args...) }

func (w *nginxText) lines(text, indent string) {
	for l := range strings.Lines(text) {
		w.b.WriteString(indent + strings.TrimRight(l, "\n") + "\n")
	}
}

// upstream writes a pool. Health is passive: a server is out when live requests to it have failed.
func (w *nginxText) upstream(pool string) {
	t := w.tier
	w.line("    upstream %s {", pool)
	w.line("        zone %s 128k;", pool)
	switch {
	case t.affinity == hashSource && pool != plainPoolName && t.consistent:
		w.line("        hash $remote_addr consistent;")
	case t.affinity == hashSource && pool != plainPoolName:
		w.line("        hash $remote_addr;")
	case t.balance == "leastconn":
		w.line("        least_conn;")
	case t.balance == "random":
		w.line("        random;")
	}
	for _, m := range w.members {
		w.line("        server %s;  # %s", w.member(m), m.name)
	}
	w.line("    }")
}

// member is a server's address with what is needed to find it down: as many failures as a check would
// take, and whole seconds until it is tried again.
func (w *nginxText) member(m member) string {
	c := w.tier.check
	again := max(1, (c.inter*time.Duration(c.rise)+time.Second-1)/time.Second)
	return fmt.Sprintf("%s max_fails=%d fail_timeout=%ds", m.addr, c.fall, again)
}

// stickiness writes what open source nginx makes a sticky cookie of: an upstream for each instance with the
// others behind it, a map from the cookie to these, and a header that names the instance that answered
// where that is not the one presented.
func (w *nginxText) stickiness() {
	t := w.tier
	values := make([]string, len(w.members))
	for i := range w.members {
		values[i] = t.valueOf(i, w.index, len(w.members))
	}
	for i, m := range w.members {
		if values[i] == "" {
			continue
		}
		w.line("    upstream %s_%s {", poolName, values[i])
		w.line("        zone %s_%s 64k;", poolName, values[i])
		for j, other := range w.members {
			if j != i {
				w.line("        server %s backup;", w.member(other))
			}
		}
		w.line("        server %s;  # %s", w.member(m), m.name)
		w.line("    }")
	}
	w.line("    map $cookie_%s $shop_pool {", affinityCookie)
	w.line("        default %s;", poolName)
	w.each(values, func(i int, v string) { w.line("        %s %s_%s;", v, poolName, v) })
	w.line("    }")
	w.line("    map $upstream_addr $shop_home {  # of several attempts the last")
	w.each(values, func(i int, v string) {
		w.line("        \"~%s$\" %s;", strings.ReplaceAll(w.members[i].addr, ".", `\.`), v)
	})
	w.line("    }")
	w.line("    map \"$cookie_%s>$shop_home\" $shop_cookie {", affinityCookie)
	w.each(values, func(i int, v string) { w.line("        %s>%s \"\";", v, v) })
	w.line("        \"~>$\" \"\";")
	w.line("        default \"%s=$shop_home%s\";", affinityCookie, nginxCookieAttrs(t.cookie))
	w.line("    }")
}

// each calls f for the instances that the cookie has a value for.
func (w *nginxText) each(values []string, f func(i int, v string)) {
	for i, v := range values {
		if v != "" {
			f(i, v)
		}
	}
}

func nginxCookieAttrs(c cookieRules) string {
	path, age := "/", ""
	if c.path != "" {
		path = c.path
	}
	if c.maxAge > 0 {
		age = fmt.Sprintf("; Max-Age=%d", int(c.maxAge.Seconds()))
	}
	return "; Path=" + path + "; HttpOnly" + age
}

func (w *nginxText) server() {
	t := w.tier
	w.line("    server {")
	w.line("        listen %s;", w.listen)
	w.line("        server_name %s;", listenerName)
	w.line("        proxy_http_version 1.1;")
	w.line("        proxy_connect_timeout %s;", ms(nginxConnect))
	w.line("        proxy_read_timeout %s;", ms(nginxPatience(t)))
	w.line("        proxy_set_header Host $http_host;")
	w.line("        proxy_set_header Connection \"\";")
	if w.st.opt.LogDetail == LogFull {
		w.line("        proxy_set_header X-Request-ID %s;", map[bool]string{true: "$http_x_request_id", false: "$request_id"}[t.behind])
	}
	if w.st.opt.Canary != "" {
		w.line("        proxy_set_header X-Origin-Secret %s;", w.st.opt.Canary)
	}
	to := poolName
	if t.affinity == cookieAffinity {
		to = "$shop_pool"
	}
	if t.plainPath != "" {
		w.line("        location %s { proxy_pass http://%s; }", t.plainPath, plainPoolName)
	}
	w.line("        location / {")
	w.line("            proxy_pass http://%s;", to)
	if t.affinity == cookieAffinity {
		w.line("            add_header Set-Cookie $shop_cookie always;")
	}
	w.line("        }")
	w.line("    }")
}
