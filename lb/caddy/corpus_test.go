package caddy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"limpet.dev/lb/lbtest"

	"limpet.dev/internal/need"
	"limpet.dev/topology"
)

func readText(name, text string) (*topology.Config, error) {
	return readConfig(fstest.MapFS{name: {Data: []byte(text)}}, []string{name}, nil)
}

// adapt runs the real "caddy adapt", which turns a Caddyfile into JSON, or refuses it.
func adapt(t *testing.T, caddy, text string) (string, bool) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(caddy, "adapt", "--config", file, "--adapter", "caddyfile")
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	out, err := cmd.Output()
	return string(out), err == nil && json.Valid(out)
}

// A Caddyfile that the real program accepts means the same to us as the JSON that the program makes of it.
func TestCaddyfilesMeanWhatCaddyMakesOfThem(t *testing.T) {
	caddy := need.Tool(t, "caddy")
	var accepted, refused, both, wrong, proxies int
	for name, text := range lbtest.Corpus(t, "configs/caddy") {
		cfg, err := readText(name, text)
		made, ok := adapt(t, caddy, text)
		if !ok {
			if refused++; err != nil {
				both++
			}
			continue
		}
		accepted++
		if err != nil {
			wrong++
			t.Errorf("%s: caddy accepts it, but: %v", name, err)
			continue
		}
		for _, u := range cfg.Unknown {
			wrong++
			t.Errorf("%s: affinity not understood: %s", u.Pos, u.Text)
		}
		if strings.Contains(text, "forward_auth") {
			continue // asks another server first, by a reverse_proxy that Caddy makes up
		}
		theirs, err := readText("made.json", made)
		if err != nil {
			t.Fatalf("%s: the JSON that caddy made: %v", name, err)
		}
		proxies += len(theirs.Pools)
		if got, want := meanings(cfg), meanings(theirs); !reflect.DeepEqual(got, want) {
			wrong++
			t.Errorf("%s:\n got %v\nwant %v", name, got, want)
		}
	}
	t.Logf("caddy adapt accepts %d (%d proxies), we differ on %d of them; it refuses %d, %d of these we report too", accepted, proxies, wrong, refused, both)
	if accepted < 40 {
		t.Errorf("only %d Caddyfiles were accepted by the real program", accepted)
	}
}

// meanings lists what matters of each proxy, in an order of its own: Caddy sorts routes.
func meanings(cfg *topology.Config) []string {
	var out []string
	for _, p := range cfg.Pools {
		text := p.Balance.Algorithm + " " + p.Balance.Key
		for _, in := range p.Instances {
			text += " " + in.Address
			if in.Check != nil {
				text += " " + in.Check.Kind + " " + in.Check.Interval.String()
			}
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return out
}

// Every real configuration is read to its end, and each error has a place.
func TestEveryRealConfigurationGivesATopology(t *testing.T) {
	for _, folder := range []string{"caddy", "caddy-json"} {
		files, bad, pools := 0, 0, 0
		for name, text := range lbtest.Corpus(t, "configs/"+folder) {
			files++
			cfg, err := readText(name, text)
			if cfg == nil {
				t.Fatalf("%s: no topology", name)
			}
			pools += len(cfg.Pools)
			if err == nil {
				continue
			}
			bad++
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, name+":") {
					t.Errorf("an error without a place: %s", line)
				}
			}
		}
		t.Logf("%s: %d configurations, %d proxies, %d with errors", folder, files, pools, bad)
	}
}

// FuzzConfig: nothing makes the reader panic, and each pool has a place.
func FuzzConfig(f *testing.F) {
	for _, folder := range []string{"caddy", "caddy-json"} {
		for _, text := range lbtest.Corpus(f, "configs/"+folder) {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg, _ := readText("Caddyfile", text)
		for _, p := range cfg.Pools {
			if p.Pos.File == "" {
				t.Errorf("pool %q has no place", p.Name)
			}
			if r, err := newRouter(cfg, p.Name); err == nil {
				r.Reload()
			}
		}
	})
}
