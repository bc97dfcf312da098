// Package lab makes evidence whose truth is known. It runs a real shop as several
// instances on loopback, a balancer in front of them (the real one, or an emulator driven
// by our own routing code), clients with cookie jars, and one planted fault; it writes a
// bundle as diagnose reads it, with a truth.json that only Score opens.
//
// How the parts meet: a scenario is what a seed makes of a fault; a stage is the running
// scenario (instances, store, balancer); shoppers and bots play on it; the ledger keeps
// what clients and the shop's own store know, apart from all logs.
package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"limpet.dev/session"
)

// DemoOptions says what to play. The zero value is the demo as a newcomer sees it.
type DemoOptions struct {
	// Dir is the bundle's folder, made if it is missing; "" makes a new temporary one,
	// which the caller removes.
	Dir string

	// Fault is a cause of Faults, or "none"; "" is DefaultFault. Also is a second one, planted beside it, "" none.
	Fault, Also string

	// LB is one of LBs: a product's name for the real one, or emulated: and the name; "" takes the first
	// product, the real one if it is installed.
	LB string

	// Seed fixes the plan: who does what, where and when the fault strikes.
	Seed int64

	// Clients is how many clients play, 0: 72.
	Clients int

	// Duration is how long clients play, 0: 9 s.
	Duration time.Duration

	// Followups above 0 lets clients play without pauses until there were so many
	// follow-ups, or until Duration (0: 60 s) is over.
	Followups int64

	// LogDetail is "full" (the line that loses nothing, "" too) or "default" (plain
	// httplog with the session cookie captured).
	LogDetail string

	// Healthy picks how a run without fault is built, "" lets the seed choose:
	// "memory", "memory-reload", "shared", "shared-deploy", "signed".
	Healthy string

	NoChanges, NoIntent, NoEvents bool // what the bundle leaves out

	// ClockOffset is how far the instances' clocks run ahead of the balancer's.
	ClockOffset time.Duration

	// Zone is the zone in which instances write their times, nil: UTC.
	Zone *time.Location

	// Canary is a recognisable secret planted in everything that the bundle holds, so
	// that outputs can be searched for it; "" plants none.
	Canary string

	// Progress is told in a few words what goes on, nil: nobody.
	Progress func(text string)
}

// DefaultFault is what the demo plants when nobody chose.
const DefaultFault = "health-check-too-aggressive"

// NoFault asks for a healthy run.
const NoFault = "none"

func (o *DemoOptions) setDefaults() {
	if o.Fault == "" {
		o.Fault = DefaultFault
	}
	if o.Clients <= 0 {
		o.Clients = 72
	}
	if o.Duration <= 0 {
		o.Duration = 9 * time.Second
		if o.Followups > 0 {
			o.Duration = time.Minute
		}
	}
	if o.LogDetail == "" {
		o.LogDetail = LogFull
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
}

// The log details.
const (
	LogFull    = "full"
	LogDefault = "default"
)

func unknownDetail(detail string) error {
	return fmt.Errorf("unknown log detail %q (known: %s, %s)", detail, LogFull, LogDefault)
}

// Demo plays one scenario and returns the folder of its bundle. Everything that it
// started has ended when it returns, also when ctx is cancelled; a folder that Demo made
// itself is removed on error.
func Demo(ctx context.Context, opt DemoOptions) (dir string, err error) {
	opt.setDefaults()
	sc, err := plan(&opt)
	if err != nil {
		return "", err
	}
	dir = opt.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "limpet-demo-"); err != nil {
			return "", fmt.Errorf("make bundle folder: %w", err)
		}
		defer func() {
			if err != nil {
				os.RemoveAll(dir)
			}
		}()
	} else if err = os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make bundle folder: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	if err = play(ctx, &opt, sc, dir); err != nil {
		return "", fmt.Errorf("play %s: %w", opt.Fault, err)
	}
	return dir, nil
}

// play runs sc from the first listener to the last file.
func play(ctx context.Context, opt *DemoOptions, sc *scenario, dir string) error {
	st, err := newStage(opt, sc, dir)
	if err != nil {
		return err
	}
	defer st.close()
	if err := st.start(ctx); err != nil {
		return err
	}
	opt.Progress(fmt.Sprintf("%d instances behind %s, %d clients, %s of traffic",
		sc.instances, st.lb.name, opt.Clients, opt.Duration.Round(time.Second)))
	if err := st.run(ctx); err != nil {
		return err
	}
	st.close()
	opt.Progress("writing the bundle")
	return st.writeBundle()
}

// newKey is the bundle's pseudonym key: from the seed, so that a plan repeats.
func newKey(seed int64) session.Key {
	var key session.Key
	rng := newRand(seed, "key")
	for i := range key {
		key[i] = byte(rng.Uint32())
	}
	return key
}
