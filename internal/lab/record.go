package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/tools/txtar"
)

// RecordOptions says which case to record.
type RecordOptions struct {
	// Demo is the run to record. Zero Clients and Duration make it small: 16 clients, 4 s.
	Demo DemoOptions

	// Twist adds something innocent or something that lessens the fault, so that the case looks like
	// another cause; "" adds nothing. Twists names them.
	Twist string

	// Dir is the folder of cases; the file is <Dir>/<cause>/[<twist>-]seed<N>.txtar.
	Dir string
}

// mostCase is the size in bytes above which a case is played again with fewer clients.
const mostCase = 250 << 10

// Record plays a demo and writes it down as a case. It returns the case's file and size in bytes.
func Record(ctx context.Context, opt RecordOptions) (path string, size int, err error) {
	if opt.Demo.Clients <= 0 {
		opt.Demo.Clients = 16
	}
	if opt.Demo.Duration <= 0 {
		opt.Demo.Duration = 4 * time.Second
	}
	opt.Demo.setDefaults()
	if opt.Demo.LB == "" {
		opt.Demo.LB = LBs()[0]
	}
	var text []byte
	for {
		c, err := recordOnce(ctx, opt)
		if err != nil {
			return "", 0, fmt.Errorf("record %s: %w", opt.Demo.Fault, err)
		}
		if text = c.Marshal(); len(text) <= mostCase || opt.Demo.Clients <= 8 {
			break
		}
		opt.Demo.Clients -= max(1, opt.Demo.Clients/5)
		opt.Demo.Progress(fmt.Sprintf("%d KiB are too many; once more with %d clients", len(text)>>10, opt.Demo.Clients))
	}
	path = filepath.Join(opt.Dir, opt.Demo.Fault, opt.file())
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", 0, fmt.Errorf("record case: %w", err)
	}
	return path, len(text), os.WriteFile(path, text, 0o644)
}

// file names the case.
func (o *RecordOptions) file() string {
	name := fmt.Sprintf("seed%d", o.Demo.Seed)
	if o.Twist != "" {
		name = o.Twist + "-" + name
	}
	return name + caseEnding
}

// recordOnce plays once, in a folder that is gone afterwards.
func recordOnce(ctx context.Context, opt RecordOptions) (*Case, error) {
	sc, err := plan(&opt.Demo)
	if err != nil {
		return nil, err
	}
	twisted, err := twist(&opt.Demo, sc, opt.Twist)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "limpet-record-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	st, err := perform(ctx, &opt.Demo, sc, dir)
	if err != nil {
		return nil, err
	}
	truth, err := ReadTruth(dir)
	if err != nil {
		return nil, err
	}
	c := &Case{Cause: truth.Cause, Needs: truth.Needs, Also: twisted.also, Story: story(st, truth, twisted, &opt)}
	for _, l := range truth.Sessions {
		if l.Lost {
			c.Broken = append(c.Broken, slices.Clone(l.Pseudonyms))
		}
	}
	slices.SortFunc(c.Broken, slices.Compare)
	if c.Files, err = bundleFiles(dir); err != nil {
		return nil, err
	}
	return c, checkCase(c, st, truth)
}

// perform plays a scenario from the first listener to the last file.
func perform(ctx context.Context, opt *DemoOptions, sc *scenario, dir string) (*stage, error) {
	st, err := newStage(opt, sc, dir)
	if err != nil {
		return nil, err
	}
	defer st.close()
	if err := st.start(ctx); err != nil {
		return nil, err
	}
	if err := st.run(ctx); err != nil {
		return nil, err
	}
	st.close()
	return st, st.writeBundle()
}

// bundleFiles reads a bundle, but for the truth.
func bundleFiles(dir string) ([]txtar.File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []txtar.File
	for _, e := range entries {
		if e.Name() == TruthFile {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, txtar.File{Name: e.Name(), Data: data})
	}
	return files, nil
}

// checkCase refuses what should not lie in a repository: a run in which the fault cost nothing, one that
// lost sessions that nobody planted, and a credential in any file.
func checkCase(c *Case, st *stage, truth *Truth) error {
	switch {
	case truth.Cause != NoFault && len(c.Broken) < 2:
		return fmt.Errorf("the fault cost %d sessions only: take another seed or more clients", len(c.Broken))
	case truth.Cause == NoFault && len(c.Broken) > 0:
		return fmt.Errorf("%d sessions broke although nothing was planted", len(c.Broken))
	}
	text := c.Marshal()
	for _, p := range st.players {
		for credential := range biographyOf(p).byCredential {
			if credential != "" && bytes.Contains(text, []byte(credential)) {
				return fmt.Errorf("a credential stands in the bundle")
			}
		}
	}
	if slices.ContainsFunc(c.Files, func(f txtar.File) bool {
		return bytes.Contains(f.Data, []byte(sessionCookie+"=")) && !isConfigFile(f.Name)
	}) {
		return fmt.Errorf("a cookie stands in the bundle")
	}
	return nil
}
