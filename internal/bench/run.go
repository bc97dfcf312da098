package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A contestant is a program that is run over the log.
type contestant struct {
	name  string
	args  []string
	stdin string // file for standard input, "" none
	cpus  string // taskset list, "" all
	runs  int
	env   []string
	okay  []int // exit codes that are no failure, beside 0

	wall, cpu []float64 // seconds
	rss       []float64 // MiB
	output    string
}

// race runs all contestants in turn, round by round, after one warm-up of each.
func race(cs []*contestant, rounds int) error {
	for _, c := range cs {
		if err := c.run(false); err != nil {
			return err
		}
	}
	for round := range rounds {
		for _, c := range cs {
			if c.runs > 0 && round >= c.runs {
				continue
			}
			if err := c.run(true); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *contestant) run(count bool) error {
	args := c.args
	if c.cpus != "" {
		args = append([]string{"taskset", "-c", c.cpus}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), c.env...)
	var out strings.Builder
	cmd.Stdout = &out
	cmd.Stderr = io.Discard
	if c.stdin != "" {
		f, err := os.Open(c.stdin)
		if err != nil {
			return fmt.Errorf("run %s: %w", c.name, err)
		}
		defer f.Close()
		cmd.Stdin = f
	}
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began).Seconds()
	if err != nil && !slices.Contains(c.okay, cmd.ProcessState.ExitCode()) {
		return fmt.Errorf("run %s: %w", c.name, err)
	}
	c.output = out.String()
	if !count {
		return nil
	}
	c.wall = append(c.wall, took)
	c.cpu = append(c.cpu, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.rss = append(c.rss, float64(u.Maxrss)/1024)
	}
	return nil
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	if len(s)%2 == 1 {
		return s[len(s)/2]
	}
	return (s[len(s)/2-1] + s[len(s)/2]) / 2
}

// row writes one contestant's line of the table; base is what its time is compared with.
func (c *contestant) row(w io.Writer, base *contestant) {
	fmt.Fprintf(w, "| %s | %.3f | %.3f to %.3f | %.3f | %.0f | %.2f |\n", c.name, median(c.wall), slices.Min(c.wall), slices.Max(c.wall),
		median(c.cpu), slices.Max(c.rss), median(c.wall)/median(base.wall))
}
