package haproxy

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
	for _, text := range backendTexts {
		f.Add([]byte("defaults\n mode http\nbackend b\n " + text))
	}
	f.Add([]byte(".if defined(A) && (1 || !0)\n.elif version_before(3)\n.else\n.endif\n"))
	f.Add([]byte("listen a from b\n\x00\nbackend \"${X[*]}\"\n cookie\n stick on\n server a b c d\n"))
	if root, err := need.Root(); err == nil {
		files, _ := filepath.Glob(filepath.Join(filepath.Dir(root), "shared", "corpus", "configs", "haproxy", "*"))
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && len(text) < 20_000 {
				f.Add(text)
			}
		}
	}
	env := func(name string) (string, bool) { return "a b", len(name)%2 == 0 }
	f.Fuzz(func(t *testing.T, text []byte) {
		start := time.Now()
		cfg, _ := readConfig(fstest.MapFS{"f": {Data: text}}, []string{"f"}, env)
		sniffConfig(text)
		for _, p := range cfg.Pools {
			r, err := newRouter(cfg, p.Name)
			if err != nil || len(p.Instances) > 1000 {
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
