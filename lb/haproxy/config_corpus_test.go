package haproxy

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"limpet.dev/lb/lbtest"

	"limpet.dev/internal/need"
	"limpet.dev/topology"
)

func readText(name, text string) (*topology.Config, error) {
	return readConfig(fstest.MapFS{name: {Data: []byte(text)}}, []string{name}, haproxy26)
}

// haproxy26 is the environment of the comparison with the installed program.
func haproxy26(name string) (string, bool) {
	if name == "HAPROXY_STARTUP_VERSION" {
		return "2.6.12", true
	}
	return "", false
}

// accepts runs the real "haproxy -c" on a text and returns what it says.
func accepts(t *testing.T, haproxy, text string) (ok bool, says string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(haproxy, "-c", "-f", file)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("haproxy -c: %v", err)
	}
	return err == nil, string(out)
}

var (
	testDescriptor = regexp.MustCompile(`"?fd@\$\{[^}]*\}"?`)
	testAddress    = regexp.MustCompile(`\$\{(s|h|be|fe|hap|LB|[a-z])[A-Za-z0-9_]*_(addr|port|sock)\}|\$\{[A-Za-z0-9_]+_(addr|port|sock)\}`)
)

// settled is a test configuration of HAProxy's own suite with addresses in place of the sockets that
// the suite hands over, so that the real program can judge more of it.
func settled(text string) string {
	port := 20000
	text = testDescriptor.ReplaceAllStringFunc(text, func(string) string {
		port++
		return fmt.Sprintf("127.0.0.1:%d", port)
	})
	return testAddress.ReplaceAllStringFunc(text, func(s string) string {
		if strings.HasSuffix(s, "_port}") {
			return "8080"
		}
		if strings.HasSuffix(s, "_addr}") {
			return "127.0.0.1"
		}
		return "127.0.0.1:8080"
	})
}

// What the real program accepts is read without an error and without an affinity directive
// that is not understood.
func TestRealConfigurationsAreUnderstood(t *testing.T) {
	haproxy := need.Tool(t, "haproxy")
	var accepted, refused, both, wrong int
	for name, raw := range lbtest.Corpus(t, "configs/haproxy") {
		text := settled(raw)
		ok, _ := accepts(t, haproxy, text)
		cfg, err := readText(name, text)
		switch {
		case ok:
			accepted++
			if err != nil {
				wrong++
				t.Errorf("%s: haproxy accepts it, but: %v", name, err)
			}
			for _, u := range cfg.Unknown {
				t.Logf("not understood: %s: %s", u.Pos, u.Text)
				if u.Affinity {
					wrong++
					t.Errorf("%s: affinity directive not understood: %s", u.Pos, u.Text)
				}
			}
		case err != nil:
			refused, both = refused+1, both+1
		default:
			refused++
		}
	}
	t.Logf("haproxy -c accepts %d, we differ on %d of them; it refuses %d (most for files, addresses or features that this machine lacks), %d of these we report too",
		accepted, wrong, refused, both)
	if accepted < 100 {
		t.Errorf("only %d configurations were accepted by the real program", accepted)
	}
}

// Every real configuration, accepted or not, is read to its end: errors carry a place, and no
// affinity directive is unknown.
func TestEveryRealConfigurationGivesATopology(t *testing.T) {
	files, bad := 0, 0
	for name, text := range lbtest.Corpus(t, "configs/haproxy") {
		files++
		cfg, err := readText(name, text)
		if cfg == nil {
			t.Fatalf("%s: no topology", name)
		}
		for _, u := range cfg.Unknown {
			if u.Affinity {
				t.Errorf("%s: affinity directive not understood: %s", u.Pos, u.Text)
			}
		}
		if err == nil {
			continue
		}
		bad++
		for _, line := range strings.Split(err.Error(), "\n") {
			if !strings.HasPrefix(line, name+":") && !strings.HasSuffix(line, "more errors") {
				t.Errorf("an error without a place: %s", line)
			}
		}
	}
	t.Logf("%d configurations, %d of them with errors", files, bad)
}
