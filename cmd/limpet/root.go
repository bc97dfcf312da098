package main

import (
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// commands lists what limpet can do, in the order of its help.
var commands = []func(*env, *global) *cobra.Command{
	newDemo,
	newDiagnose,
	newSession,
	newExplain,
	newCookies,
	newScrub,
	newInit,
	newLogline,
	newJourney,
	newLab,
	newVersion,
}

// global are the flags that every command has.
type global struct {
	color     string // auto, always, never
	quiet     bool
	verbose   bool
	logFormat string // text, json
}

const rootHelp = `Limpet finds out why web sessions disappear behind load balancers.

  limpet demo                     see it happen: a shop, a balancer, a planted fault
  limpet diagnose haproxy.log     your own log; add the configuration and events
  limpet explain                  the causes that it knows

Results go to standard output, progress to standard error. Exit codes: 0 nothing
lost, 1 sessions were lost, 2 wrong use, 3 could not tell.`

// newRoot builds the command tree. *started is set when a command's own code begins: what
// failed before is wrong use.
func newRoot(e *env, started *bool) *cobra.Command {
	g := &global{}
	root := &cobra.Command{
		Use:           "limpet",
		Short:         "Find out why web sessions disappear behind load balancers",
		Long:          rootHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			if err := g.check(e); err != nil {
				return err
			}
			*started = true
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
		Args: noCommand,
	}
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	f := root.PersistentFlags()
	f.StringVar(&g.color, "color", "auto", "colours in text: auto, always or never")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "no progress")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "say more on standard error")
	f.StringVar(&g.logFormat, "log-format", "text", "form of messages on standard error: text or json")
	root.CompletionOptions.HiddenDefaultCmd = false
	for _, command := range commands {
		root.AddCommand(command(e, g))
	}
	return root
}

// noCommand rejects a word that names no command, with the nearest that does.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	msg := "unknown command"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		msg += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return errors.New(msg)
}

func (g *global) check(e *env) error {
	if !slices.Contains([]string{"auto", "always", "never"}, g.color) {
		return errors.New("--color is auto, always or never")
	}
	level := slog.LevelInfo
	switch {
	case g.verbose:
		level = slog.LevelDebug
	case g.quiet:
		level = slog.LevelWarn
	}
	opt := &slog.HandlerOptions{Level: level}
	switch g.logFormat {
	case "text":
		e.log = slog.New(slog.NewTextHandler(e.stderr, opt))
	case "json":
		e.log = slog.New(slog.NewJSONHandler(e.stderr, opt))
	default:
		return errors.New("--log-format is text or json")
	}
	return nil
}

// colored says whether text on standard output has colours: NO_COLOR and a dumb terminal turn
// them off unless --color says otherwise.
func (g *global) colored(e *env) bool {
	switch g.color {
	case "always":
		return true
	case "never":
		return false
	}
	return e.terminal && e.getenv("NO_COLOR") == "" && e.getenv("TERM") != "dumb"
}

// talk returns where progress goes.
func (g *global) talk(e *env) io.Writer {
	if g.quiet {
		return io.Discard
	}
	return e.stderr
}
