// Package arch keeps imports pointing down. Its table says in which layer each package of the
// module lives and what it may use beside lower layers; its test reads every import of
// the module and fails on one that points sideways or up, on a package that has no line
// here, and on a module that its layer may not use.
package arch

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Module is the import path of the module.
const Module = "limpet.dev"

// An Import is one import declaration outside test files.
type Import struct {
	Package string // the importer, relative to the module: "lb/haproxy"
	Path    string // what it imports
	Pos     string // file:line
}

// Imports reads the import declarations below root, a checkout of the module. Tests and
// what lies in testdata may look anywhere and are left out.
func Imports(fsys fs.FS) (imports []Import, packages []string, err error) {
	seen := map[string]bool{}
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_")):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		seen[path.Dir(name)] = true
		found, err := importsOf(fsys, name)
		imports = append(imports, found...)
		return err
	})
	for name := range seen {
		packages = append(packages, name)
	}
	slices.Sort(packages)
	return imports, packages, err
}

func importsOf(fsys fs.FS, name string) ([]Import, error) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, text, parser.ImportsOnly)
	if err != nil {
		return nil, fmt.Errorf("read imports: %w", err)
	}
	var imports []Import
	for _, spec := range file.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		pos := files.Position(spec.Pos())
		imports = append(imports, Import{path.Dir(name), target, fmt.Sprintf("%s:%d", filepath.ToSlash(pos.Filename), pos.Line)})
	}
	return imports, nil
}

// Violations returns what is wrong with a package list and its imports, one line each.
func Violations(imports []Import, packages []string) []string {
	var wrong []string
	for _, name := range packages {
		if _, ok := layerOf(name); !ok {
			wrong = append(wrong, fmt.Sprintf("package %s has no layer: give it a line in internal/arch/layers.go", name))
		}
	}
	for _, i := range imports {
		from, ok := layerOf(i.Package)
		if !ok {
			continue // said above
		}
		if why := objection(from, i); why != "" {
			wrong = append(wrong, i.Pos+": "+why)
		}
	}
	return wrong
}

// objection says why a package of a layer may not import something, "" if it may.
func objection(from layer, i Import) string {
	target, ours := strings.CutPrefix(i.Path, Module+"/")
	switch {
	case ours:
		to, ok := layerOf(target)
		switch {
		case !ok:
			return fmt.Sprintf("%s imports %s, which has no layer", i.Package, target)
		case to.level == beside && from.level != beside && !slices.Contains(helped, i.Package):
			return fmt.Sprintf("%s imports %s, which is for tests and generators only", i.Package, target)
		case to.level != beside && from.level != beside && to.level >= from.level:
			return fmt.Sprintf("%s (layer %d) imports %s (layer %d): imports point down, never sideways", i.Package, from.level, target, to.level)
		}
	case i.Path == Module:
		return i.Package + " imports the module's root, which holds no package"
	case isStandard(i.Path):
		if from.pure && slices.Contains(impure, i.Path) {
			return fmt.Sprintf("%s (layer %d) imports %s: layers 0 to 3 are pure, I/O belongs into layer 4", i.Package, from.level, i.Path)
		}
	default:
		if !from.anyModule && !slices.ContainsFunc(from.modules, func(m string) bool { return i.Path == m || strings.HasPrefix(i.Path, m+"/") }) {
			return fmt.Sprintf("%s (layer %d) may not use %s", i.Package, from.level, i.Path)
		}
	}
	return ""
}

// isStandard tells the standard library: its first element has no dot.
func isStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}
