package haproxy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/lbtest"
	"limpet.dev/topology"
)

// recording is a file of testdata/vectors: what a real HAProxy chose, with the configuration that it had.
type recording struct {
	Version   string   `json:"version"`
	Algorithm string   `json:"algorithm"`
	Kind      string   `json:"input_kind"`
	Disabled  []string `json:"servers_disabled_at_runtime"`
	Config    string   `json:"config"`
	Vectors   []struct{ In, Server string }
	Cases     []scenario
}

type scenario struct {
	Case, Config string
	Steps        []step
}

type step struct {
	Label   string `json:"label"`
	Request *struct {
		Method, Path string
		Headers      map[string]string
	} `json:"request"`
	Status         int      `json:"status"`
	Server         string   `json:"server"`
	SetCookie      []string `json:"set_cookie"`
	ServerSaw      string   `json:"server_saw_cookie"`
	Log            string   `json:"log"`
	RuntimeCommand string   `json:"runtime_command"`
}

func parse(t *testing.T, text string) *topology.Config {
	t.Helper()
	cfg, err := readConfig(fstest.MapFS{"haproxy.cfg": {Data: []byte(text)}}, []string{"haproxy.cfg"}, nil)
	if err != nil {
		t.Fatalf("configuration: %v", err)
	}
	return cfg
}

func mustRouter(t *testing.T, text, pool, version string) *router {
	t.Helper()
	cfg := parse(t, text)
	cfg.Version = version
	r, err := newRouter(cfg, pool)
	if err != nil {
		t.Fatal(err)
	}
	if limits := r.(lb.Critic).Limits(); len(limits) > 0 {
		t.Fatalf("router: %v", limits)
	}
	return r.(*router)
}

func TestRecordedHashesAreReproduced(t *testing.T) {
	files, vectors, wrong := 0, 0, 0
	for name, rec := range lbtest.Recordings[recording](t, "haproxy-*.json") {
		if len(rec.Vectors) == 0 {
			continue
		}
		files++
		r := mustRouter(t, rec.Config, "b", rec.Version)
		for _, s := range rec.Disabled {
			r.SetUp(s, false)
		}
		bad := 0
		for _, v := range rec.Vectors {
			vectors++
			if got := r.Route(vectorCall(t, rec, v.In)).Instance; got != v.Server {
				if bad++; bad <= 3 {
					t.Errorf("%s: %s %q: server %s, want %s", name, rec.Kind, v.In, got, v.Server)
				}
			}
		}
		wrong += bad
	}
	t.Logf("%d files, %d vectors, %d passed, %d failed", files, vectors, vectors-wrong, wrong)
	if files < 60 {
		t.Errorf("only %d files of hash vectors were found", files)
	}
}

func vectorCall(t *testing.T, rec recording, in string) *lb.Call {
	t.Helper()
	h, target, client := http.Header{}, "/", "127.0.0.1"
	switch rec.Kind {
	case "src", "source", "client":
		client = in
	case "uri", "url":
		target = in
	case "cookie":
		h.Set("Cookie", "SID="+in)
	case "xff":
		h.Set("X-Forwarded-For", in)
	case "host":
		h.Set("Host", in)
	default:
		t.Fatalf("input kind %q is not known", rec.Kind)
	}
	return lbtest.Call("GET", target, client, h)
}

func TestRecordedScenariosAreReproduced(t *testing.T) {
	steps := 0
	for name, rec := range lbtest.Recordings[recording](t, "haproxy-cookie-scenarios-*.json") {
		for _, sc := range rec.Cases {
			t.Run(name+"/"+sc.Case, func(t *testing.T) {
				p := &player{t: t, r: mustRouter(t, sc.Config, "b", rec.Version)}
				for i, s := range sc.Steps {
					p.play(i, s)
					steps++
				}
			})
		}
	}
	t.Logf("%d recorded steps", steps)
}

// player plays one recorded scenario against a router.
type player struct {
	t          *testing.T
	r          *router
	deadServer string // address that refuses connections
}

func (p *player) dead(instance string) bool {
	return p.r.byName[instance].Address == orElse(p.deadServer, "127.0.0.1:18099")
}

func (p *player) play(i int, s step) {
	p.t.Helper()
	if s.RuntimeCommand != "" {
		p.command(s.RuntimeCommand)
		return
	}
	h := http.Header{}
	for k, v := range s.Request.Headers {
		h.Set(k, v)
	}
	c := lbtest.Call(orElse(s.Request.Method, "GET"), orElse(s.Request.Path, "/"), "127.0.0.1", h)
	c.Now = recordedTime(s)
	d, lines, status := p.drive(c)
	got := fmt.Sprintf("tsc=%s srv=%s ret=%s st=%d set=%q", d.Flow.Code[:], d.Instance, retText(d), status, lines)
	log := strings.NewReplacer("ck=- sck=- ", "").Replace(s.Log)
	want := fmt.Sprintf("%s set=%q", log, s.SetCookie)
	if len(s.SetCookie) == 0 {
		want = log + " set=[]"
	}
	if got != want {
		p.t.Errorf("step %d (%s):\n got %s\nwant %s", i, s.Label, got, want)
	}
	if saw := forwarded(d, h.Get("Cookie")); s.Server != "" && s.Status == 200 && saw != s.ServerSaw {
		p.t.Errorf("step %d (%s): the server saw cookie %q, want %q", i, s.Label, saw, s.ServerSaw)
	}
}

// recordedTime is when the recorded answer was made, as its cookie's dates tell.
func recordedTime(s step) time.Time {
	for _, line := range s.SetCookie {
		if _, dates, ok := strings.Cut(line, "|"); ok {
			return time.Unix(base64to30(dates)<<2, 0)
		}
	}
	return time.Unix(1_800_000_000, 0)
}

// drive does what a proxy does: it asks for a server, tries it, retries, and hands over the answer.
// The dead server refuses connections; the application is that of the recordings.
func (p *player) drive(c *lb.Call) (lb.Decision, []string, int) {
	d := p.r.Route(c)
	for attempt := 1; ; attempt++ {
		if d.Instance == "" {
			return d, nil, 503
		}
		if p.dead(d.Instance) {
			next, ok := p.r.Failed(c, d, attempt)
			if d = next; !ok {
				return d, nil, 503
			}
			continue
		}
		status, set := application(c.Target)
		if next, again := p.r.Again(c, d, status); again {
			d = next
			continue
		}
		d, lines := p.r.Answered(c, d, lb.Answer{Status: status, SetCookie: set})
		return d, lines, status
	}
}

// application answers as the recordings' backend did: /fail is 503, ?setNAME=VALUE sets a cookie.
func application(target string) (status int, set []string) {
	path, query, _ := strings.Cut(target, "?")
	if path == "/fail" {
		return 503, nil
	}
	if k, v, ok := strings.Cut(query, "="); ok && strings.HasPrefix(k, "set") {
		set = append(set, strings.ToUpper(k[3:])+"="+v+"; Path=/")
	}
	return 200, set
}

func retText(d lb.Decision) string {
	text := fmt.Sprint(d.Flow.Retries)
	if d.Flow.Redispatched {
		text = "+" + text
	}
	return text
}

// forwarded is the Cookie header that the server gets, "-" for none.
func forwarded(d lb.Decision, header string) string {
	var kept []string
	for _, part := range strings.Split(header, ";") {
		part = strings.TrimSpace(part)
		name, value, _ := strings.Cut(part, "=")
		if part == "" || name == d.StripCookie {
			continue
		}
		if name == d.TrimCookie {
			if n := strings.IndexByte(value, d.TrimMark); n >= 0 {
				part = name + "=" + value[n+1:]
			}
		}
		kept = append(kept, part)
	}
	if len(kept) == 0 {
		return "-"
	}
	return strings.Join(kept, "; ")
}

func (p *player) command(text string) {
	p.t.Helper()
	f := strings.Fields(text)
	name := func(i int) string { return strings.TrimPrefix(f[i], "b/") }
	switch {
	case f[0] == "disable":
		p.r.SetUp(name(2), false)
	case f[0] == "enable":
		p.r.SetUp(name(2), true)
	case f[0] == "clear":
		for _, t := range p.r.tables {
			t.clear()
		}
	case f[0] == "show":
	case strings.HasSuffix(text, "state drain"), strings.HasSuffix(text, "weight 0"):
		p.r.SetDrain(name(2), true)
	case strings.HasSuffix(text, "state ready"):
		p.r.SetDrain(name(2), false)
	default:
		p.t.Fatalf("runtime command %q is not known", text)
	}
}
