package main

import (
	"github.com/spf13/cobra"
)

func newCookies(e *env, g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cookies",
		Short: "What clients do with cookies",
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Args:  noCommand,
	}
	cmd.AddCommand(newCookiesConform(e, g))
	return cmd
}
