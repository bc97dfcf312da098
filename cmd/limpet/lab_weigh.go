package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"limpet.dev/internal/lab"
	"limpet.dev/lb/products"
)

func newLabWeigh(e *env, g *global) *cobra.Command {
	var dir, file string
	var write bool
	cmd := &cobra.Command{
		Use:   "weigh",
		Short: "Derive from recorded cases how much each clue weighs",
		Long: `Weigh lets every detector look at every recorded case, whole and with files left out,
and derives how much each clue counts: the logarithm of how much likelier it is in breaks
of its cause than in breaks of others. It prints the weights and how cases are judged by
weights that were derived without them. Run it in a checkout, after lab record.`,
		Example: "  limpet lab weigh\n  limpet lab weigh --write",
		Args:    atMost(0, "lab weigh takes no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cases, err := lab.ReadCases(dir)
			if err != nil {
				return err
			}
			p := newProgress(e, g)
			p.step(fmt.Sprintf("%d cases", len(cases)))
			labelled, err := lab.LabelledCases(cmd.Context(), cases, products.All())
			if err != nil {
				return err
			}
			w, err := lab.Weigh(labelled)
			if err != nil {
				return err
			}
			text, err := lab.MarshalWeights(w)
			if err != nil {
				return err
			}
			if !write {
				if _, err := e.stdout.Write(text); err != nil {
					return err
				}
			} else if err := writeWhole(file, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
				return fmt.Errorf("write weights: %w", plainPathError(err))
			}
			return printHeldOut(e.stdout, lab.JudgeHeldOut(labelled, w))
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "cause/testdata", "the folder of cases")
	cmd.Flags().BoolVar(&write, "write", false, "write the weights to --file instead of standard output")
	cmd.Flags().StringVar(&file, "file", "diagnose/weights.json", "what --write writes")
	return cmd
}

// printHeldOut says how cases are judged by weights derived without them.
func printHeldOut(w io.Writer, held []lab.HeldOut) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "held out, with\tclusters\tright\tbreaks right\tmean confidence in the truth")
	for _, h := range held {
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d of %d\t%.2f\n", h.Variant, h.Clusters, h.Right, h.RightBreaks, h.AllBreaks, h.MeanConfidence())
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, h := range held {
		for _, line := range h.Wrong {
			if _, err := fmt.Fprintln(w, "wrong: "+line); err != nil {
				return err
			}
		}
	}
	return nil
}
