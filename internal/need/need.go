// Package need is how a test says what it cannot run without: a program, a part of the
// corpus that lies beside the checkout. On a developer's machine a test whose need is missing
// says so loudly and is skipped; in CI (CI=true) it fails, so nothing is skipped there.
// Only tests import it.
package need

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// places are looked into beside the PATH: Debian keeps daemons in sbin folders, which are
// not in every user's PATH.
var places = []string{"/usr/sbin", "/usr/local/sbin", "/sbin"}

// Tool returns the path of a program.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, ok := find(name)
	if !ok {
		missing(t, name+" is not installed (make test installs it)")
	}
	return path
}

// Corpus returns the path of a folder or file of the corpus of real configurations and logs,
// such as "logs/haproxy". The corpus lies in shared/corpus beside the checkout.
func Corpus(t testing.TB, name string) string {
	t.Helper()
	return Shared(t, filepath.Join("corpus", name))
}

// Shared returns the path of a folder or file in the folder shared beside the checkout.
func Shared(t testing.TB, name string) string {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(root), "shared", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		missing(t, filepath.Join("..", "shared", name)+" is not beside the checkout")
	}
	return path
}

// Root returns the folder of go.mod, above the folder in which the test runs.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", os.ErrNotExist
		}
		dir = up
	}
}

// InCI says whether this run may skip nothing.
func InCI() bool { return os.Getenv("CI") == "true" }

// missing ends the test: it fails in CI and is skipped elsewhere.
func missing(t testing.TB, what string) {
	t.Helper()
	if InCI() {
		t.Fatalf("MISSING in CI, where nothing is skipped: %s", what)
	}
	t.Skipf("SKIPPED: %s", what)
}

func find(name string) (string, bool) {
	if path, err := exec.LookPath(name); err == nil {
		return path, true
	}
	for _, dir := range places {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, true
		}
	}
	return "", false
}

// Lines returns up to most lines of each file of a folder of the corpus, without their ends: seeds for fuzzing. It
// returns none where there is no corpus, as fuzzing finds its own.
func Lines(folder string, most int) [][]byte {
	root, err := Root()
	if err != nil {
		return nil
	}
	var lines [][]byte
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(root), "shared", "corpus", filepath.FromSlash(folder), "*"))
	for _, file := range files {
		data, _ := os.ReadFile(file)
		n := 0
		for line := range bytes.Lines(data) {
			if n++; n > most {
				break
			}
			lines = append(lines, bytes.TrimRight(line, "\r\n"))
		}
	}
	return lines
}
