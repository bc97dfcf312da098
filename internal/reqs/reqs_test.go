package reqs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"limpet.dev/internal/need"
)

func TestThereAreAllRequirements(t *testing.T) {
	all := All()
	if len(all) != 127 {
		t.Fatalf("%d requirements, want 127", len(all))
	}
	for i, r := range all {
		if want := fmt.Sprintf("S%d", i+1); r.ID != want || r.Text == "" || r.Section == "" {
			t.Errorf("requirement %d is %+v, want %s with text and section", i+1, r, want)
		}
	}
}

func TestTheTableIsCurrent(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	proofs, unknown, err := Proofs(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range unknown {
		t.Errorf("no such requirement: %s", u)
	}
	table, err := os.ReadFile(filepath.Join(root, "docs", "requirements.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(table, Table(proofs)) {
		t.Error("docs/requirements.md is not what the tests say: run go generate ./internal/reqs")
	}
}

func TestWhatTestsSayTheyProve(t *testing.T) {
	fsys := fstest.MapFS{
		"a/a_test.go": {Data: []byte(`package a

// TestClock shifts clocks. Proves S22.
func TestClock() {}

// TestMany proves a lot. Proves S1, S2 and
// S30.
func TestMany() {}

// helper says Proves S3. and is no test.
func helper() {}

// TestTypo: Proves S999.
func TestTypo() {}
`)},
		"cmd/x/testdata/script/demo.txtar": {Data: []byte("# Demo.\n# Proves S74.\nexec x\n-- f --\n# Proves S75.\n")},
		"a/a.go":                           {Data: []byte("package a\n\n// F. Proves S4.\nfunc TestNot() {}\n")},
	}
	proofs, unknown, err := Proofs(fsys)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"S22": "TestClock", "S1": "TestMany", "S2": "TestMany", "S30": "TestMany", "S74": "demo"} {
		if ps := proofs[id]; len(ps) != 1 || ps[0].Name != want {
			t.Errorf("%s is proved by %v, want %s", id, ps, want)
		}
	}
	for _, id := range []string{"S3", "S4", "S75"} {
		if len(proofs[id]) > 0 {
			t.Errorf("%s is proved by %v, want nothing", id, proofs[id])
		}
	}
	if !slices.Equal(unknown, []string{"a/a_test.go: S999"}) {
		t.Errorf("unknown requirements %q", unknown)
	}
}
