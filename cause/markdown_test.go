package cause_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"limpet.dev/cause"
	"limpet.dev/internal/need"
)

// TestTheDocumentIsCurrent: docs/causes.md is generated from the catalogue.
func TestTheDocumentIsCurrent(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "causes.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, cause.Markdown()) {
		t.Error("docs/causes.md is not what the catalogue says; run: go generate ./cause")
	}
}
