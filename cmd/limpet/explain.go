package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"limpet.dev/cause"
)

func newExplain(e *env, _ *global) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [CAUSE]",
		Short: "Explain a cause: what happens, how to prove it, how to cure it",
		Long:  "Explain prints a cause's page. Without an argument it lists the causes that Limpet knows.",
		Args:  atMost(1, "explain: one cause at a time"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return causeIDs(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listCauses(e.stdout)
			}
			c, ok := cause.Find(args[0])
			if !ok {
				return unknownCause(args[0])
			}
			return explain(e.stdout, c)
		},
	}
}

func causeIDs() []string {
	var ids []string
	for _, c := range cause.All() {
		ids = append(ids, c.ID)
	}
	return ids
}

func unknownCause(id string) error {
	var near []string
	for _, known := range causeIDs() {
		for _, word := range strings.Split(strings.ToLower(id), "-") {
			if len(word) > 3 && strings.Contains(known, word) && !slices.Contains(near, known) {
				near = append(near, known)
			}
		}
	}
	if len(near) > 0 {
		return &usageError{errors.New("unknown cause; did you mean " + strings.Join(near, " or ") + "?")}
	}
	return &usageError{errors.New("unknown cause; limpet explain lists all")}
}

func listCauses(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "CAUSE\tCATEGORY\tWHAT HAPPENS")
	for _, c := range cause.All() {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", c.ID, c.Category, c.Title)
	}
	return tw.Flush()
}

// explain writes a cause's page.
func explain(w io.Writer, c cause.Cause) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n\n", c.ID, c.Title)
	fmt.Fprintf(&b, "Category: %s\nRoot:     %s\n", c.Category, c.Root)
	section := func(title, text string) {
		if text = strings.TrimSpace(text); text != "" {
			fmt.Fprintf(&b, "\n%s\n%s\n", title, indent(text))
		}
	}
	section("What happens", c.Summary)
	section("What users notice", c.LooksAs)
	section("Cure", c.Remedy)
	section("Way back", c.Rollback)
	section("Step by step", c.Runbook)
	section("What the diagnosis reads", uses(c.Uses))
	section("Easily taken for", neighbours(c.Neighbours))
	if c.Lab.Fault != "" {
		section("See it", "limpet demo --fault "+c.Lab.Fault)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func uses(sources []cause.Source) string {
	var lines []string
	for _, s := range sources {
		lines = append(lines, "- "+string(s))
	}
	return strings.Join(lines, "\n")
}

func neighbours(of map[string]string) string {
	var lines []string
	for _, id := range slices.Sorted(maps.Keys(of)) {
		lines = append(lines, "- "+id+": "+of[id])
	}
	return strings.Join(lines, "\n")
}

func indent(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}
