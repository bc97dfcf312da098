// Package reqs keeps the table of requirements and the tests that prove them. A test says
// "Proves S22." (or "Proves S1, S2 and S30.") in its doc comment, a script at its head;
// docs/requirements.md is generated from that.
package reqs

import (
	_ "embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

//go:generate go run ./gen ../../docs/requirements.md

// requirements.txt holds a line for each requirement, under headings that begin with ##.
//
//go:embed requirements.txt
var list string

// A Requirement is one line of what Limpet must do.
type Requirement struct {
	ID      string // S1 to S127
	Text    string
	Section string
}

// All returns the requirements in their order.
func All() []Requirement {
	var all []Requirement
	section := ""
	for line := range strings.Lines(list) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section = heading
			continue
		}
		if id, text, ok := strings.Cut(line, " "); ok {
			all = append(all, Requirement{id, text, section})
		}
	}
	return all
}

// A Proof is a test that proves requirements.
type Proof struct {
	File string // relative to the module's root
	Name string // of the test; of the file for a script
}

// Proofs finds the tests below fsys that say what they prove, by requirement. Names that are
// no requirement are in unknown, with their file.
func Proofs(fsys fs.FS) (proofs map[string][]Proof, unknown []string, err error) {
	known := map[string]bool{}
	for _, r := range All() {
		known[r.ID] = true
	}
	proofs = map[string][]Proof{}
	add := func(p Proof, text string) {
		for _, id := range claims(text) {
			if !known[id] {
				unknown = append(unknown, p.File+": "+id)
			}
			if !slices.Contains(proofs[id], p) {
				proofs[id] = append(proofs[id], p)
			}
		}
	}
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return fs.SkipDir
		case strings.HasSuffix(name, "_test.go"):
			return goProofs(fsys, name, add)
		case strings.HasSuffix(name, ".txtar") && strings.Contains(name, "testdata/script/"):
			return scriptProofs(fsys, name, add)
		}
		return nil
	})
	for _, ps := range proofs {
		slices.SortFunc(ps, func(a, b Proof) int { return strings.Compare(a.File+" "+a.Name, b.File+" "+b.Name) })
	}
	return proofs, unknown, err
}

// claim is one sentence that says what is proved.
var claim = regexp.MustCompile(`Proves (S\d+(?:(?:, | and |, and )S\d+)*)\.`)

var id = regexp.MustCompile(`S\d+`)

func claims(text string) []string {
	var ids []string
	for _, m := range claim.FindAllStringSubmatch(strings.Join(strings.Fields(text), " "), -1) {
		ids = append(ids, id.FindAllString(m[1], -1)...)
	}
	return ids
}

func goProofs(fsys fs.FS, name string, add func(Proof, string)) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if ok && f.Doc != nil && isTest(f.Name.Name) {
			add(Proof{name, f.Name.Name}, f.Doc.Text())
		}
	}
	return nil
}

func isTest(name string) bool {
	return strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz") || strings.HasPrefix(name, "Example")
}

// scriptProofs reads the comment lines of a script, which stand before its files.
func scriptProofs(fsys fs.FS, name string, add func(Proof, string)) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	var comment strings.Builder
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "-- ") {
			break
		}
		if c, ok := strings.CutPrefix(line, "#"); ok {
			comment.WriteString(c)
		}
	}
	add(Proof{name, strings.TrimSuffix(path.Base(name), ".txtar")}, comment.String())
	return nil
}
