package caddy

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"limpet.dev/lb"
	"limpet.dev/lb/lbtest"
	"limpet.dev/topology"
)

// recording is a file of testdata/vectors: what a real Caddy chose, with the configuration that it had.
type recording struct {
	Version string   `json:"version"`
	Kind    string   `json:"input_kind"`
	Config  string   `json:"config"`
	Configs []string `json:"configs"`
	Vectors []struct{ In, Server string }
	Cases   []struct {
		Case      string
		Map       map[string]string
		Servers   []*string
		Cookie    string
		Status    []int
		SetCookie [][]string `json:"set_cookie"`
	}
}

func read(t testing.TB, text string) *topology.Config {
	t.Helper()
	cfg, err := readConfig(fstest.MapFS{"Caddyfile": {Data: []byte(text)}}, []string{"Caddyfile"}, nil)
	if err != nil {
		t.Fatalf("configuration: %v", err)
	}
	return cfg
}

func routerOf(t testing.TB, text, version string) lb.Router {
	t.Helper()
	cfg := read(t, text)
	cfg.Version = version
	r, err := newRouter(cfg, cfg.Pools[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// server is the recordings' name of an upstream: s1 to s3 on ports 18001 to 18003.
func server(dial string) string {
	if n, ok := strings.CutPrefix(dial, "127.0.0.1:1800"); ok {
		return "s" + n
	}
	return ""
}

func TestRecordedHashesAreReproduced(t *testing.T) {
	files, vectors, wrong := 0, 0, 0
	for name, rec := range lbtest.Recordings[recording](t, "caddy-*.json") {
		if len(rec.Vectors) == 0 {
			continue
		}
		files++
		r := routerOf(t, rec.Config, rec.Version)
		for _, v := range rec.Vectors {
			vectors++
			h, target, client := http.Header{}, "/", "127.0.0.1"
			switch rec.Kind {
			case "src":
				client = v.In
			case "xff":
				h.Set("X-Forwarded-For", v.In)
			case "hdr":
				h.Set("X-Key", v.In)
			case "uri":
				target = v.In
			default:
				t.Fatalf("input kind %q is not known", rec.Kind)
			}
			if got := server(r.Route(lbtest.Call("GET", target, client, h)).Instance); got != v.Server {
				if wrong++; wrong <= 5 {
					t.Errorf("%s: %q: %s, want %s", name, v.In, got, v.Server)
				}
			}
		}
	}
	t.Logf("%d files, %d vectors, %d passed, %d failed", files, vectors, vectors-wrong, wrong)
	if files < 6 {
		t.Errorf("only %d files of hash vectors were found", files)
	}
}

// Which upstream the fallback draws is chance; which cookie it gets, and where a cookie leads, is not.
func TestRecordedCookiesAreReproduced(t *testing.T) {
	steps := 0
	for name, rec := range lbtest.Recordings[recording](t, "caddy-cookie-*.json") {
		issued := map[string]string{}
		for _, c := range rec.Cases {
			if c.Map != nil {
				issued = c.Map
				continue
			}
			t.Run(name+"/"+c.Case, func(t *testing.T) {
				config, h := rec.Configs[0], http.Header{}
				switch {
				case strings.HasPrefix(c.Case, "cookie of an upstream whose port is closed"):
					config = rec.Configs[1]
				case strings.HasPrefix(c.Case, "same, no"):
					config = rec.Configs[2]
				}
				which, _ := strings.CutPrefix(c.Case, "present cookie of ")
				value, _, _ := strings.Cut(strings.TrimPrefix(issued[which], "lb="), ";")
				switch {
				case c.Cookie != "":
					h.Set("Cookie", "lb="+c.Cookie)
				case value != "":
					h.Set("Cookie", "lb="+value)
				case strings.HasPrefix(c.Case, "two lb cookies"):
					valid, _, _ := strings.Cut(issued["s2"], ";")
					h.Set("Cookie", "lb=unknown; "+valid)
				default:
					h.Set("Cookie", "lb=unknown")
				}
				r := routerOf(t, config, rec.Version)
				for i := range c.Servers {
					steps++
					got, lines, status := drive(r, lbtest.Call("GET", "/", "127.0.0.1", h))
					want := 200
					if c.Status != nil {
						want = c.Status[i]
					}
					if status != want {
						t.Fatalf("request %d: status %d, want %d", i, status, want)
					}
					if value != "" && got != *c.Servers[i] {
						t.Errorf("request %d: %s, want %s", i, got, *c.Servers[i])
					}
					if len(lines) != len(c.SetCookie[i]) {
						t.Errorf("request %d: Set-Cookie %d times, want %d", i, len(lines), len(c.SetCookie[i]))
					}
					if len(lines) > 0 && lines[0] != issued[got] {
						t.Errorf("request %d: Set-Cookie %q, want %q", i, lines[0], issued[got])
					}
				}
			})
		}
		if len(issued) != 3 {
			t.Errorf("%s: %d cookies issued", name, len(issued))
		}
	}
	t.Logf("%d recorded steps", steps)
}

// drive tries upstreams as a proxy does; nothing listens on port 18099.
func drive(r lb.Router, c *lb.Call) (srv string, lines []string, status int) {
	d := r.Route(c)
	for attempt := 1; d.Instance != ""; attempt++ {
		if !strings.HasSuffix(d.Instance, ":18099") {
			d, lines = r.(lb.Answerer).Answered(c, d, lb.Answer{Status: 200})
			return server(d.Instance), lines, 200
		}
		var ok bool
		if d, ok = r.Failed(c, d, attempt); !ok {
			break
		}
	}
	return "", nil, 502
}
