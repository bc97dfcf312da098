package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"limpet.dev/diagnose"
	"limpet.dev/internal/ingest"
	"limpet.dev/internal/report"
	"limpet.dev/lb/products"
)

// A diagnosis is the flags of commands that diagnose.
type diagnosis struct {
	config       []string
	since, until string
	zone         string
	seed         int64
	out          outputs
}

func newDiagnose(e *env, g *global) *cobra.Command {
	d := &diagnosis{}
	cmd := &cobra.Command{
		Use:   "diagnose BUNDLE | FILE...",
		Short: "Find every disappeared session and its cause",
		Long: `Diagnose reads logs, configurations, application events and changes, and says
which sessions were lost and why. It recognises files by what is in them: name a
folder, single files, globs, compressed files (.gz, .zst), or - for a log on
standard input. A limpet.yaml among them says what should be true.

Credentials leave it as pseudonyms only. Their key is limpet.key in the folder,
or the file that LIMPET_KEY_FILE names; without one, pseudonyms of two runs differ.

Exit codes: 0 nothing lost, 1 sessions were lost, 2 wrong use, 3 not proven: the
inputs could not have shown it.`,
		Example: `  limpet diagnose haproxy.log
  limpet diagnose -c haproxy.cfg haproxy.log.1.gz haproxy.log events.jsonl
  limpet diagnose incident/ -o text -o html=report.html -o json=report.json`,
		Args: atLeast(1, "diagnose: name a bundle or files; - is standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := d.out.list()
			if err != nil {
				return err
			}
			r, err := d.run(cmd.Context(), e, g, args)
			if err != nil {
				return err
			}
			if err := e.emitReport(g, list, r); err != nil {
				return err
			}
			return exitOf(r)
		},
	}
	d.flags(cmd)
	d.out.add(cmd, report.Formats()...)
	return cmd
}

// flags gives a command what says how to diagnose.
func (d *diagnosis) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&d.config, "config", "c", nil, "a balancer's configuration, or limpet.yaml; may be repeated")
	f.StringVar(&d.since, "since", "", "leave out what was before (2026-01-02T15:04:05Z, 2026-01-02 15:04)")
	f.StringVar(&d.until, "until", "", "leave out what was after")
	f.StringVar(&d.zone, "zone", "", "time zone of times that carry none, such as Europe/Vienna (default: that of the balancer's other times, else UTC)")
	f.Int64Var(&d.seed, "seed", 0, "note a seed in the report")
}

// run reads args and makes the report.
func (d *diagnosis) run(ctx context.Context, e *env, g *global, args []string) (*diagnose.Report, error) {
	opt, err := d.options(e, args)
	if err != nil {
		return nil, err
	}
	p := newProgress(e, g)
	opt.Progress = p.bytes
	r, err := ingest.Diagnose(ctx, opt)
	p.end()
	if err == nil {
		e.logInputs(r, time.Since(p.began))
	}
	return r, err
}

// logInputs says for -v what was read, and how long everything took.
func (e *env) logInputs(r *diagnose.Report, took time.Duration) {
	for _, in := range r.Inputs {
		e.log.Debug("input read", "path", in.Path, "format", in.Format, "lines", in.Lines, "events", in.Events, "skipped", in.Skipped)
	}
	e.log.Debug("diagnosis made", "verdict", r.Verdict, "breaks", r.Totals.Breaks, "took", took)
}

func (d *diagnosis) options(e *env, args []string) (ingest.Options, error) {
	zone, err := time.LoadLocation(d.zone)
	if err != nil {
		return ingest.Options{}, usage("--zone: that is no time zone; write it as Europe/Vienna or UTC")
	}
	since, err := parseTime("--since", d.since, zone)
	if err != nil {
		return ingest.Options{}, err
	}
	until, err := parseTime("--until", d.until, zone)
	if err != nil {
		return ingest.Options{}, err
	}
	if !since.IsZero() && !until.IsZero() && !since.Before(until) {
		return ingest.Options{}, usage("--since is not before --until")
	}
	if d.zone == "" {
		zone = nil // as the balancer's other times show it
	}
	return ingest.Options{
		Paths: args, Config: d.config, Products: products.All(), Stdin: e.stdin, KeyFile: e.getenv("LIMPET_KEY_FILE"),
		Since: since, Until: until, Zone: zone, Seed: d.seed,
	}, nil
}

// timeForms are the ways to write --since and --until; those without a zone are in --zone.
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"}

// parseTime reads a point in time, "" is none.
func parseTime(flag, text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range timeForms {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usage("%s: write a time as 2026-01-02T15:04:05Z or 2026-01-02 15:04", flag)
}

// emitReport writes a report in every form that was asked for.
func (e *env) emitReport(g *global, list []output, r *diagnose.Report) error {
	return e.emit(list, func(w io.Writer, format string) error {
		return report.Write(w, format, r, e.look(g, w))
	})
}

// look says how text appears on w.
func (e *env) look(g *global, w io.Writer) report.Options {
	if w != e.stdout {
		return report.Options{}
	}
	return report.Options{Color: g.colored(e), Width: e.width}
}

// exitOf turns a report's verdict into the exit code; it does not depend on formats.
func exitOf(r *diagnose.Report) error {
	switch r.Verdict {
	case diagnose.VerdictLost:
		return verdict(exitLost)
	case diagnose.VerdictHealthy:
		return nil
	}
	return verdict(exitNotProven)
}
