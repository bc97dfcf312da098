package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"limpet.dev/internal/ingest"
	"limpet.dev/topology"
)

// Exit codes. They do not depend on the output format.
const (
	exitClean     = 0
	exitLost      = 1 // sessions were lost
	exitUsage     = 2 // wrong use, or a limpet.yaml that cannot be read as one
	exitNotProven = 3 // could not complete: input missing, unreadable or too partial to decide
	exitUnsafe    = 4 // a safety rule stopped it
)

// A usageError is a command line that cannot be meant.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// A verdict is a command's result that is an exit code and no error.
type verdict int

func (v verdict) Error() string { return fmt.Sprintf("exit code %d", int(v)) }

// run is the program: arguments in, exit code out. No panic gets past it, because a trace
// could show what was read.
func run(ctx context.Context, e *env, args []string) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(e.stderr, "limpet: internal error%s; please report it\n", at(p))
			code = exitNotProven
		}
	}()
	started := false
	root := newRoot(e, &started)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !started {
		err = &usageError{err}
	}
	return e.exit(cmd, err)
}

// exit says what went wrong, if anything did, and returns the code for it.
func (e *env) exit(cmd *cobra.Command, err error) int {
	if err == nil {
		return exitClean
	}
	if v, ok := errors.AsType[verdict](err); ok {
		return int(v)
	}
	_, wrongUse := errors.AsType[*usageError](err)
	e.complain(err, wrongUse, cmd)
	if wrongUse {
		return exitUsage
	}
	if _, ok := errors.AsType[*ingest.MissingError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*topology.SyntaxError](err); ok {
		return exitUsage
	}
	return exitNotProven
}

// complain says what went wrong, in the form that was asked for.
func (e *env) complain(err error, wrongUse bool, cmd *cobra.Command) {
	text := strings.TrimSpace(err.Error())
	if f := cmd.Flag("log-format"); f != nil && f.Value.String() == "json" && e.log != nil {
		e.log.Error("failed", "command", cmd.CommandPath(), "error", text)
		return
	}
	fmt.Fprintf(e.stderr, "limpet: %s\n", text)
	if wrongUse {
		fmt.Fprintf(e.stderr, "Try: %s --help\n", cmd.CommandPath())
	}
}

// at names the place of a panic: a line of our code tells nothing of the input. The panic's
// own text could, unless it is the runtime's.
func at(p any) string {
	what := ""
	if r, ok := p.(runtime.Error); ok {
		what = " (" + strings.SplitN(r.Error(), "\n", 2)[0] + ")"
	}
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, "limpet.dev/") || strings.HasPrefix(f.Function, "main.") {
			return fmt.Sprintf("%s in %s, line %d", what, f.Function, f.Line)
		}
		if !more {
			return what
		}
	}
}

// plainPathError drops the operation's name that Go puts first: "open x: …" says nothing that
// "read configuration: x: …" does not.
func plainPathError(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}
