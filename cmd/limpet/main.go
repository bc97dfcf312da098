// Command limpet explains why web sessions disappear behind load balancers.
package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// env is everything that a command may touch outside its arguments.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	terminal       bool // stdout is one
	talkTerminal   bool // stderr is one
	width          int  // of the terminal in columns, 0 none
	log            *slog.Logger
}

func main() { os.Exit(realMain()) }

func realMain() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	e := &env{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
		terminal:     term.IsTerminal(int(os.Stdout.Fd())),
		talkTerminal: term.IsTerminal(int(os.Stderr.Fd())),
	}
	if e.terminal {
		e.width, _, _ = term.GetSize(int(os.Stdout.Fd()))
	}
	return run(ctx, e, os.Args[1:])
}
