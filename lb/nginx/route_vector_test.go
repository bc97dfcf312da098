package nginx

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/lbtest"
	"limpet.dev/topology"
)

// recording is a file of testdata/vectors: what a real nginx chose, with the configuration that it had.
type recording struct {
	Version string `json:"version"`
	Kind    string `json:"input_kind"`
	Config  string `json:"config"`
	Vectors []struct{ In, Server string }
	Cases   []scenario
}

type scenario struct {
	Case, Config string
	Steps        []step
}

type step struct {
	Label   string `json:"label"`
	Action  string `json:"action"`
	Request struct {
		Path    string
		Headers map[string]string
	} `json:"request"`
	Status    int      `json:"status"`
	Server    string   `json:"server"`
	SetCookie []string `json:"set_cookie"`
	Log       string   `json:"log"`
}

func parse(t testing.TB, text string) *topology.Config {
	t.Helper()
	cfg, err := readConfig(fstest.MapFS{"nginx.conf": {Data: []byte(text)}}, []string{"nginx.conf"}, nil)
	if err != nil {
		t.Fatalf("configuration: %v\n%s", err, text)
	}
	return cfg
}

func mustRouter(t testing.TB, text, pool string) *router {
	t.Helper()
	r, err := newRouter(parse(t, text), pool)
	if err != nil {
		t.Fatal(err)
	}
	return r.(*router)
}

// server is the recordings' name of an instance: s1 to s5 on ports 18001 to 18005.
func server(instance string) string {
	if n := strings.TrimPrefix(instance, "127.0.0.1:1800"); n != instance {
		return "s" + n
	}
	return ""
}

func TestRecordedHashesAreReproduced(t *testing.T) {
	files, vectors, wrong := 0, 0, 0
	for name, rec := range lbtest.Recordings[recording](t, "nginx-*hash*.json") {
		files++
		r := mustRouter(t, rec.Config, "b")
		bad := 0
		for _, v := range rec.Vectors {
			vectors++
			target, client := "/?k="+v.In, "127.0.0.1"
			if strings.HasPrefix(rec.Kind, "client_address") {
				target, client = "/", v.In
			}
			if got := server(r.Route(lbtest.Call("GET", target, client, nil)).Instance); got != v.Server {
				if bad++; bad <= 3 {
					t.Errorf("%s: %s %q: server %s, want %s", name, rec.Kind, v.In, got, v.Server)
				}
			}
		}
		wrong += bad
	}
	t.Logf("%d files, %d vectors, %d passed, %d failed", files, vectors, vectors-wrong, wrong)
	if files < 25 {
		t.Errorf("only %d files of hash vectors were found", files)
	}
}

// The recordings have two workers without a shared zone, so each worker has its own position of round
// robin, and nobody wrote down which of them answered. A scenario is reproduced if there is one way
// of dealing its requests out to two routers that explains every answer.
func TestRecordedScenariosAreReproduced(t *testing.T) {
	steps := 0
	for name, rec := range lbtest.Recordings[recording](t, "nginx-sticky-scenarios-*.json") {
		for _, sc := range rec.Cases {
			t.Run(name+"/"+sc.Case, func(t *testing.T) {
				workers := 2
				if strings.Contains(sc.Config, "zone u ") {
					workers = 1 // a zone shares the state
				}
				best, why := 0, ""
				ways := 1
				for range sc.Steps {
					ways *= workers
				}
				for deal := range ways {
					n, reason := replay(t, sc, workers, deal)
					if n > best || why == "" {
						best, why = n, reason
					}
					if n == len(sc.Steps) {
						break
					}
				}
				if best < len(sc.Steps) {
					t.Errorf("step %d of %d: %s", best, len(sc.Steps), why)
				}
				steps += best
			})
		}
	}
	t.Logf("%d recorded steps reproduced", steps)
}

// replay plays a scenario with its requests dealt out and returns how many steps agree, and what does not.
func replay(t *testing.T, sc scenario, workers, deal int) (agreed int, why string) {
	t.Helper()
	routers := make([]*router, workers)
	start := func(text string) {
		for i := range routers {
			old := routers[i]
			routers[i] = mustRouter(t, text, "b")
			if old != nil {
				routers[i].learned = old.learned // the zone outlives the reload
			}
		}
	}
	start(sc.Config)
	upstream := regexp.MustCompile(`(?s)(upstream b \{\n).*?(\n  \}\n)`)
	for i, s := range sc.Steps {
		r := routers[deal%workers]
		deal /= workers
		if s.Action != "" {
			_, lines, _ := strings.Cut(s.Action, "upstream:")
			start(upstream.ReplaceAllString(sc.Config, "upstream b {\n"+strings.ReplaceAll(lines, "$", "$$")+"\n  }\n"))
			continue
		}
		if got, want := answer(r, s), recorded(s); got != want {
			return i, fmt.Sprintf("%s:\n got %s\nwant %s", s.Label, got, want)
		}
	}
	return len(sc.Steps), ""
}

var tried = regexp.MustCompile(`ua=([^|]*)`)

func recorded(s step) string {
	return fmt.Sprintf("server=%s status=%d tried=%s set=%q", s.Server, s.Status, tried.FindStringSubmatch(s.Log)[1], append([]string{}, s.SetCookie...))
}

// answer plays one recorded request against a router.
func answer(r *router, s step) string {
	h := http.Header{}
	for k, v := range s.Request.Headers {
		h.Set(k, v)
	}
	c := lbtest.Call("GET", orElse(s.Request.Path, "/"), "127.0.0.1", h)
	for _, line := range s.SetCookie { // the answer's date tells when it was made
		if m := regexp.MustCompile(`expires=([^;]*)`).FindStringSubmatch(line); m != nil {
			at, _ := time.Parse("Mon, 02-Jan-06 15:04:05 GMT", m[1])
			c.Now = at.Add(-time.Hour)
		}
	}
	d, lines, status, attempts := drive(r, c, func(instance string) bool { return instance == "127.0.0.1:18099" })
	return fmt.Sprintf("server=%s status=%d tried=%s set=%q", map[bool]string{true: server(d.Instance)}[!d.Flow.Unserved], status, strings.Join(attempts, ", "), append([]string{}, lines...))
}

// drive does what a proxy does: it asks for a server, tries it, retries, and hands over the answer.
func drive(r *router, c *lb.Call, dead func(string) bool) (d lb.Decision, lines []string, status int, attempts []string) {
	d = r.Route(c)
	for attempt := 1; ; attempt++ {
		if d.Instance == "" {
			return d, nil, 502, attempts
		}
		attempts = append(attempts, d.Instance)
		if dead(d.Instance) {
			next, ok := r.Failed(c, d, attempt)
			if d = next; !ok {
				if d.SetCookie != "" {
					lines = []string{d.SetCookie}
				}
				return d, lines, 502, attempts
			}
			continue
		}
		status, set := application(c.Target)
		if next, again := r.Again(c, d, status); again {
			d = next
			continue
		}
		d, lines = r.Answered(c, d, lb.Answer{Status: status, SetCookie: set})
		return d, lines, status, attempts
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
