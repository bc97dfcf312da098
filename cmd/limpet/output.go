package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// outputs are the values of a repeatable -o FORMAT[=FILE].
type outputs struct {
	given []string
	known []string
}

// An output is one form of the result and where it goes; File "" is standard output.
type output struct {
	Format, File string
}

// add gives a command the flag.
func (o *outputs) add(cmd *cobra.Command, known ...string) {
	o.known = known
	cmd.Flags().StringArrayVarP(&o.given, "output", "o", nil,
		"FORMAT or FORMAT=FILE, may be repeated; formats: "+strings.Join(known, ", ")+" (default text)")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(known, cobra.ShellCompDirectiveNoSpace))
}

// list reads the flag: text on standard output if nothing was asked for.
func (o *outputs) list() ([]output, error) {
	var list []output
	onStdout := 0
	for _, g := range o.given {
		format, file, toFile := strings.Cut(g, "=")
		switch {
		case !slices.Contains(o.known, format):
			return nil, usage("-o: unknown format; known: %s", strings.Join(o.known, ", "))
		case toFile && file == "":
			return nil, usage("-o %s=: which file?", format)
		case !toFile || file == "-":
			file = ""
			onStdout++
		}
		list = append(list, output{format, file})
	}
	if onStdout > 1 {
		return nil, usage("-o: one format goes to standard output, give the others a file: -o html=report.html")
	}
	if len(list) == 0 {
		list = []output{{Format: o.known[0]}}
	}
	return list, nil
}

// emit writes every output. A file appears whole or not at all.
func (e *env) emit(list []output, write func(w io.Writer, format string) error) error {
	for _, o := range list {
		if o.File == "" {
			if err := write(e.stdout, o.Format); err != nil {
				return fmt.Errorf("write %s: %w", o.Format, err)
			}
			continue
		}
		err := writeWhole(o.File, func(w io.Writer) error { return write(w, o.Format) })
		if err != nil {
			return fmt.Errorf("write %s: %w", o.Format, plainPathError(err))
		}
	}
	return nil
}

// writeWhole writes a file beside its place and moves it there when it is complete. What is
// no regular file (a pipe, /dev/null) is written directly.
func writeWhole(name string, write func(io.Writer) error) (err error) {
	if st, err := os.Stat(name); err == nil && !st.Mode().IsRegular() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if err := errors.Join(write(f), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
