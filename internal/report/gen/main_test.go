package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"limpet.dev/internal/need"
)

func TestSchemaIsCurrent(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	want, err := schema(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "docs", "limpet.report.v1.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/limpet.report.v1.schema.json is not what the report's types say; run: go generate ./internal/report")
	}
}
