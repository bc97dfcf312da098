package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"limpet.dev/cookie"
	"limpet.dev/internal/client"
	"limpet.dev/internal/differential"
)

// differentialFlags are the flags of limpet cookies differential.
type differentialFlags struct {
	seed     uint64
	cases    int
	out      string
	chromium string
	firefox  string
}

func newCookiesDifferential(e *env, g *global) *cobra.Command {
	var f differentialFlags
	cmd := &cobra.Command{
		Use:   "differential",
		Short: "Compare the client engine with real browsers on generated cases",
		Long: `Differential plays generated scenarios with a real Chromium and a real Firefox and with
the client engine, against a server on loopback, and writes where they disagree.
Nothing leaves this machine. It ends with 1 if a browser agrees on less than 99.5 %.`,
		Example: "  limpet cookies differential --cases 3000 -o docs/cookies-differential.md",
		Args:    atMost(0, "differential: it takes no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), e, g.talk(e))
		},
	}
	flags := cmd.Flags()
	flags.Uint64Var(&f.seed, "seed", 1, "of the generated scenarios")
	flags.IntVar(&f.cases, "cases", 3000, "how many cases at least")
	flags.StringVarP(&f.out, "output", "o", "", "write the report to a file")
	flags.StringVar(&f.chromium, "chromium", "chromium", `the program; "" leaves it out`)
	flags.StringVar(&f.firefox, "firefox", "firefox-esr", `the program; "" leaves it out`)
	return cmd
}

func (f *differentialFlags) run(ctx context.Context, e *env, talk io.Writer) error {
	site, err := differential.NewSite()
	if err != nil {
		return err
	}
	defer site.Close()
	var results []*differential.Result
	for _, b := range []struct {
		name, row, program string
		start              func() (client.Client, error)
	}{
		{"chromium", "chrome", f.chromium, func() (client.Client, error) {
			return client.StartChromium(ctx, client.BrowserOptions{Program: f.chromium, Hosts: []string{"*"}})
		}},
		{"firefox", "firefox", f.firefox, func() (client.Client, error) {
			return client.StartFirefox(ctx, client.BrowserOptions{Program: f.firefox, Hosts: differential.Hosts})
		}},
	} {
		if b.program == "" {
			continue
		}
		r, err := f.compare(ctx, b.name, b.row, b.start, site, talk)
		if err != nil {
			return err
		}
		r.Version = version(ctx, b.program)
		results = append(results, r)
	}
	return f.write(e, results)
}

func (f *differentialFlags) compare(ctx context.Context, name, row string, start func() (client.Client, error), site *differential.Site, talk io.Writer) (*differential.Result, error) {
	scenarios := differential.Generate(f.seed, f.cases)
	kind, _ := cookie.ClientNamed(row)
	browser, err := start()
	if err != nil {
		return nil, err
	}
	defer browser.Close()
	return differential.Run(ctx, scenarios, browser, name, kind, site, func(done int) {
		if done%25 == 0 || done == len(scenarios) {
			fmt.Fprintf(talk, "%s: %d of %d scenarios\n", name, done, len(scenarios))
		}
	})
}

func (f *differentialFlags) write(e *env, results []*differential.Result) error {
	var report bytes.Buffer
	if err := differential.Markdown(&report, f.seed, f.cases, results); err != nil {
		return err
	}
	if f.out == "" {
		if _, err := e.stdout.Write(report.Bytes()); err != nil {
			return err
		}
	} else if err := os.WriteFile(f.out, report.Bytes(), 0o644); err != nil {
		return err
	}
	for _, r := range results {
		fmt.Fprintf(e.stderr, "%s: %d cases, %d disagreements, %.2f %% agreement\n", r.Browser, r.Cases, len(r.Differs), 100*r.Agreement())
		if r.Agreement() < 0.995 {
			return verdict(exitLost)
		}
	}
	return nil
}

// version asks a program which it is.
func version(ctx context.Context, program string) string {
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return program
	}
	return strings.TrimSpace(string(out))
}
