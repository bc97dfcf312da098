package nginx

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"limpet.dev/internal/need"
	"limpet.dev/lb"
	"limpet.dev/lb/lbtest"
)

// FuzzConfig: no text makes the parser panic or hang, and what it reads can be routed.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(wideConfig))
	f.Add([]byte(promiseConfig))
	f.Add([]byte("include f;\nhttp { include f; upstream a { hash $a$b${c} consistent; server a weight=9; } map $a $a { ~( $a; } }\n"))
	f.Add([]byte("access_by_lua_block { [==[ } ]==] --[[ } ]] '\\'' }\n{{{;}}}\n\"\\\"\"\n"))
	f.Add([]byte("upstream u { sticky cookie s; server unix:; server [::1]:2; server :80 down backup; } server { location / { proxy_pass http://u; } }\n"))
	if root, err := need.Root(); err == nil {
		files, _ := filepath.Glob(filepath.Join(filepath.Dir(root), "shared", "corpus", "configs", "nginx", "*"))
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && len(text) < 20_000 {
				f.Add(text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		start := time.Now()
		cfg, _ := readConfig(fstest.MapFS{"f": {Data: text}, "g/f": {Data: []byte("include ../f;\n")}}, []string{"f"}, nil)
		sniffConfig(text)
		for _, p := range cfg.Pools {
			weight := 0
			for _, in := range p.Instances {
				weight += in.Weight
			}
			if weight > 10_000 { // a ring of that many points takes its time, in nginx too
				continue
			}
			r, err := newRouter(cfg, p.Name)
			if err != nil {
				continue
			}
			c := lbtest.Call("GET", "/a/b?c=d", "127.0.0.1", nil)
			for i := range 3 {
				d := r.Route(c)
				if d.Instance == "" && !d.Flow.Unserved {
					t.Error("no instance, and not unserved")
				}
				if next, ok := r.Failed(c, d, i+1); ok {
					r.(lb.Answerer).Answered(c, next, lb.Answer{Status: 200, SetCookie: []string{"SRV=x; Path=/"}})
				}
				if len(p.Instances) > 0 {
					r.SetUp(p.Instances[0].Name, i%2 == 1)
				}
			}
			r.Reload()
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%d bytes took %v", len(text), took)
		}
	})
}
