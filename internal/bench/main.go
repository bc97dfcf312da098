// Command bench measures limpet against programs that only count: it generates a HAProxy log, runs
// each program over it in turn, several times, and prints medians, spreads and ratios of one and the same run.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	gen := flag.String("gen", "", "only write the log to this file")
	lines := flag.Int("lines", 4_000_000, "lines of the log")
	sessions := flag.Int("sessions", 100_000, "sessions in it")
	moved := flag.Float64("moved", 0.0025, "share of requests that move their session")
	seed := flag.Uint64("seed", 1, "seed of the log")
	turnover := flag.Bool("turnover", false, "let sessions end and new ones begin")
	flag.Parse()
	wl := workload{Lines: *lines, Sessions: *sessions, Servers: 8, Moved: *moved, Seed: *seed, Turnover: *turnover}
	if *gen != "" {
		f, err := os.Create(*gen)
		if err == nil {
			err = generate(f, wl)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
}
