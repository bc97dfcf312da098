package haproxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/lbtest"
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// An exchange is what a client sent and got, to compare the log with.
type exchange struct {
	method, path, query, agent, host, referer string
	session, set, location                    string
	status, size, port, frontPort             int
	appPort                                   int
	frontend                                  string
	connected, sent, done                     time.Time
}

func (x *exchange) target() string { return x.path + x.query }

// A randomField is one field that may stand in a random format. check holds what the real balancer
// logged against the exchange.
type randomField struct {
	name  string // without '%'
	hex   bool   // +X may stand before it
	check func(x *exchange, v string) bool
}

func equals(want func(x *exchange) string) func(*exchange, string) bool {
	return func(x *exchange, v string) bool { return v == want(x) }
}

func inRange(low, high int64) func(*exchange, string) bool {
	return func(_ *exchange, v string) bool {
		n, err := strconv.ParseInt(strings.TrimPrefix(v, "+"), 10, 64)
		return err == nil && n >= low && n <= high
	}
}

// near reports whether a date lies between connecting and the end of the exchange, read in whole units.
func near(layout string) func(*exchange, string) bool {
	return func(x *exchange, v string) bool {
		at, err := time.ParseInLocation(layout, v, time.Local)
		return err == nil && !at.Before(x.connected.Add(-time.Second)) && !at.After(x.done.Add(time.Second))
	}
}

func hexOrDecimal(want func(x *exchange) int) func(*exchange, string) bool {
	return func(x *exchange, v string) bool {
		return v == strconv.Itoa(want(x)) || v == fmt.Sprintf("%04X", want(x))
	}
}

var loopback = equals(func(*exchange) string { return "127.0.0.1" })
var someNumber = inRange(0, 1<<40)

var randomFields = []randomField{
	{"ci", false, loopback}, {"cp", true, hexOrDecimal(func(x *exchange) int { return x.port })},
	{"fi", false, loopback}, {"fp", true, hexOrDecimal(func(x *exchange) int { return x.frontPort })},
	{"si", false, loopback}, {"sp", true, hexOrDecimal(func(x *exchange) int { return x.appPort })},
	{"bi", false, loopback}, {"bp", false, someNumber},
	{"f", false, equals(func(x *exchange) string { return x.frontend })}, {"ft", false, equals(func(x *exchange) string { return x.frontend })},
	{"b", false, equals(func(*exchange) string { return "be_app" })}, {"s", false, equals(func(*exchange) string { return "app1" })},
	{"HM", false, equals(func(x *exchange) string { return x.method })}, {"HP", false, equals(func(x *exchange) string { return x.path })},
	{"HPO", false, equals(func(x *exchange) string { return x.path })}, {"HQ", false, equals(func(x *exchange) string { return x.query })},
	{"HU", false, equals(func(x *exchange) string { return x.target() })}, {"HV", false, equals(func(*exchange) string { return "HTTP/1.1" })},
	{"r", false, equals(func(x *exchange) string { return x.method + " " + x.target() + " HTTP/1.1" })},
	{"ST", false, equals(func(x *exchange) string { return strconv.Itoa(x.status) })},
	{"B", false, func(x *exchange, v string) bool {
		n, err := strconv.Atoi(v)
		return err == nil && n > x.size && n < x.size+2000
	}},
	{"U", false, inRange(20, 4000)},
	{"tsc", false, equals(func(*exchange) string { return "--NI" })}, {"ts", false, equals(func(*exchange) string { return "--" })},
	{"CC", false, equals(func(x *exchange) string { return named("SID=", x.session) })}, {"CS", false, equals(func(x *exchange) string { return named("SID=", x.set) })},
	{"hr", false, equals(func(x *exchange) string {
		return "{" + hashText(x.host, true) + "|" + hashText(x.agent, true) + "|" + hashText(x.referer, true) + "}"
	})},
	{"hs", false, equals(func(x *exchange) string { return "{" + hashText(x.location, true) + "}" })},
	{"rc", false, equals(func(*exchange) string { return "0" })}, {"sq", false, someNumber}, {"bq", false, someNumber},
	{"ac", false, someNumber}, {"fc", false, someNumber}, {"bc", false, someNumber}, {"sc", false, someNumber}, {"lc", true, func(*exchange, string) bool { return true }},
	{"rt", true, func(*exchange, string) bool { return true }}, {"pid", false, inRange(1, 1<<31)},
	{"ID", false, func(x *exchange, v string) bool { return strings.HasPrefix(v, "7F000001:"+fmt.Sprintf("%04X", x.port)) }},
	{"TR", false, someNumber}, {"Tw", false, someNumber}, {"Tc", false, someNumber}, {"Tr", false, someNumber}, {"Ta", false, someNumber},
	{"Tt", false, someNumber}, {"Tu", false, someNumber}, {"Td", false, someNumber}, {"Th", false, someNumber}, {"Ti", false, someNumber}, {"Tq", false, someNumber},
	{"t", false, near("02/Jan/2006:15:04:05.000")}, {"tr", false, near("02/Jan/2006:15:04:05.000")},
	{"T", false, near("02/Jan/2006:15:04:05 -0700")}, {"Tl", false, near("02/Jan/2006:15:04:05 -0700")},
	{"trg", false, near("02/Jan/2006:15:04:05 -0700")}, {"trl", false, near("02/Jan/2006:15:04:05 -0700")},
	{"Ts", true, func(*exchange, string) bool { return true }}, {"ms", true, func(*exchange, string) bool { return true }},
	{"[capture.req.hdr(1)]", false, equals(func(x *exchange) string { return x.agent })}, {"[capture.req.hdr(0)]", false, equals(func(x *exchange) string { return x.host })},
	{"[capture.req.hdr(2)]", false, equals(func(x *exchange) string { return x.referer })}, {"[capture.res.hdr(0)]", false, equals(func(x *exchange) string { return x.location })},
	{"[var(txn.sess)]", false, equals(func(x *exchange) string { return x.session })}, {"[var(txn.set)]", false, equals(func(x *exchange) string { return x.set })},
	{"[ssl_fc]", false, equals(func(*exchange) string { return "0" })}, {"[src]", false, loopback},
}

func named(name, value string) string {
	if value == "" {
		return ""
	}
	return name + value
}

// freeText are the fields whose values hold blanks, quotes and separators: they need quotes with escapes.
var freeText = wordSet("[capture.req.hdr(1)] [capture.req.hdr(2)] [capture.res.hdr(0)] r hr hs")

// randomFormat makes a format of some fields with literals between them that no value holds.
func randomFormat(rng *rand.Rand) string {
	literals := []string{" ", " ", "||", " | ", "^", " ~; ", " k%d=", ",%d:", "\t", "%%"}
	var b strings.Builder
	all := rng.IntN(4) == 0
	if all {
		b.WriteString("%{+Q,+E}o ")
	}
	shape := rng.IntN(4)
	fields := append([]randomField(nil), randomFields...)
	rng.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	fields = fields[:3+rng.IntN(12)]
	fields = append(fields, []randomField{{name: "tr"}, {name: "Ts.%ms,%Ti;%Th"}, {name: "t^%Ti^%Th"}}[rng.IntN(3)])
	for i, f := range fields {
		switch {
		case shape == 0 && i == 0:
			b.WriteString(`{"f0":`)
		case shape == 0:
			fmt.Fprintf(&b, `,"f%d":`, i)
		case i > 0:
			lit := literals[rng.IntN(len(literals))]
			if strings.Contains(lit, "%d") {
				lit = fmt.Sprintf(lit, i)
			}
			b.WriteString(lit)
		}
		flags := ""
		if freeText[f.name] || shape == 0 || rng.IntN(4) == 0 {
			flags = "+Q,+E"
		}
		if f.hex && rng.IntN(3) == 0 {
			flags += ",+X"
		}
		b.WriteByte('%')
		if flags != "" {
			b.WriteString("{" + strings.TrimPrefix(flags, ",") + "}")
		}
		b.WriteString(f.name)
	}
	if shape == 0 {
		b.WriteByte('}')
	}
	return b.String()
}

// quoted writes a format as one word of a configuration.
func quoted(format string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(format) + `"`
}

// TestRandomFormats: formats made at random, written by the real balancer, are read back field by
// field, each equal to what the client sent and got.
func TestRandomFormats(t *testing.T) {
	const formats, requests = 40, 4
	rng := rand.New(rand.NewPCG(2026, 101))
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Location", "Set-Cookie"} {
			if v := r.Header.Get("X-Want-" + name); v != "" {
				w.Header().Set(name, v)
			}
		}
		status, _ := strconv.Atoi(r.Header.Get("X-Want-Status"))
		size, _ := strconv.Atoi(r.Header.Get("X-Want-Size"))
		w.WriteHeader(status)
		w.Write(bytes.Repeat([]byte("x"), size))
	}))
	defer app.Close()
	config := "global\n    log stdout len 8192 format raw local0\ndefaults\n    mode http\n    log global\n    timeout client 5s\n    timeout server 5s\n    timeout connect 1s\n"
	probe := lbtest.FreePort(t)
	config += fmt.Sprintf("frontend probe\n    no log\n    bind 127.0.0.1:%d\n    default_backend be_app\n", probe)
	texts, ports := make([]string, formats), make([]int, formats)
	for i := range formats {
		texts[i], ports[i] = randomFormat(rng), lbtest.FreePort(t)
		config += fmt.Sprintf(`frontend fe%d
    bind 127.0.0.1:%d
    capture cookie SID= len 64
    capture request header Host len 64
    capture request header User-Agent len 128
    capture request header Referer len 128
    capture response header Location len 128
    unique-id-format %%{+X}o\ %%ci:%%cp_%%fi:%%fp_%%Ts_%%rt:%%pid
    http-request set-var(txn.sess) req.cook(SID)
    http-after-response set-var(txn.set) res.cook(SID)
    log-format %s
    default_backend be_app
`, i, ports[i], quoted("<"+strconv.Itoa(i)+"> "+texts[i]))
	}
	config += "backend be_app\n    cookie SRV insert indirect\n    server app1 " + strings.TrimPrefix(app.URL, "http://") + " cookie a\n"
	h := startHAProxy(t, config, testKey)
	lbtest.Reachable(t, probe)
	exchanges := make([][]exchange, formats)
	for i := range formats {
		exchanges[i] = talk(t, rng, requests, ports[i], app)
	}
	lines := make([][]string, formats)
	lbtest.WaitFor(t, "the log lines", func() bool {
		lines = make([][]string, formats)
		total := 0
		for _, l := range h.lines() {
			var i int
			if n, _ := fmt.Sscanf(l, "<%d> ", &i); n == 1 && i < formats && !strings.Contains(l, "BADREQ") {
				lines[i] = append(lines[i], l)
				total++
			}
		}
		return total >= formats*requests
	})
	cfg, err := readConfig(fstest.MapFS{"c": {Data: []byte(config)}}, []string{"c"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for i, text := range texts {
		own := &topology.Config{Pools: cfg.Pools}
		for _, l := range cfg.Listeners {
			if l.Name == fmt.Sprintf("fe%d", i) {
				own.Listeners = append(own.Listeners, l)
			}
		}
		if got := own.Listeners[0].Logs[0].Format; got != "<"+strconv.Itoa(i)+"> "+text {
			t.Errorf("format from the configuration: %q, want %q", got, text)
		}
		p := mustParser(t, lb.LogOptions{Config: own, SessionCookie: "SID", AffinityCookie: "SRV", Zone: time.Local})
		if len(lines[i]) != requests {
			t.Fatalf("format %d: %d lines, want %d: %s\n%s", i, len(lines[i]), requests, text, strings.Join(h.lines(), "\n"))
		}
		for k := range exchanges[i] {
			x := &exchanges[i][k]
			x.frontend = fmt.Sprintf("fe%d", i)
			compared += compareLine(t, p, text, lines[i][k], x)
		}
	}
	t.Logf("%d formats, %d lines, %d fields compared", formats, formats*requests, compared)
}

// talk sends some requests over one connection.
func talk(t *testing.T, rng *rand.Rand, n, port int, app *httptest.Server) []exchange {
	t.Helper()
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	var x exchange
	client := &http.Client{
		Transport: &http.Transport{MaxConnsPerHost: 1, DisableCompression: true, DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			x.connected = time.Now()
			c, err := net.Dial(network, addr)
			if err == nil {
				x.port = c.LocalAddr().(*net.TCPAddr).Port
			}
			return c, err
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	var done []exchange
	for range n {
		y := exchange{connected: x.connected, port: x.port, frontPort: port, appPort: app.Listener.Addr().(*net.TCPAddr).Port}
		y.method, y.path = pick("GET", "POST", "DELETE", "OPTIONS"), pick("/", "/cart", "/a/b.c", "/x%20y;z=1/w")
		y.query, y.agent = pick("", "?a=b&c=d", "?q=%22", "?"), pick(`Mozilla/5.0 (X11) "q" \ ]x[ {a|b}`, "curl/8", `ütf "`, `a" f3="b`)
		y.host, y.referer = pick("shop.test", "a.b:81"), pick("", "https://pay.test/x?y=z", `http://h/"|^`)
		y.session, y.set, y.location = pick("", "abc123", "0123456789ABCDEF0123456789ABCDEF"), pick("", "new9"), pick("", "/login?next=%2F", "http://h.test/")
		y.status, y.size = []int{200, 302, 404, 500}[rng.IntN(4)], rng.IntN(3000)
		req, err := http.NewRequest(y.method, fmt.Sprintf("http://127.0.0.1:%d%s", port, y.target()), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = y.host
		req.Header.Set("User-Agent", y.agent)
		for name, v := range map[string]string{"Referer": y.referer, "Cookie": named("SID=", y.session), "X-Want-Set-Cookie": named("SID=", y.set), "X-Want-Location": y.location} {
			if v != "" {
				req.Header.Set(name, v)
			}
		}
		req.Header.Set("X-Want-Status", strconv.Itoa(y.status))
		req.Header.Set("X-Want-Size", strconv.Itoa(y.size))
		time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
		y.sent = time.Now()
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		y.done, y.port, y.connected = time.Now(), x.port, x.connected
		done = append(done, y)
	}
	return done
}

// compareLine holds each field of a line, and the event made of it, against the exchange.
func compareLine(t *testing.T, p *parser, text, line string, x *exchange) (compared int) {
	t.Helper()
	var e session.Event
	if skip := p.Parse([]byte(line), &e); skip != lb.Read {
		t.Errorf("%s\n%s: skipped: %s", text, line, skip)
		return 0
	}
	v := p.variants[0]
	if !p.matcher.match(v.f, []byte(line), 0) {
		t.Errorf("%s\n%s: read by another format than its own", text, line)
		return 0
	}
	checks := map[string]func(*exchange, string) bool{}
	for _, f := range randomFields {
		checks[f.name] = f.check
	}
	shown := map[meaning]bool{}
	for i := range v.f.nodes {
		n := &v.f.nodes[i]
		if n.typ != nodeField {
			continue
		}
		shown[n.what] = true
		name := n.name
		if n.expr != nil {
			name = "[" + n.expr.text + "]"
		}
		raw := []byte(line)[p.matcher.spans[i].from:p.matcher.spans[i].to]
		value := string(n.value(raw, new([]byte)))
		if n.shape == shapeBraces && n.quoted {
			value = strings.Trim(string(raw), `"`)
			value = string(logtext.Unescape([]byte(value), new([]byte)))
		}
		if check := checks[name]; check == nil || !check(x, value) {
			t.Errorf("%s\n%s\nfield %s: got %q, want that of %+v", text, line, name, value, *x)
		}
		compared++
	}
	for what, pair := range map[meaning][2]string{
		meansClient: {string(e.Client), "127.0.0.1"}, meansPool: {string(e.Pool), "be_app"}, meansInstance: {string(e.Instance), "app1"}, meansListener: {string(e.Listener), x.frontend},
		meansMethod: {string(e.Method), x.method}, meansStatus: {strconv.Itoa(int(e.Status)), strconv.Itoa(x.status)}, meansRequestCookie: {string(e.Session.Raw), x.session},
		meansResponseCookie: {string(e.SetSession.Raw), x.set}, meansSession: {string(e.Session.Raw), x.session}, meansSetSession: {string(e.SetSession.Raw), x.set},
		meansUserAgent: {string(e.UserAgent), x.agent}, meansReferer: {string(e.Referer), x.referer}, meansHost: {string(e.Host), x.host}, meansLocation: {string(e.Location), x.location},
		meansRequestHeaders: {string(e.UserAgent) + string(e.Host) + string(e.Referer), x.agent + x.host + x.referer},
	} {
		if shown[what] && pair[0] != pair[1] {
			t.Errorf("%s\n%s\nevent, meaning %d: got %q, want %q", text, line, what, pair[0], pair[1])
		}
	}
	if path, _, _ := strings.Cut(string(e.Target), "?"); (shown[meansTarget] || shown[meansPath] || shown[meansRequestLine]) && path != x.path {
		t.Errorf("%s\n%s\ntarget %q, want %q", text, line, e.Target, x.path)
	}
	if start := time.Unix(0, e.Start); start.Before(x.sent.Add(-2*time.Millisecond)) || start.After(x.done.Add(time.Millisecond)) {
		t.Errorf("%s\n%s\nbegan %v, sent between %v and %v", text, line, start.UTC(), x.sent.UTC(), x.done.UTC())
	}
	return compared
}
