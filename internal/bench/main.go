// Command bench measures limpet against programs that only count: it generates a HAProxy log, runs
// each program over it in turn, several times, and prints medians, spreads and ratios of one and the same run.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

func main() {
	gen := flag.String("gen", "", "only write the log to this file")
	lines := flag.Int("lines", 4_000_000, "lines of the log")
	sessions := flag.Int("sessions", 100_000, "sessions in it")
	moved := flag.Float64("moved", 0.0025, "share of requests that move their session")
	seed := flag.Uint64("seed", 1, "seed of the log")
	turnover := flag.Bool("turnover", false, "let sessions end and new ones begin")
	rounds := flag.Int("rounds", 9, "counted runs of each program")
	genNginx := flag.String("gen-nginx", "", "only write nginx's log and configuration of the same traffic into this folder")
	onlyNginx := flag.Bool("nginx", false, "only compare nginx's log with HAProxy's")
	write := flag.String("write", "", "also replace the table in this Markdown file")
	flag.Parse()
	wl := workload{Lines: *lines, Sessions: *sessions, Servers: 8, Moved: *moved, Seed: *seed, Turnover: *turnover}
	var err error
	parts := []part{cookieEngine, hars, peers, linear, turnoverMemory, nginxBesideHAProxy, joined}
	if *onlyNginx {
		parts = []part{nginxBesideHAProxy}
	}
	switch {
	case *gen != "":
		err = generateFile(*gen, wl)
	case *genNginx != "":
		_, _, err = writeNginx(*genNginx, wl)
	default:
		err = bench(wl, parts, *rounds, *write)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func generateFile(name string, wl workload) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return generate(f, wl)
}

// A part measures something in a folder and writes its table.
type part func(w io.Writer, dir, limpet string, wl workload, rounds int) error

// bench runs the parts in a temporary folder and prints their tables.
func bench(wl workload, parts []part, rounds int, write string) error {
	dir, err := os.MkdirTemp("", "limpet-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	limpet := filepath.Join(dir, "limpet")
	build := exec.Command("go", "build", "-o", limpet, "./cmd/limpet")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build limpet: %w", err)
	}
	var out bytes.Buffer
	w := io.MultiWriter(os.Stdout, &out)
	fmt.Fprintf(w, "%d processors, %s, %s.\n\n", runtime.NumCPU(), runtime.Version(), version("halog"))
	for _, measure := range parts {
		if err := measure(w, dir, limpet, wl, rounds); err != nil {
			return err
		}
		fmt.Fprintln(w) // or Markdown would take what follows for a row
	}
	if write != "" {
		return replaceTable(write, out.String())
	}
	return nil
}

func version(tool string) string {
	if path, err := exec.LookPath(tool); err == nil {
		return tool + " of " + path
	}
	return tool + " not installed"
}

// diagnose is the whole product over one log: full correlation and report.
func diagnose(name, limpet, log, cpus string) *contestant {
	return &contestant{name: name, args: []string{limpet, "diagnose", "-q", log}, cpus: cpus, okay: []int{1, 3}}
}

// peers compares with programs that only count.
func peers(w io.Writer, dir, limpet string, wl workload, rounds int) error {
	log := filepath.Join(dir, "haproxy.log")
	if err := generateFile(log, wl); err != nil {
		return err
	}
	defer os.Remove(log)
	st, err := os.Stat(log)
	if err != nil {
		return err
	}
	halog := &contestant{name: "`halog -srv`: counts per server", args: []string{"halog", "-srv"}, stdin: log}
	all := diagnose("**limpet diagnose**: everything", limpet, log, "")
	one := diagnose("limpet diagnose, one processor", limpet, log, "0")
	cs := []*contestant{
		{name: "`wc -l`", args: []string{"wc", "-l", log}},
		halog, all, one,
		{name: "mawk: counts moves", args: []string{"mawk", "-f", "internal/bench/moves.awk", log}, runs: 3},
	}
	if err := race(cs, rounds); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d lines, %.2f GB, %d sessions, %d servers, %.2f %% moved.\n\n", wl.Lines, float64(st.Size())/1e9, wl.Sessions, wl.Servers, 100*wl.Moved)
	fmt.Fprintln(w, "| program | wall s, median | spread | processor s | most resident MiB | × halog |\n| --- | ---: | ---: | ---: | ---: | ---: |")
	for _, c := range cs {
		c.row(w, halog)
	}
	fmt.Fprintf(w, "\nSecond processor: × %.2f. Faster than mawk: × %.1f. mawk said: %s\n\n", median(one.wall)/median(all.wall), median(cs[4].wall)/median(all.wall), strings.TrimSpace(cs[4].output))
	return nil
}

// linear shows that time grows with lines.
func linear(w io.Writer, dir, limpet string, wl workload, rounds int) error {
	fmt.Fprintln(w, "| lines | wall s, median | ns a line | ns for each line more | most resident MiB |\n| ---: | ---: | ---: | ---: | ---: |")
	lastLines, lastWall := 0, 0.0
	for _, lines := range []int{1_000_000, 2_000_000, 4_000_000, 8_000_000} {
		wl.Lines = lines
		log := filepath.Join(dir, "linear.log")
		if err := generateFile(log, wl); err != nil {
			return err
		}
		c := diagnose("", limpet, log, "")
		if err := race([]*contestant{c}, rounds); err != nil {
			return err
		}
		wall, more := median(c.wall), "-"
		if lastLines > 0 {
			more = fmt.Sprintf("%.1f", 1e9*(wall-lastWall)/float64(lines-lastLines))
		}
		lastLines, lastWall = lines, wall
		fmt.Fprintf(w, "| %d | %.3f | %.1f | %s | %.0f |\n", lines, wall, 1e9*wall/float64(lines), more, slices.Max(c.rss))
		os.Remove(log)
	}
	fmt.Fprintln(w)
	return nil
}

// turnoverMemory shows that memory stays flat when old sessions end.
func turnoverMemory(w io.Writer, dir, limpet string, wl workload, _ int) error {
	fmt.Fprintln(w, "Sessions that end, new ones that begin (about 2,000 active at any time):\n\n| lines | sessions in all | most resident MiB |\n| ---: | ---: | ---: |")
	for _, lines := range []int{1_000_000, 4_000_000} {
		wl.Lines, wl.Turnover = lines, true
		log := filepath.Join(dir, "turnover.log")
		if err := generateFile(log, wl); err != nil {
			return err
		}
		c := diagnose("", limpet, log, "")
		if err := race([]*contestant{c}, 3); err != nil {
			return err
		}
		fmt.Fprintf(w, "| %d | %d | %.0f |\n", lines, lines/40+2000, median(c.rss))
		os.Remove(log)
	}
	return nil
}

const (
	tableBegin = "<!-- made by make bench -->\n"
	tableEnd   = "<!-- end -->\n"
)

// replaceTable puts a table between the two marks of a Markdown file.
func replaceTable(file, table string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(text), tableBegin)
	_, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s has no marks for the table", file)
	}
	return os.WriteFile(file, []byte(before+tableBegin+table+tableEnd+after), 0o644)
}
