package nginx

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/lbtest"
	"limpet.dev/session"
)

// Variables for random formats, by what their values may hold.
var (
	shortVariables = []string{"remote_addr", "remote_port", "status", "body_bytes_sent", "bytes_sent", "request_method", "scheme", "server_name", "msec", "request_time", "time_iso8601",
		"time_local", "request_id", "host", "proxy_host", "upstream_cache_status", "server_protocol", "connection", "connection_requests", "request_length", "pipe", "pid", "gzip_ratio", "https", "request_completion", "server_port"}
	listVariables = []string{"upstream_addr", "upstream_status", "upstream_response_time", "upstream_connect_time", "upstream_header_time", "upstream_response_length", "upstream_bytes_received"}
	textVariables = []string{"request", "request_uri", "uri", "http_user_agent", "http_referer", "http_cookie", "cookie_SID", "cookie_SRV", "sent_http_set_cookie", "sent_http_location", "http_x_forwarded_for",
		"http_x_request_id", "args", "remote_user", "upstream_http_x_backend", "http_origin", "upstream_cookie_SID"}
)

// randomFormat makes a format whose lines can be read in one way only: text that may hold any sign stands in
// quotes, or before a sign that it does not hold.
func randomFormat(rng *rand.Rand) (escape, text string) {
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	escape = pick("default", "default", "json", "none")
	var names []string
	for range 3 + rng.IntN(12) {
		names = append(names, pick(pick(shortVariables...), pick(listVariables...), pick(textVariables...)))
	}
	if escape == "json" && rng.IntN(3) > 0 {
		return escape, objectOf(rng, names)
	}
	var b strings.Builder
	b.WriteString(pick("", "", "[", "{ ", "v1 "))
	for _, name := range names {
		if rng.IntN(4) == 0 {
			name = "{" + name + "}"
		}
		plain := !slices.Contains(textVariables, strings.Trim(name, "{}"))
		list := slices.Contains(listVariables, strings.Trim(name, "{}"))
		switch {
		case plain && !list && rng.IntN(3) > 0 && !strings.Contains(name, "time_local"):
			b.WriteString(pick("", "k=", "x:") + "$" + name + pick(" ", " - ", " | "))
		case plain && rng.IntN(2) == 0 && escape == "default":
			b.WriteString("$" + name + " ")
		case escape == "none":
			b.WriteString("$" + name + pick("|", " | ", "|^"))
		default:
			b.WriteString(pick("", "n=", "[") + `"$` + name + `"` + pick(" ", "", ", ", "] "))
		}
	}
	return escape, b.String() + pick("end", "", ".")
}

func objectOf(rng *rand.Rand, names []string) string {
	var parts []string
	for i, name := range names {
		if slices.Contains(shortVariables[:5], name) && rng.IntN(2) == 0 && name != "remote_addr" {
			parts = append(parts, fmt.Sprintf(`"k%d":$%s`, i, name))
		} else {
			parts = append(parts, fmt.Sprintf(`"k%d": "$%s"`, i, name))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// randomConfig has one server that writes every format, and one object with all variables to compare with.
func randomConfig(formats [][2]string, app, dead, socket string, port int, ipv6 bool) string {
	var b strings.Builder
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `\'`) + "'" }
	for i, f := range formats {
		fmt.Fprintf(&b, "log_format f%d escape=%s %s;\n", i, f[0], quote(f[1]))
	}
	var object []string
	for _, list := range [][]string{shortVariables, listVariables, textVariables} {
		for _, name := range list {
			object = append(object, fmt.Sprintf(`"%s":"$%s"`, name, name))
		}
	}
	fmt.Fprintf(&b, "log_format all escape=json %s;\n", quote("{"+strings.Join(object, ",")+"}"))
	fmt.Fprintf(&b, "upstream live { server unix:%s; }\nupstream be { server %s max_fails=0; server %s; }\nupstream other { server %s; }\n", socket, dead, app, app)
	fmt.Fprintf(&b, "server { listen 127.0.0.1:%d; server_name shop.test;\n", port)
	if ipv6 {
		fmt.Fprintf(&b, "listen [::1]:%d;\n", port)
	}
	b.WriteString("access_log DIR/all.log all;\n")
	for i := range formats {
		fmt.Fprintf(&b, "access_log DIR/f%d.log f%d;\n", i, i)
	}
	b.WriteString("proxy_next_upstream error timeout; proxy_set_header Host $host;\nlocation / { proxy_pass http://live; }\nlocation /retry { proxy_pass http://be; }\nlocation /own { return 403 no; }\nlocation /inner { internal; proxy_pass http://other; }\n}\n")
	return b.String()
}

func randomApp() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Backend", `b "1" \ ü`)
		switch {
		case strings.HasPrefix(r.URL.Path, "/moved"):
			w.Header().Set("X-Accel-Redirect", "/inner/page")
			return
		case strings.HasPrefix(r.URL.Path, "/login"):
			w.Header().Add("Set-Cookie", `SID="new, value"; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT`)
			w.Header().Set("Location", "/account?next=%2F")
			w.WriteHeader(http.StatusFound)
		}
		time.Sleep(3 * time.Millisecond)
		fmt.Fprint(w, "hello")
	})
}

// TestRandomFormatsOnRealNginx: whatever format the real server writes, every field of every line is read back as nginx
// had it, and the event says the same.
func TestRandomFormatsOnRealNginx(t *testing.T) {
	rng := rand.New(rand.NewPCG(2026, 11))
	var formats [][2]string
	for range 40 {
		escape, text := randomFormat(rng)
		formats = append(formats, [2]string{escape, text})
	}
	app := httptest.NewServer(randomApp())
	defer app.Close()
	socket := filepath.Join(t.TempDir(), "app.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	unix := &http.Server{Handler: randomApp()}
	go unix.Serve(listener)
	defer unix.Close()
	worldWritable(t, socket)
	port := lbtest.FreePort(t)
	ipv6 := hasIPv6()
	dead := fmt.Sprintf("127.0.0.1:%d", lbtest.FreePort(t))
	r := startNginx(t, "", randomConfig(formats, strings.TrimPrefix(app.URL, "http://"), dead, socket, port, ipv6))
	lbtest.Reachable(t, port)
	host := "127.0.0.1"
	if ipv6 {
		host = "[::1]"
	}
	for _, at := range []string{"http://127.0.0.1:%d/login?a=b&c=d", "http://127.0.0.1:%d/retry/a%%22b?x=\"y\"~z", "http://127.0.0.1:%d/moved", "http://" + host + ":%d/own"} {
		sendOdd(t, fmt.Sprintf(at, port))
	}
	lbtest.WaitFor(t, "four lines", func() bool { return len(r.lines(t, "all.log")) == 4 })
	var truth []map[string]string
	for _, line := range r.lines(t, "all.log") {
		var all map[string]string
		if err := json.Unmarshal([]byte(line), &all); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		truth = append(truth, all)
	}
	checkTruth(t, truth, dead, socket)
	compared := 0
	for i, f := range formats {
		name := fmt.Sprintf("f%d.log", i)
		lbtest.WaitFor(t, "four lines of "+name, func() bool { return len(r.lines(t, name)) == 4 })
		for k, line := range r.lines(t, name) {
			compared += compareFields(t, "escape="+f[0]+" "+f[1], line, truth[k])
		}
	}
	t.Logf("%d formats, %d lines, %d fields compared", len(formats), 4*len(formats), compared)
	if compared < 800 {
		t.Errorf("only %d fields were compared", compared)
	}
}

// checkTruth holds nginx's own object against what was sent, so that the test compares with the right thing.
func checkTruth(t *testing.T, truth []map[string]string, dead, socket string) {
	t.Helper()
	wantAddr := []string{"unix:" + socket, dead + ", ", " : ", ""}
	wantStatus := []string{"302", "200", "200", "403"}
	for i, all := range truth {
		if !strings.Contains(all["upstream_addr"], wantAddr[i]) || all["status"] != wantStatus[i] || all["cookie_SID"] != `s"1\x` {
			t.Fatalf("request %d: upstream %q, status %s, cookie of %d bytes", i, all["upstream_addr"], all["status"], len(all["cookie_SID"]))
		}
	}
}

func sendOdd(t *testing.T, url string) {
	t.Helper()
	address := strings.TrimPrefix(url, "http://")
	host, path, _ := strings.Cut(address, "/")
	c, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /%s HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: Mo\"z\\i]l{la, 5 #1 \xc3\xbctf \xff\t.\r\nReferer: http://x.test/?q=\"a\" b\r\nCookie: x=1; SID=s\"1\\x; SRV=a b\r\nX-Forwarded-For: 10.1.1.1, 10.2.2.2\r\nX-Request-Id: abc def\r\nOrigin: null\r\nConnection: close\r\n\r\n", path)
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 4096)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

// compareFields reads a line's fields and holds them against nginx's own object.
func compareFields(t *testing.T, text, line string, all map[string]string) (compared int) {
	t.Helper()
	opt := lb.LogOptions{Format: text, SessionCookie: "SID", AffinityCookie: "SRV"}
	p := mustParser(t, opt)
	v := p.variants[0]
	if !p.matcher.match(v.f, []byte(line), 0) {
		t.Errorf("%s\ndoes not fit\n%s", text, line)
		return 0
	}
	for i := range v.f.fields {
		n := &v.f.fields[i]
		at := p.matcher.spans[i]
		got := line[at.from:at.to]
		whole := *n
		whole.shape = shapeText // to undo escapes whatever the shape
		got = string(whole.value([]byte(got), new([]byte)))
		want := ""
		for name, value := range all {
			if strings.EqualFold(name, n.name) { // formats keep names in lower case
				want = value
			}
		}
		if want == "-" {
			want = "" // $gzip_ratio and the like write it themselves
		}
		if got == "-" {
			got = ""
		}
		if strings.ContainsRune(want, '\ufffd') { // encoding/json puts it for bytes that are no UTF-8
			got = strings.ToValidUTF8(got, "\ufffd")
		}
		if got != want {
			t.Errorf("%s\n%s\nfield %s: got %q, want %q", text, line, n.name, got, want)
		}
		compared++
	}
	if !v.tellsRequests() || !datedBy(v.f.fields) {
		return compared
	}
	var e, again session.Event
	if skip := p.Parse([]byte(line), &e); skip != lb.Read {
		t.Errorf("%s\n%s\nskipped: %s", text, line, skip)
		return compared
	}
	p.Parse([]byte(line), &again)
	compareEvent(t, text, line, v, &e, all)
	if e.Start != again.Start || e.Status != again.Status || string(e.Target) != string(again.Target) || string(e.Instance) != string(again.Instance) || e.Flow != again.Flow {
		t.Errorf("%s\n%s\nread again: another event", text, line)
	}
	return compared
}

// compareEvent holds the event's facts against nginx's own object.
func compareEvent(t *testing.T, text, line string, v *variant, e *session.Event, all map[string]string) {
	t.Helper()
	last := func(list string) string { return string(lastItem([]byte(list))) }
	check := func(fact session.Facts, what, got, want string) {
		if v.has&fact == fact && got != want && want != "-" {
			t.Errorf("%s\n%s\n%s: got %q, want %q", text, line, what, got, want)
		}
	}
	check(session.HasStatus, "status", fmt.Sprint(e.Status), all["status"])
	check(session.HasInstance, "instance", string(e.Instance), last(all["upstream_addr"]))
	if strings.Contains(text, "msec") {
		end, _ := millis([]byte(all["msec"]))
		if e.End != end*msec {
			t.Errorf("%s\n%s\nend %d, want %d ms", text, line, e.End, end)
		}
		if took, _ := millis([]byte(all["request_time"])); strings.Contains(text, "request_time") && e.Start != (end-took)*msec {
			t.Errorf("%s\n%s\nstart %d, want %d ms", text, line, e.Start, end-took)
		}
	}
	if v.has&session.HasInstance != 0 {
		group := all["upstream_addr"]
		if k := strings.LastIndex(group, " : "); k >= 0 {
			group = group[k+3:]
		}
		if want := strings.Count(group, ", "); int(e.Flow.Retries) != want {
			t.Errorf("%s\n%s\n%d retries, want %d", text, line, e.Flow.Retries, want)
		}
	}
}

func hasIPv6() bool {
	l, err := net.Listen("tcp", "[::1]:0")
	if err == nil {
		l.Close()
	}
	return err == nil
}

// worldWritable lets nginx's workers, which run as another user, use a socket and the folder it is in.
func worldWritable(t *testing.T, socket string) {
	t.Helper()
	if err := os.Chmod(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(socket, 0o777); err != nil {
		t.Fatal(err)
	}
}
