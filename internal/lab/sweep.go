package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// SweepOptions says which runs to play.
type SweepOptions struct {
	Dir      string   // gets <balancer>/<fault>-<seed>
	Faults   []string // "a+b" plants two
	LBs      []string // as DemoOptions.LB
	Seeds    []int64
	Parallel int // runs at a time, 0: 2
	Demo     DemoOptions

	// Progress is told what is done and how long the rest will take, nil: nobody.
	Progress func(text string)
}

// A sweepRun is one run of a sweep.
type sweepRun struct {
	fault, lb string
	seed      int64
	dir       string
}

// Sweep plays each fault on each balancer with each seed. A run whose truth.json is there already is
// not played again, so an interrupted sweep goes on where it stopped. It returns how many it played.
func Sweep(ctx context.Context, opt SweepOptions) (played int, err error) {
	if opt.Progress == nil {
		opt.Progress = func(string) {}
	}
	if opt.Parallel <= 0 {
		opt.Parallel = 2
	}
	todo := opt.todo()
	p := &sweepProgress{tell: opt.Progress, all: len(todo), began: time.Now()}
	queue := make(chan sweepRun)
	errs := make([]error, opt.Parallel)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for r := range queue {
				if err := opt.play(ctx, r); err != nil {
					errs[i] = errors.Join(errs[i], fmt.Errorf("play %s: %w", r.dir, err))
				}
				p.done(r)
			}
		})
	}
	for _, r := range todo {
		if ctx.Err() != nil {
			break
		}
		queue <- r
	}
	close(queue)
	wg.Wait()
	return p.finished, errors.Join(append(errs, ctx.Err())...)
}

// todo lists the runs without a truth, seed by seed, so that a sweep that is cut short has
// something of everything.
func (o *SweepOptions) todo() []sweepRun {
	var runs []sweepRun
	for _, seed := range o.Seeds {
		for _, lb := range o.LBs {
			for _, fault := range o.Faults {
				dir := filepath.Join(o.Dir, strings.ReplaceAll(lb, ":", "-"), fmt.Sprintf("%s-%d", fault, seed))
				if _, err := os.Stat(filepath.Join(dir, TruthFile)); err != nil {
					runs = append(runs, sweepRun{fault, lb, seed, dir})
				}
			}
		}
	}
	return runs
}

// play plays one run in place of what an interrupted one left.
func (o *SweepOptions) play(ctx context.Context, r sweepRun) error {
	if err := os.RemoveAll(r.dir); err != nil {
		return err
	}
	demo := o.Demo
	demo.Dir, demo.LB, demo.Seed = r.dir, r.lb, r.seed
	demo.Fault, demo.Also, _ = strings.Cut(r.fault, "+")
	_, err := Demo(ctx, demo)
	return err
}

// sweepProgress says how far a sweep is.
type sweepProgress struct {
	mu            sync.Mutex
	tell          func(string)
	all, finished int
	began         time.Time
}

func (p *sweepProgress) done(r sweepRun) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finished++
	left := time.Since(p.began) / time.Duration(p.finished) * time.Duration(p.all-p.finished)
	p.tell(fmt.Sprintf("%d of %d: %s on %s, seed %d; about %s left", p.finished, p.all, r.fault, r.lb, r.seed, left.Round(time.Second)))
}
