package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"limpet.dev/internal/lab"
)

func newLabRecord(e *env, g *global) *cobra.Command {
	opt := lab.RecordOptions{}
	cmd := &cobra.Command{
		Use:   "record CAUSE",
		Short: "Play a cause small and write it down as a case for tests",
		Long: `Record plays a demo with few clients and writes <dir>/<cause>/seed<N>.txtar: the story
in plain words, the files of the bundle, and the outcome. The catalogue's tests run every
case through every detector, and limpet lab weigh derives the clues' weights from them.
Run it in a checkout. The cause may be none, for a healthy run.`,
		Example: "  limpet lab record store-flushed-with-cache --seed 3\n  limpet lab record none --healthy memory-reload",
		Args:    exactlyOne("lab record: name one cause"),
		RunE: func(cmd *cobra.Command, args []string) error {
			opt.Demo.Fault = args[0]
			if opt.Demo.Fault != lab.NoFault && !slices.Contains(lab.Faults(), opt.Demo.Fault) {
				return usage("lab record: unknown cause; known: %s, %s", strings.Join(lab.Faults(), ", "), lab.NoFault)
			}
			p := newProgress(e, g)
			opt.Demo.Progress = p.step
			path, size, err := lab.Record(cmd.Context(), opt)
			p.end()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(e.stdout, "%s (%d KiB)\n", path, (size+1023)>>10)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&opt.Demo.LB, "lb", lab.LBs()[0], "one of "+strings.Join(lab.LBs(), ", "))
	f.Int64Var(&opt.Demo.Seed, "seed", 1, "fixes the plan, and names the case")
	f.IntVar(&opt.Demo.Clients, "clients", 16, "how many clients; fewer are taken where the case gets too large")
	f.DurationVar(&opt.Demo.Duration, "duration", 0, "how long they shop (default 4s)")
	f.StringVar(&opt.Demo.Healthy, "healthy", "", "how a healthy run is built: memory, memory-reload, shared, shared-deploy or signed")
	f.StringVar(&opt.Twist, "twist", "", "what makes the case look like another cause: "+strings.Join(lab.Twists(), ", "))
	f.StringVar(&opt.Dir, "dir", "cause/testdata", "the folder of cases")
	return cmd
}

// exactlyOne wants one argument; wrong says which.
func exactlyOne(wrong string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := atLeast(1, wrong)(cmd, args); err != nil {
			return err
		}
		return atMost(1, wrong)(cmd, args)
	}
}
