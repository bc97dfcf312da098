package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"limpet.dev/cause"
	"limpet.dev/diagnose"
	"limpet.dev/internal/ingest"
	"limpet.dev/internal/lab"
	"limpet.dev/internal/report"
	"limpet.dev/lb/products"
)

// htmlName is the report that demo leaves in the bundle.
const htmlName = "report.html"

// A demo is the flags of limpet demo.
type demo struct {
	opt     lab.DemoOptions
	faults  []string
	without []string
	list    bool
	out     outputs
}

func newDemo(e *env, g *global) *cobra.Command {
	d := &demo{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it happen: a shop, a balancer, a planted fault, the diagnosis",
		Long: `Demo starts a small web shop as several instances on this machine, a balancer in
front of them and customers with browsers' cookie jars; it plants a fault, and then
diagnoses what the balancer and the shop wrote down. The balancer is HAProxy if it
is installed, else an emulator that routes and logs as HAProxy would. Nothing
leaves the loopback interface.

Exit codes are those of diagnose: 1 when sessions were lost, as planted.`,
		Example: `  limpet demo
  limpet demo --list
  limpet demo --fault samesite-cross-site-post --seed 7
  limpet demo --fault none`,
		Args: atMost(0, "demo takes no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if d.list {
				return listFaults(e.stdout)
			}
			return d.run(cmd.Context(), e, g)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&d.faults, "fault", []string{lab.DefaultFault}, "the cause to plant, or none; --list names them; two, with a comma, are planted together")
	f.StringVar(&d.opt.Also, "also", "", "a second cause to plant beside it")
	f.StringVar(&d.opt.LB, "lb", "", "one of "+strings.Join(lab.LBs(), ", ")+" (default: the real haproxy if it is installed)")
	f.Int64Var(&d.opt.Seed, "seed", 1, "fixes the plan: who does what, when and where the fault strikes")
	f.IntVar(&d.opt.Clients, "clients", 0, "how many clients (default 72)")
	f.DurationVar(&d.opt.Duration, "duration", 0, "how long they shop (default 9s)")
	f.Int64Var(&d.opt.Followups, "followups", 0, "play without pauses until there were so many follow-up requests, for runs of a hundred thousand and more")
	f.StringVar(&d.opt.Dir, "keep", "", "write the bundle to this folder (default: a new temporary one)")
	f.StringSliceVar(&d.without, "without", nil, "leave out of the bundle: events, changes, intent")
	f.StringVar(&d.opt.LogDetail, "log-detail", lab.LogFull, "full (what limpet logline prints) or default (plain httplog)")
	f.BoolVar(&d.list, "list", false, "list the faults, one a line")
	d.out.add(cmd, report.Formats()...)
	_ = cmd.RegisterFlagCompletionFunc("fault", cobra.FixedCompletions(append(lab.Faults(), lab.NoFault), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (d *demo) run(ctx context.Context, e *env, g *global) error {
	list, err := d.out.list()
	if err != nil {
		return err
	}
	if err := d.check(); err != nil {
		return err
	}
	p := newProgress(e, g)
	d.opt.Progress = p.step
	p.step(d.headline())
	dir, err := lab.Demo(ctx, d.opt)
	if err != nil {
		return err
	}
	p.step("diagnosing what was written down")
	r, err := ingest.Diagnose(ctx, ingest.Options{Paths: []string{dir}, Products: products.All(), Seed: d.opt.Seed, Progress: p.bytes})
	p.end()
	if err != nil {
		return err
	}
	html := filepath.Join(dir, htmlName)
	if err := e.emit([]output{{"html", html}}, func(w io.Writer, format string) error {
		return report.Write(w, format, r, report.Options{})
	}); err != nil {
		return err
	}
	if err := e.emitReport(g, list, r); err != nil {
		return err
	}
	d.farewell(p, dir, r)
	return exitOf(r)
}

// check finds wishes that cannot be met before anything is started.
func (d *demo) check() error {
	if err := d.chooseFaults(); err != nil {
		return err
	}
	if d.opt.LogDetail != lab.LogFull && d.opt.LogDetail != lab.LogDefault {
		return usage("--log-detail is %s or %s", lab.LogFull, lab.LogDefault)
	}
	if d.opt.LB != "" && !slices.Contains(lab.LBs(), d.opt.LB) {
		return usage("--lb is one of %s", strings.Join(lab.LBs(), ", "))
	}
	if d.opt.Clients < 0 || d.opt.Clients > 5000 {
		return usage("--clients is at most 5000")
	}
	if d.opt.Duration < 0 || d.opt.Duration > time.Hour || d.opt.Duration > 0 && d.opt.Duration < time.Second {
		return usage("--duration is between 1s and 1h")
	}
	for _, w := range d.without {
		switch w {
		case "events":
			d.opt.NoEvents = true
		case "changes":
			d.opt.NoChanges = true
		case "intent":
			d.opt.NoIntent = true
		default:
			return usage("--without takes events, changes and intent")
		}
	}
	return nil
}

// chooseFaults takes --fault a,b and --also b.
func (d *demo) chooseFaults() error {
	if len(d.faults) == 2 && d.opt.Also == "" {
		d.opt.Also = d.faults[1]
	} else if len(d.faults) != 1 {
		return usage("--fault takes one cause, or two")
	}
	d.opt.Fault = d.faults[0]
	if d.opt.Fault != lab.NoFault && !slices.Contains(lab.Faults(), d.opt.Fault) {
		return usage("--fault: unknown; known: %s, %s", strings.Join(lab.Faults(), ", "), lab.NoFault)
	}
	if d.opt.Also != "" && (!slices.Contains(lab.Faults(), d.opt.Also) || d.opt.Also == d.opt.Fault || d.opt.Fault == lab.NoFault) {
		return usage("--also is another cause; known: %s", strings.Join(lab.Faults(), ", "))
	}
	return nil
}

func (d *demo) headline() string {
	if d.opt.Fault == lab.NoFault {
		return "A shop in good health: nothing is planted."
	}
	text := "A shop with a planted fault: " + faultTitle(d.opt.Fault)
	if d.opt.Also != "" {
		text += ", and a second one: " + faultTitle(d.opt.Also)
	}
	return text
}

func faultTitle(id string) string {
	if c, ok := cause.Find(id); ok {
		return id + " (" + c.Title + ")"
	}
	return id
}

// farewell says where everything is and what to try next.
func (d *demo) farewell(p *progress, dir string, r *diagnose.Report) {
	p.step("Report with pictures: " + filepath.Join(dir, htmlName))
	p.step("Bundle:               " + dir)
	if len(r.Breaks) > 0 {
		p.step("One session's story:  limpet session " + r.Breaks[0].Session + " " + dir)
	}
}

// listFaults lists what can be planted, with the balancers that cannot show it.
func listFaults(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, id := range lab.Faults() {
		c, _ := cause.Find(id)
		note := ""
		for _, name := range lab.LBs() {
			if lab.Plantable(id, name) != "" {
				note += " not on " + name + ";"
			}
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", id, c.Title, strings.TrimSuffix(note, ";"))
	}
	return tw.Flush()
}
