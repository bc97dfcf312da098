package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"limpet.dev/internal/conform"
)

func newCookiesConform(e *env, _ *global) *cobra.Command {
	return &cobra.Command{
		Use:   "conform FILE...",
		Short: "Run the client engine against vector files",
		Long: `Conform runs files of vectors: what a specification's test-suite expects, or what
real clients were observed to do. It prints each case that comes out otherwise,
by names and reasons without values, and the count of each file. It ends with 1 if a case failed.`,
		Example: "  limpet cookies conform cookies-http-state.json browser-observed.json",
		Args:    atLeast(1, "conform: name the files with vectors"),
		RunE: func(_ *cobra.Command, args []string) error {
			failed := false
			for _, name := range args {
				data, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				result, err := conform.Run(data)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				for _, f := range result.Failed {
					fmt.Fprintf(e.stdout, "%s: %s\n", name, f)
					failed = true
				}
				fmt.Fprintf(e.stdout, "%s: %d passed, %d failed\n", name, result.Passed, len(result.Failed))
			}
			if failed {
				return verdict(exitLost)
			}
			return nil
		},
	}
}
