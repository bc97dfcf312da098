//go:generate go run ./gen ../../docs/limpet.report.v1.schema.json

// Package report writes a diagnose.Report: text for a terminal at night, JSON for programs,
// Markdown for issue comments, and one HTML file that needs no network.
//
// A format is one file. What a report's strings hold came from somebody's configuration, log
// or browser: every writer neutralises it for its medium (clean.go, escape in markdown.go,
// html/template and svg.go).
package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"limpet.dev/diagnose"
)

// Options say how a report looks. The zero value is plain text, 100 columns wide.
type Options struct {
	// Color permits ANSI colours in text. Whoever knows the terminal decides.
	Color bool

	// Width is the number of columns of text; 0 means 100, less than 60 counts as 60.
	Width int
}

// A format is one way to write a report.
type format struct {
	name  string
	write func(w *bufio.Writer, r *diagnose.Report, opt Options) error
}

var formats = []format{
	{"text", writeText},
	{"json", writeJSON},
	{"markdown", writeMarkdown},
	{"html", writeHTML},
}

// Formats lists what Write can write, the default first.
func Formats() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.name
	}
	return names
}

// Write writes r to w in one of Formats. The error says an unknown format, or that writing failed.
func Write(w io.Writer, name string, r *diagnose.Report, opt Options) error {
	for _, f := range formats {
		if f.name != name {
			continue
		}
		out := bufio.NewWriterSize(w, 64<<10)
		if err := f.write(out, r, opt); err != nil {
			return fmt.Errorf("write report as %s: %w", name, err)
		}
		if err := out.Flush(); err != nil {
			return fmt.Errorf("write report as %s: %w", name, err)
		}
		return nil
	}
	return fmt.Errorf("unknown report format %q (known: %s)", name, strings.Join(Formats(), ", "))
}

// Story writes one session as text lanes: client, tiers, instances and store side by side,
// one request a line, in order of time.
func Story(w io.Writer, s diagnose.Story, opt Options) error {
	out := bufio.NewWriter(w)
	p := newPage(out, opt)
	p.story(&s, false)
	if err := p.err; err != nil {
		return fmt.Errorf("write story: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write story: %w", err)
	}
	return nil
}
