package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"limpet.dev/intent"
	"limpet.dev/internal/ingest"
	"limpet.dev/lb/products"
)

func newInit(e *env, g *global) *cobra.Command {
	var show bool
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write limpet.yaml from what lies in a folder",
		Long: `Init looks at the configurations, logs, events and changes in a folder and writes a
limpet.yaml that says what it inferred, and from where, in comments. Read it, put
right what is wrong, and keep it under version control. An existing limpet.yaml is
never overwritten.`,
		Args: atMost(1, "init: one folder at a time"),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			if st, err := os.Stat(dir); err != nil || !st.IsDir() {
				return usage("init: that is no folder")
			}
			files, err := ingest.Survey(dir, products.All())
			if err != nil {
				return err
			}
			text, err := infer(dir, files).text()
			if err != nil {
				return err
			}
			if show {
				_, err = e.stdout.Write(text)
				return err
			}
			return writeNew(e, g, filepath.Join(dir, intent.FileName), text)
		},
	}
	cmd.Flags().BoolVar(&show, "print", false, "print it instead of writing the file")
	return cmd
}

// writeNew writes a file that must not be there yet.
func writeNew(e *env, g *global, name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usage("%s is there already and stays as it is; --print shows what would be written", name)
	}
	if err != nil {
		return fmt.Errorf("write %w", plainPathError(err))
	}
	if _, err := f.Write(text); err != nil {
		return errors.Join(fmt.Errorf("write %w", plainPathError(err)), f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	newProgress(e, g).step("wrote " + name + "; read it and put right what is wrong")
	return nil
}
