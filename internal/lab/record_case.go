package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/txtar"
)

// A Case is a small recorded bundle with its outcome, kept as a txtar file: the comment tells the story
// in plain words, the files are those of the bundle, and the file want holds the planted cause,
// a second one if there was one, and each session life that broke by the pseudonyms that it went by.
type Case struct {
	Name   string // cause/file, without the ending
	Story  string
	Cause  string     // NoFault for a healthy one
	Also   string     // a second cause at work, "" none
	Needs  []string   // files without which nothing contradicts what happened: sessions then ended as they should
	Broken [][]string // session lives that really broke, each by its pseudonyms, sorted
	Files  []txtar.File
}

// wantFile is the file of a case that holds the outcome; it is never part of the bundle.
const wantFile = "want"

// caseEnding is how files of cases end.
const caseEnding = ".txtar"

// Marshal returns the case as the text of its file.
func (c *Case) Marshal() []byte {
	a := txtar.Archive{Comment: []byte(strings.TrimSpace(c.Story) + "\n\n")}
	a.Files = append(a.Files, c.Files...)
	want := fmt.Appendf(nil, "%s\nbreaks %d\n", c.Cause, len(c.Broken))
	if c.Also != "" {
		want = fmt.Appendf(want, "also %s\n", c.Also)
	}
	for _, name := range c.Needs {
		want = fmt.Appendf(want, "needs %s\n", name)
	}
	for _, life := range c.Broken {
		want = fmt.Appendf(want, "broken %s\n", strings.Join(life, " "))
	}
	a.Files = append(a.Files, txtar.File{Name: wantFile, Data: want})
	return txtar.Format(&a)
}

// ReadCase reads a case from its file.
func ReadCase(path string) (*Case, error) {
	a, err := txtar.ParseFile(path)
	if err != nil {
		return nil, fmt.Errorf("read case: %w", err)
	}
	c := &Case{Story: strings.TrimSpace(string(a.Comment))}
	c.Name = filepath.Base(filepath.Dir(path)) + "/" + strings.TrimSuffix(filepath.Base(path), caseEnding)
	for _, f := range a.Files {
		if f.Name != wantFile {
			c.Files = append(c.Files, f)
			continue
		}
		if err := c.want(string(f.Data)); err != nil {
			return nil, fmt.Errorf("read case: %s: want: %w", path, err)
		}
	}
	if c.Cause == "" || len(c.Files) == 0 {
		return nil, fmt.Errorf("read case: %s holds no bundle with a file %s", path, wantFile)
	}
	return c, nil
}

// want reads the outcome.
func (c *Case) want(text string) error {
	breaks := 0
	for line := range strings.Lines(text) {
		var err error
		switch word, rest, _ := strings.Cut(strings.TrimSpace(line), " "); {
		case rest == "":
			c.Cause = word
		case word == "breaks":
			breaks, err = strconv.Atoi(rest)
		case word == "broken":
			c.Broken = append(c.Broken, strings.Fields(rest))
		case word == "needs":
			c.Needs = append(c.Needs, rest)
		case word == "also":
			c.Also = rest
		default:
			err = fmt.Errorf("unknown word %q", word)
		}
		if err != nil {
			return err
		}
	}
	if breaks != len(c.Broken) {
		return fmt.Errorf("%d breaks are promised and %d listed", breaks, len(c.Broken))
	}
	return nil
}

// Really reports whether a session, by any of its pseudonyms, broke in truth.
func (c *Case) Really(pseudonym string) bool {
	return slices.ContainsFunc(c.Broken, func(life []string) bool { return slices.Contains(life, pseudonym) })
}

// ReadCases reads all cases below a folder (<dir>/<cause>/*.txtar), in the order of their names.
func ReadCases(dir string) ([]*Case, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*"+caseEnding))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("read cases: %s holds none", dir)
	}
	slices.Sort(paths)
	cases := make([]*Case, len(paths))
	for i, p := range paths {
		if cases[i], err = ReadCase(p); err != nil {
			return nil, err
		}
	}
	return cases, nil
}

// Extract writes the bundle into dir, which exists.
func (c *Case) Extract(dir string) error {
	for _, f := range c.Files {
		if !filepath.IsLocal(f.Name) {
			return fmt.Errorf("extract case %s: file name leaves the folder", c.Name)
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			return fmt.Errorf("extract case %s: %w", c.Name, err)
		}
	}
	return nil
}
