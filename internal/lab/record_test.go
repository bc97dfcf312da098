package lab

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

func TestACaseIsReadAsItWasWritten(t *testing.T) {
	c := &Case{
		Name: "affinity-absent/seed1", Story: "A shop.\nUsers are signed out.", Cause: "affinity-absent", Also: "samesite-cross-site-post",
		Broken: [][]string{{"s:a", "s:b"}, {"s:c"}},
		Files:  []txtar.File{{Name: "haproxy.log", Data: []byte("line\n")}},
	}
	path := filepath.Join(t.TempDir(), "affinity-absent", "seed1.txtar")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, c.Marshal(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadCase(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, c) {
		t.Errorf("read %+v, want %+v", got, c)
	}
	if !got.Really("s:b") || got.Really("s:d") {
		t.Error("a session is known by each of its pseudonyms, and by no other")
	}
}

func TestACaseWithAWrongCountIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seed1.txtar")
	if err := os.WriteFile(path, []byte("A shop.\n-- haproxy.log --\nline\n-- want --\naffinity-absent\nbreaks 2\nbroken s:a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadCase(path); err == nil || !strings.Contains(err.Error(), "2 breaks are promised and 1 listed") {
		t.Errorf("got error %v", err)
	}
}

// TestRecordTellsAStory records a small case, twisted, and looks at what it holds.
func TestRecordTellsAStory(t *testing.T) {
	t.Parallel()
	path, size, err := Record(t.Context(), RecordOptions{
		Demo:  DemoOptions{Fault: "affinity-absent", LB: "emulated:haproxy", Seed: 3, Clients: 8, Duration: 2 * time.Second},
		Twist: "reload", Dir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := ReadCase(path)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(path) != "reload-seed3.txtar" || size < 1000 || len(c.Broken) < 2 || c.Cause != "affinity-absent" {
		t.Errorf("%s: %d bytes, %d broken, cause %s", filepath.Base(path), size, len(c.Broken), c.Cause)
	}
	for _, want := range []string{"8 clients", "signed out", "The balancer is reloaded once as well", "limpet lab record affinity-absent --lb emulated:haproxy --seed 3 --clients 8 --duration 2s --twist reload"} {
		if !strings.Contains(c.Story, want) {
			t.Errorf("the story lacks %q", want)
		}
	}
	names := map[string]bool{}
	for _, f := range c.Files {
		names[f.Name] = true
	}
	for _, name := range []string{"limpet.yaml", "haproxy.cfg", "haproxy.log", "events.jsonl", "changes.jsonl", "limpet.key"} {
		if !names[name] {
			t.Errorf("the case lacks %s", name)
		}
	}
	if names[TruthFile] {
		t.Error("the truth lies in the bundle")
	}
}
