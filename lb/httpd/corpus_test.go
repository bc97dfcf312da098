package httpd

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"limpet.dev/internal/need"
	"limpet.dev/lb/lbtest"
	"limpet.dev/topology"
)

// corpusConfigs returns the real configurations, by name. Property files of the Tomcat connector are not among httpd's.
func corpusConfigs(t testing.TB) map[string]string {
	t.Helper()
	out := lbtest.Corpus(t, "configs/apache")
	maps.DeleteFunc(out, func(name, _ string) bool { return strings.HasSuffix(name, ".properties") })
	return out
}

// A checker runs the real "apache2 -t" with all modules of Debian's package loaded.
type checker struct {
	binary  string
	modules string
}

func newChecker(t *testing.T) checker {
	t.Helper()
	c := checker{binary: need.Tool(t, "apache2")}
	mods, err := filepath.Glob("/usr/lib/apache2/modules/mod_*.so")
	if err != nil || len(mods) == 0 {
		t.Fatalf("no modules of apache2: %v", err)
	}
	var b strings.Builder
	for _, m := range mods {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(m), "mod_"), ".so")
		if strings.HasPrefix(name, "mpm_") && name != "mpm_event" || name == "cgi" || name == "dialup" {
			continue
		}
		fmt.Fprintf(&b, "LoadModule %s_module %s\n", name, m)
	}
	c.modules = b.String()
	return c
}

// accepts puts text behind the modules and says whether httpd takes it. Its log folder is what -t may write to.
func (c checker) accepts(t *testing.T, text string) bool {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	base := c.modules + "ServerRoot " + dir + "\nDefaultRuntimeDir " + dir + "\nServerName localhost\nListen 127.0.0.1:1\n"
	if err := os.WriteFile(filepath.Join(dir, "base.conf"), []byte(base+"Include "+filepath.Join(dir, "it.conf")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "it.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(c.binary, "-t", "-f", filepath.Join(dir, "base.conf"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("apache2 -t: %v", err)
	}
	return err == nil
}

func readText(name, text string) (*topology.Config, error) {
	return readConfig(fstest.MapFS{name: {Data: []byte(text)}}, []string{name}, nil)
}

// What the real program accepts is read without an error and without an affinity directive that is not understood.
func TestRealConfigurationsAreUnderstood(t *testing.T) {
	c := newChecker(t)
	var accepted, refused, both, wrong, balancers int
	for name, text := range corpusConfigs(t) {
		cfg, err := readText(name, text)
		if !c.accepts(t, text) {
			if refused++; err != nil {
				both++
			}
			continue
		}
		accepted++
		if err != nil {
			wrong++
			t.Errorf("%s: httpd accepts it, but: %v", name, err)
		}
		for _, u := range cfg.Unknown {
			if strings.HasPrefix(u.Text, "jk") {
				t.Logf("%s: %s: the Tomcat connector has a configuration of its own, which is not read", u.Pos, u.Text)
			} else if u.Affinity {
				wrong++
				t.Errorf("%s: affinity directive not understood: %s", u.Pos, u.Text)
			}
		}
		for _, p := range cfg.Pools {
			if len(p.Instances) > 1 {
				balancers++
			}
		}
	}
	t.Logf("apache2 -t accepts %d (with %d balancers), we differ on %d of them; it refuses %d, %d of these we report too", accepted, balancers, wrong, refused, both)
	if accepted < 50 {
		t.Errorf("only %d configurations were accepted by the real program", accepted)
	}
}

// Every real configuration, accepted or not, is read to its end, and each error has a place.
func TestEveryRealConfigurationGivesATopology(t *testing.T) {
	files, bad := 0, 0
	for name, text := range corpusConfigs(t) {
		files++
		cfg, err := readText(name, text)
		if cfg == nil {
			t.Fatalf("%s: no topology", name)
		}
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
	t.Logf("%d configurations, %d of them with errors", files, bad)
}

// FuzzConfig: nothing makes the reader panic, and each fact has a place.
func FuzzConfig(f *testing.F) {
	for _, text := range corpusConfigs(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg, _ := readText("httpd.conf", text)
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
