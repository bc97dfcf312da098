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
	want, err := schema()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "docs", "limpet.journeys.schema.json"))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/limpet.journeys.schema.json is not current: go generate ./internal/journey (%v)", err)
	}
}
