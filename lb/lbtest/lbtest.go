// Package lbtest holds the promises that every product keeps, as one test to call:
//
//	func TestPromises(t *testing.T) { lbtest.Run(t, haproxy.Product) }
//
// The product's own tests say what is right for it; here is what holds for all.
package lbtest

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
	"limpet.dev/topology"
)

// A Fixture is what a product's test hands over so that the promises can be checked.
type Fixture struct {
	// Config is a sound configuration with at least two instances in Pool, its name "conf".
	Config, Pool string

	// Broken is a configuration with an error on line BrokenLine, 0: the product has none.
	Broken     string
	BrokenLine int

	// Log holds some lines of the product's default format.
	Log string

	// Foreign is text that is not the product's: neither a configuration nor a log.
	Foreign string
}

// Run checks the promises that p's capabilities make.
func Run(t *testing.T, p *lb.Product, f Fixture) {
	t.Helper()
	if p.Name == "" || p.Name != strings.ToLower(p.Name) {
		t.Errorf("the name %q is not a lower-case word", p.Name)
	}
	if p.Config != nil {
		t.Run("configuration", func(t *testing.T) { config(t, p, f) })
	}
	if p.SniffConfig != nil {
		t.Run("recognition of configurations", func(t *testing.T) { sniff(t, p.SniffConfig, f.Config, f.Foreign) })
	}
	if p.SniffLog != nil && f.Log != "" {
		t.Run("recognition of logs", func(t *testing.T) { sniff(t, p.SniffLog, f.Log, f.Foreign) })
	}
	if p.Router != nil {
		t.Run("routing", func(t *testing.T) { routing(t, p, f) })
	}
	if p.Parser != nil {
		t.Run("log lines", func(t *testing.T) { logLines(t, p, f) })
	}
}

func read(p *lb.Product, text string) (*topology.Config, error) {
	return p.Config(fstest.MapFS{"conf": {Data: []byte(text)}}, []string{"conf"}, nil)
}

// config: facts have a place, a broken line is named, bad bytes and missing files are errors, and
// nothing makes it panic.
func config(t *testing.T, p *lb.Product, f Fixture) {
	cfg, err := read(p, f.Config)
	if err != nil {
		t.Fatalf("sound configuration: %v", err)
	}
	if cfg.Product != p.Name {
		t.Errorf("product %q, want %q", cfg.Product, p.Name)
	}
	lines := strings.Count(f.Config, "\n")
	place := func(what string, pos topology.Pos) {
		if pos.File != "conf" || pos.Line < 1 || pos.Line > lines {
			t.Errorf("%s has no place in the file: %q", what, pos)
		}
	}
	for _, l := range cfg.Listeners {
		place("listener "+l.Name, l.Pos)
		for _, route := range l.Routes {
			place("a route of "+l.Name, route.Pos)
		}
	}
	for _, pool := range cfg.Pools {
		place("pool "+pool.Name, pool.Pos)
		for _, in := range pool.Instances {
			place("instance "+in.Name, in.Pos)
		}
		for _, a := range pool.Affinity {
			place("an affinity of "+pool.Name, a.Pos)
			if a.Method == "" || a.WhenDown == topology.FateUnknown {
				t.Errorf("pool %s: affinity at %s does not say its method or what happens when the instance is down", pool.Name, a.Pos)
			}
		}
	}
	if f.BrokenLine > 0 {
		broken(t, p, f)
	}
	if cfg, err := p.Config(fstest.MapFS{}, []string{"missing"}, nil); err == nil || cfg == nil {
		t.Errorf("a missing file: topology %v, error %v; want an empty topology and an error", cfg != nil, err)
	}
	for cut := range f.Config {
		read(p, f.Config[:cut]) // must not panic
	}
	read(p, strings.ReplaceAll(f.Config, " ", "\x00"))
}

func broken(t *testing.T, p *lb.Product, f Fixture) {
	_, err := read(p, f.Broken)
	var bad *topology.SyntaxError
	if !errors.As(err, &bad) {
		t.Fatalf("broken configuration: error %v is no SyntaxError", err)
	}
	if bad.Pos != (topology.Pos{File: "conf", Line: f.BrokenLine}) {
		t.Errorf("broken configuration: error at %s, want conf:%d", bad.Pos, f.BrokenLine)
	}
}

// sniff: its own is recognised, foreign and empty input is not.
func sniff(t *testing.T, of func([]byte) float64, own, foreign string) {
	if got := of([]byte(own)); got < 0.5 || got > 1 {
		t.Errorf("own text: %.2f, want at least 0.5", got)
	}
	for _, text := range []string{foreign, "", "\x00\x01\x02", strings.Repeat("x", 4096)} {
		if got := of([]byte(text)); got >= 0.5 || got < 0 {
			t.Errorf("foreign text %.20q: %.2f, want less than 0.5", text, got)
		}
	}
}

// routing: choices are instances of the pool, repeat themselves from the start, avoid what is down,
// and say when nobody can serve.
func routing(t *testing.T, p *lb.Product, f Fixture) {
	cfg, err := read(p, f.Config)
	if err != nil {
		t.Fatal(err)
	}
	pool, ok := cfg.Pool(f.Pool)
	if !ok || len(pool.Instances) < 2 {
		t.Fatalf("the fixture needs a pool %q with two instances", f.Pool)
	}
	names := map[string]bool{}
	for _, in := range pool.Instances {
		names[in.Name] = true
	}
	start := func() lb.Router {
		r, err := p.Router(cfg, f.Pool)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a, b := start(), start()
	for i := range 100 {
		x, y := a.Route(plainCall(i)), b.Route(plainCall(i))
		if !names[x.Instance] {
			t.Fatalf("request %d: %q is no instance of the pool", i, x.Instance)
		}
		if x.Instance != y.Instance {
			t.Fatalf("request %d: two routers chose %q and %q", i, x.Instance, y.Instance)
		}
	}
	downed := pool.Instances[0].Name
	a.SetUp(downed, false)
	for i := range 50 {
		if d := a.Route(plainCall(i)); d.Instance == downed {
			t.Fatalf("request %d went to %q, which is down", i, downed)
		}
	}
	for _, in := range pool.Instances {
		a.SetUp(in.Name, false)
	}
	if d := a.Route(plainCall(0)); d.Instance != "" || !d.Flow.Unserved {
		t.Errorf("all down: instance %q, unserved %v; want none, true", d.Instance, d.Flow.Unserved)
	}
	a.Reload()
	if _, err := p.Router(cfg, "no such pool"); err == nil {
		t.Error("a pool that does not exist: no error")
	}
}

func plainCall(i int) *lb.Call {
	return &lb.Call{
		Client: netip.AddrFrom4([4]byte{127, 0, byte(i / 200), byte(i%200 + 1)}), Method: "GET", Target: fmt.Sprintf("/page/%d", i),
		Host: "shop.test", Now: time.Unix(1_700_000_000+int64(i), 0),
		Header: func(string) (string, bool) { return "", false },
		Cookie: func(string) []string { return nil },
	}
}

// logLines: a line is an event or a skip with a reason, a clone does the same, and an event's bytes
// point into its line.
func logLines(t *testing.T, p *lb.Product, f Fixture) {
	parser, err := p.Parser(lb.LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	clone := parser.Clone()
	if parser.Format() == "" || clone.Format() != parser.Format() {
		t.Errorf("format %q, its clone's %q", parser.Format(), clone.Format())
	}
	var e, c session.Event
	lines := strings.Split(f.Log, "\n")
	for n, line := range append(lines, "", "\x00\x01", strings.Repeat("z", 1<<16), f.Foreign) {
		got := parser.Parse([]byte(line), &e)
		if again := clone.Parse([]byte(line), &c); again != got {
			t.Errorf("line %d: %q, its clone says %q", n+1, got, again)
		}
		if own := n < len(lines) && line != ""; own && got != lb.Read {
			t.Errorf("line %d of the product's own log: skipped: %s", n+1, got)
		} else if !own && got == lb.Read {
			t.Errorf("foreign line %d was taken for an event", n+1)
		}
		for cut := 0; cut < len(line); cut += 7 {
			parser.Parse([]byte(line[:cut]), &e) // must not panic
		}
	}
}
