package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"limpet.dev/diagnose"
	"limpet.dev/internal/ingest"
	"limpet.dev/internal/lab"
	"limpet.dev/lb/products"
)

func newLabAccuracy(e *env, g *global) *cobra.Command {
	var write string
	cmd := &cobra.Command{
		Use:   "accuracy DIR",
		Short: "Measure how often diagnoses of a sweep are right",
		Long: `Accuracy diagnoses every run of a sweep as it is, and again with less to go by: without
change records and limpet.yaml, without application events, and from the log file alone.
It prints tables in Markdown: cause ranked first, precision and recall of lost sessions,
false verdicts, and whether its confidence is earned.`,
		Example: "  limpet lab accuracy runs --write docs/accuracy.md",
		Args:    exactlyOne("lab accuracy: name one folder, as limpet lab sweep wrote it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p := newProgress(e, g)
			defer p.end()
			run := func(dir string, ignore func(string) bool) (*diagnose.Report, error) {
				return ingest.Diagnose(cmd.Context(), ingest.Options{Paths: []string{dir}, Products: products.All(), Ignore: ignore})
			}
			all, err := lab.MeasureAll(args[0], run, p.step)
			if err != nil {
				return err
			}
			if write == "" {
				return lab.WriteAccuracy(e.stdout, all)
			}
			if err := writeWhole(write, func(w io.Writer) error { return lab.WriteAccuracy(w, all) }); err != nil {
				return fmt.Errorf("write accuracy: %w", plainPathError(err))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&write, "write", "", "write the tables to this file (default: standard output)")
	return cmd
}
