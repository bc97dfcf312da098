package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
)

// Goroutines returns a line for each place in a pure package that starts a goroutine.
func Goroutines(fsys fs.FS, packages []string) ([]string, error) {
	var wrong []string
	for _, name := range packages {
		if l, ok := layerOf(name); !ok || !l.pure {
			continue
		}
		entries, err := fs.Glob(fsys, path.Join(name, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, file := range entries {
			if matched, _ := path.Match("*_test.go", path.Base(file)); matched {
				continue
			}
			found, err := goroutinesOf(fsys, file)
			if err != nil {
				return nil, err
			}
			wrong = append(wrong, found...)
		}
	}
	return wrong, nil
}

func goroutinesOf(fsys fs.FS, name string) ([]string, error) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	var wrong []string
	ast.Inspect(file, func(n ast.Node) bool {
		if starts(n) {
			wrong = append(wrong, fmt.Sprintf("%s:%d: starts a goroutine: layers 0 to 3 only compute", name, files.Position(n.Pos()).Line))
		}
		return true
	})
	return wrong, nil
}

// starts reports whether a node is a go statement or a call of a group's method Go.
func starts(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.CallExpr:
		sel, ok := n.Fun.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "Go" && len(n.Args) == 1
	}
	return false
}
