package main

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"limpet.dev/diagnose"
	"limpet.dev/internal/ingest"
	"limpet.dev/internal/lab"
	"limpet.dev/lb/products"
)

func newLab(e *env, g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Work with bundles whose truth is known",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLabScore(e, g), newLabRecord(e, g), newLabWeigh(e, g), newLabSweep(e, g), newLabAccuracy(e, g), newLabFaults(e))
	return cmd
}

func newLabScore(e *env, g *global) *cobra.Command {
	var out outputs
	cmd := &cobra.Command{
		Use:   "score DIR...",
		Short: "Compare diagnoses with what really happened",
		Long: `Score diagnoses each bundle and compares the report with the bundle's truth.json:
cause ranked first, precision and recall of lost sessions, verdicts that are false,
and every difference. diagnose itself never opens truth.json.`,
		Example: "  limpet demo --keep run1; limpet lab score run1",
		Args:    atLeast(1, "lab score: name the bundles of the lab"),
		RunE: func(cmd *cobra.Command, dirs []string) error {
			list, err := out.list()
			if err != nil {
				return err
			}
			for _, dir := range dirs {
				if _, err := os.Stat(filepath.Join(dir, lab.TruthFile)); err != nil {
					return usage("%s holds no %s: score compares bundles of the lab", dir, lab.TruthFile)
				}
			}
			table, err := score(cmd.Context(), e, g, dirs)
			if err != nil {
				return err
			}
			return e.emit(list, func(w io.Writer, format string) error {
				if format == "json" {
					return table.WriteJSON(w)
				}
				return table.WriteText(w)
			})
		},
	}
	out.add(cmd, "text", "json")
	return cmd
}

func score(ctx context.Context, e *env, g *global, dirs []string) (*lab.ScoreTable, error) {
	p := newProgress(e, g)
	defer p.end()
	return lab.Score(dirs, func(dir string) (*diagnose.Report, error) {
		return ingest.Diagnose(ctx, ingest.Options{Paths: []string{dir}, Products: products.All(), Progress: p.bytes})
	})
}
