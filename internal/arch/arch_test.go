package arch

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"limpet.dev/internal/need"
)

func TestImportsPointDown(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	imports, packages, err := Imports(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 5 || len(imports) < 20 {
		t.Fatalf("read %d packages and %d imports: that is not this module", len(packages), len(imports))
	}
	for _, wrong := range Violations(imports, packages) {
		t.Error(wrong)
	}
	goroutines, err := Goroutines(os.DirFS(root), packages)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range goroutines {
		t.Error(wrong)
	}
}

func TestWhatTheTableForbids(t *testing.T) {
	tests := []struct {
		name, file, imports, want string
	}{
		{"down", "cause/a.go", "limpet.dev/session", ""},
		{"down several layers", "cmd/limpet/a.go", "limpet.dev/topology", ""},
		{"sideways", "topology/a.go", "limpet.dev/session", "never sideways"},
		{"up", "session/a.go", "limpet.dev/diagnose", "never sideways"},
		{"between two balancers", "lb/nginx/a.go", "limpet.dev/lb/haproxy", "never sideways"},
		{"a package nobody knows", "internal/misc/a.go", "fmt", "has no layer"},
		{"from a package nobody knows", "cause/a.go", "limpet.dev/internal/misc", "has no layer"},
		{"a module at the bottom", "session/a.go", "github.com/goccy/go-yaml", "may not use"},
		{"YAML where intent is read", "intent/a.go", "github.com/goccy/go-yaml/ast", ""},
		{"YAML in a balancer's package", "lb/traefik/a.go", "github.com/goccy/go-yaml", ""},
		{"a module whose name only starts alike", "intent/a.go", "github.com/goccy/go-yaml-extra", "may not use"},
		{"a module at the top", "cmd/limpet/a.go", "github.com/spf13/cobra", ""},
		{"files in a pure layer", "diagnose/a.go", "os", "are pure"},
		{"a test's helper in the product", "internal/lab/a.go", "limpet.dev/internal/need", "tests and generators"},
		{"a test's helper in the promises", "lb/lbtest/a.go", "limpet.dev/internal/need", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fstest.MapFS{tt.file: {Data: []byte("package a\n\nimport _ \"" + tt.imports + "\"\n")}}
			imports, packages, err := Imports(fsys)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(Violations(imports, packages), "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("%s imports %s: got %q, want %q", tt.file, tt.imports, got, tt.want)
			}
		})
	}
}

func TestAGoroutineInAPureLayerIsFound(t *testing.T) {
	fsys := fstest.MapFS{
		"session/a.go":      {Data: []byte("package session\n\nfunc f() { go f() }\n")},
		"diagnose/a.go":     {Data: []byte("package diagnose\n\nfunc f(wg group) { wg.Go(func() {}) }\n")},
		"internal/lab/a.go": {Data: []byte("package lab\n\nfunc f() { go f() }\n")},
	}
	got, err := Goroutines(fsys, []string{"session", "diagnose", "internal/lab"})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 {
		t.Errorf("found %q, want one place in session and one in diagnose", got)
	}
}
