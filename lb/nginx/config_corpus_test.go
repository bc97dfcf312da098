package nginx

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
	return readConfig(fstest.MapFS{name: {Data: []byte(text)}}, []string{name}, nil)
}

var (
	testPort     = regexp.MustCompile(`%%PORT_(\d+)(_UDP)?%%`)
	testGlobals  = regexp.MustCompile(`%%TEST_GLOBALS(_HTTP|_STREAM)?%%`)
	absolutePath = regexp.MustCompile(`([\s"'=])/(var|etc|run|tmp|usr|opt|srv|data|home|dev)/`)
)

// settled is a configuration with its files below dir, so that the real program touches nothing else, and
// with the marks filled in that nginx's own test suite has in its configurations.
func settled(text, dir string) string {
	text = testGlobals.ReplaceAllString(text, "")
	text = strings.ReplaceAll(text, "%%TESTDIR%%", dir)
	text = testPort.ReplaceAllString(text, "$1")
	return absolutePath.ReplaceAllString(text, "$1"+dir+"/$2/")
}

// wraps are the blocks that a fragment may stand in.
var wraps = []struct{ before, after string }{{"", ""}, {"events {} ", ""}, {"events {} http { ", "\n}"}, {"events {} http { server { ", "\n}}"}}

// accepts runs the real "nginx -t" on a text, in a prefix of its own, and returns what it says.
func accepts(t *testing.T, nginx, dir, text string) (ok bool, says string) {
	t.Helper()
	file := filepath.Join(dir, "nginx.conf")
	for _, m := range regexp.MustCompile(regexp.QuoteMeta(dir)+`/[^\s;"'{}$]*`).FindAllString(text, -1) {
		os.MkdirAll(filepath.Dir(m), 0o755)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(nginx, "-t", "-q", "-p", dir, "-c", file, "-e", filepath.Join(dir, "error.log"))
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("nginx -t: %v", err)
	}
	return err == nil, string(out)
}

// fault finds in nginx's message what a parser of the language sees too, and its line.
var fault = regexp.MustCompile(`(unexpected|unknown directive|invalid parameter|not terminated|duplicate upstream|unknown log format|invalid number of arguments in "(?:upstream|server|hash)").*nginx\.conf:(\d+)`)

// newer are the names of what nginx 1.22 refuses and later versions or modules know.
func newer(says string) bool {
	m := regexp.MustCompile(`unknown directive "([^"]+)"`).FindStringSubmatch(says)
	return m != nil && known(m[1]) || regexp.MustCompile(`invalid parameter "(drain|resolve|route=|service=|slow_start=|quic|local|type=|on$)`).MatchString(says)
}

// prefix makes a folder that has what Debian's /etc/nginx has beside the configuration.
func prefix(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Join(dir, "etc", "nginx"), filepath.Join(dir, "var", "log", "nginx"), filepath.Join(dir, "logs"), filepath.Join(dir, "run")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"mime.types", "fastcgi_params", "uwsgi_params", "scgi_params", "proxy_params", "fastcgi.conf"} {
		text, err := os.ReadFile(filepath.Join("/etc/nginx", name))
		if err != nil {
			continue // the comparison then has fewer accepted files, which it counts
		}
		os.WriteFile(filepath.Join(dir, name), text, 0o600)
		os.WriteFile(filepath.Join(dir, "etc", "nginx", name), text, 0o600)
	}
	return dir
}

// What the real program accepts is read without an error and without an affinity directive that is not
// understood.
func TestRealConfigurationsAreUnderstood(t *testing.T) {
	nginx := need.Tool(t, "nginx")
	var accepted, refused, both, wrong int
	for name, raw := range lbtest.Corpus(t, "configs/nginx") {
		dir := prefix(t)
		text, ok, says := settled(raw, dir), false, ""
		for _, w := range wraps {
			wrapped := w.before + settled(raw, dir) + w.after
			var message string
			if ok, message = accepts(t, nginx, dir, wrapped); ok {
				text = wrapped
				break
			}
			if says == "" || fault.MatchString(message) && !strings.Contains(message, "not allowed here") {
				says, text = message, wrapped
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := readConfig(os.DirFS("/"), []string{strings.TrimPrefix(filepath.Join(dir, "nginx.conf"), "/")}, nil)
		switch {
		case ok:
			accepted++
			if err != nil {
				wrong++
				t.Errorf("%s: nginx accepts it, but: %v", name, err)
			}
			for _, u := range cfg.Unknown {
				t.Logf("%s: not understood: %d: %s", name, u.Pos.Line, u.Text)
				if u.Affinity {
					wrong++
					t.Errorf("%s:%d: affinity directive not understood: %s", name, u.Pos.Line, u.Text)
				}
			}
		default:
			refused++
			if m := fault.FindStringSubmatch(says); m != nil && !newer(says) {
				if both++; !tellsOf(cfg, err, m[2]) {
					t.Errorf("%s: nginx says %s; we say %v", name, strings.TrimSpace(says), err)
				}
			}
		}
	}
	t.Logf("nginx -t accepts %d, we differ on %d of them; it refuses %d (most for names, files, modules or versions that this machine lacks), %d for faults of the text, which we report at the same lines",
		accepted, wrong, refused, both)
	if accepted < 60 {
		t.Errorf("only %d configurations were accepted by the real program", accepted)
	}
}

// tellsOf reports whether an error or something not understood stands at that line.
func tellsOf(cfg *topology.Config, err error, line string) bool {
	for _, u := range cfg.Unknown {
		if fmt.Sprint(u.Pos.Line) == line {
			return true
		}
	}
	return err != nil && regexp.MustCompile(`(?m)nginx\.conf:`+line+`: `).MatchString(err.Error())
}

// Every real configuration, accepted or not, is read to its end: errors carry a place.
func TestEveryRealConfigurationGivesATopology(t *testing.T) {
	files, bad := 0, 0
	for name, text := range lbtest.Corpus(t, "configs/nginx") {
		files++
		cfg, err := readText(name, settled(text, "/t"))
		if cfg == nil {
			t.Fatalf("%s: no topology", name)
		}
		for _, u := range cfg.Unknown {
			if u.Affinity {
				t.Logf("%s: affinity may be decided where we cannot look: %s", u.Pos, u.Text)
			}
		}
		if err == nil {
			continue
		}
		bad++
		for _, line := range strings.Split(err.Error(), "\n") {
			t.Log(line)
			if !strings.HasPrefix(line, name+":") && !strings.HasSuffix(line, "more errors") {
				t.Errorf("an error without a place: %s", line)
			}
		}
	}
	t.Logf("%d configurations, %d of them with errors", files, bad)
}
