package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"limpet.dev/internal/lab"
)

func newLabFaults(e *env) *cobra.Command {
	var write string
	cmd := &cobra.Command{
		Use:   "faults",
		Short: "Say which causes can be planted on which balancers, and why not otherwise",
		Long: `Faults goes over the catalogue and the balancers of the lab and says, in a Markdown table,
what can be planted where. A balancer that cannot show a cause is named with the reason.`,
		Example: "  limpet lab faults\n  limpet lab faults --write docs/faults.md",
		Args:    atMost(0, "lab faults takes no arguments, only flags"),
		RunE: func(*cobra.Command, []string) error {
			if write == "" {
				return lab.WriteFaults(e.stdout)
			}
			if err := writeWhole(write, func(w io.Writer) error { return lab.WriteFaults(w) }); err != nil {
				return fmt.Errorf("write faults: %w", plainPathError(err))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&write, "write", "", "write the table to this file (default: standard output)")
	return cmd
}
