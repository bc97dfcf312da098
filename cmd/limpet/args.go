package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// atLeast wants n arguments or more; missing says which.
func atLeast(n int, missing string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < n {
			return errors.New(missing)
		}
		return nil
	}
}

// atMost wants n arguments or fewer; surplus says what is taken.
func atMost(n int, surplus string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > n {
			return errors.New(surplus)
		}
		return nil
	}
}
