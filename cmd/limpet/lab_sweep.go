package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"limpet.dev/internal/lab"
)

func newLabSweep(e *env, g *global) *cobra.Command {
	opt := lab.SweepOptions{}
	cmd := &cobra.Command{
		Use:   "sweep --seeds A,B,... --out DIR",
		Short: "Play every fault on every balancer with several seeds",
		Long: `Sweep plays each fault, and a run without one, on each balancer with each seed into
DIR/<balancer>/<fault>-<seed>. What is there already is not played again. limpet lab
accuracy DIR then compares the diagnoses with what really happened.`,
		Example: "  limpet lab sweep --seeds 1,2,3 --out runs\n  limpet lab accuracy runs",
		Args:    atMost(0, "lab sweep takes no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkSweep(&opt); err != nil {
				return err
			}
			p := newProgress(e, g)
			defer p.end()
			opt.Progress = p.step
			n, err := lab.Sweep(cmd.Context(), opt)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(e.stdout, "%d runs played into %s\n", n, opt.Dir)
			return err
		},
	}
	f := cmd.Flags()
	f.Int64SliceVar(&opt.Seeds, "seeds", nil, "seeds to play")
	f.StringSliceVar(&opt.Faults, "only", nil, "faults to play (default: all, and none); a+b plants two")
	f.StringSliceVar(&opt.LBs, "lb", lab.LBs()[:2], "balancers, of "+strings.Join(lab.LBs(), ", "))
	f.StringVar(&opt.Dir, "out", "", "folder for the runs")
	f.IntVar(&opt.Parallel, "parallel", 2, "runs at a time")
	f.IntVar(&opt.Demo.Clients, "clients", 0, "how many clients (default 72)")
	f.DurationVar(&opt.Demo.Duration, "duration", 0, "how long they shop (default 9s)")
	return cmd
}

// checkSweep finds wishes that cannot be met before anything is started.
func checkSweep(opt *lab.SweepOptions) error {
	switch {
	case len(opt.Seeds) == 0:
		return usage("lab sweep: --seeds says which seeds to play")
	case opt.Dir == "":
		return usage("lab sweep: --out says where the runs go")
	}
	known := append(lab.Faults(), lab.NoFault)
	if len(opt.Faults) == 0 {
		opt.Faults = known
	}
	for _, f := range opt.Faults {
		first, second, both := strings.Cut(f, "+")
		if !slices.Contains(known, first) || both && !slices.Contains(lab.Faults(), second) {
			return usage("--only: unknown fault; known: %s", strings.Join(known, ", "))
		}
	}
	for _, lb := range opt.LBs {
		if !slices.Contains(lab.LBs(), lb) {
			return usage("--lb is one of %s", strings.Join(lab.LBs(), ", "))
		}
	}
	return nil
}
