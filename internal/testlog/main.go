// Testlog reads what go test -json writes and prints what a person wants of it: each package's
// closing line, the output of what failed, each skipped test with its reason, and the sums.
// It exits 1 if anything failed, and also if anything was skipped while CI=true.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() {
	os.Exit(summarise(os.Stdin, os.Stdout, os.Getenv("CI") == "true"))
}

// A line is one record of go test -json.
type line struct {
	Action, Package, Test, Output string
}

// A test is named by its package and its own name, "" for the package itself.
type test struct{ pkg, name string }

type summary struct {
	w                       io.Writer
	output                  map[test]*strings.Builder
	passed, failed, skipped int
	packages                int
	broken                  bool // a package failed
}

func summarise(r io.Reader, w io.Writer, ci bool) int {
	began := time.Now()
	s := &summary{w: w, output: map[test]*strings.Builder{}}
	lines := bufio.NewReaderSize(r, 1<<20)
	for {
		text, err := lines.ReadString('\n')
		if text != "" {
			s.line(text)
		}
		if err != nil {
			break
		}
	}
	fmt.Fprintf(w, "\n%d tests passed, %d failed, %d skipped; %d packages; %s\n",
		s.passed, s.failed, s.skipped, s.packages, time.Since(began).Round(time.Second))
	switch {
	case s.broken || s.failed > 0 || s.packages == 0:
		fmt.Fprintln(w, "FAIL")
	case ci && s.skipped > 0:
		fmt.Fprintln(w, "FAIL: nothing may be skipped in CI")
	default:
		fmt.Fprintln(w, "PASS")
		return 0
	}
	return 1
}

func (s *summary) line(text string) {
	var l line
	if json.Unmarshal([]byte(text), &l) != nil {
		fmt.Fprint(s.w, text) // not from a test
		return
	}
	t := test{l.Package, l.Test}
	switch l.Action {
	case "build-output":
		fmt.Fprint(s.w, l.Output)
	case "output":
		if s.output[t] == nil {
			s.output[t] = &strings.Builder{}
		}
		s.output[t].WriteString(l.Output)
	case "pass", "fail", "skip":
		s.end(t, l.Action)
		delete(s.output, t)
	}
}

// end takes the end of a test or a package.
func (s *summary) end(t test, action string) {
	text := ""
	if b := s.output[t]; b != nil {
		text = b.String()
	}
	if t.name == "" {
		s.packages++
		s.broken = s.broken || action == "fail"
		s.closing(text, action == "fail")
		return
	}
	switch action {
	case "pass":
		s.passed++
	case "fail":
		s.failed++
		fmt.Fprintf(s.w, "--- FAIL: %s %s\n%s", t.pkg, t.name, body(text))
	case "skip":
		s.skipped++
		fmt.Fprintf(s.w, "--- SKIP: %s %s\n%s", t.pkg, t.name, body(text))
	}
}

// closing prints a package's own last line, and all it said if it failed.
func (s *summary) closing(text string, failed bool) {
	for l := range strings.Lines(text) {
		if failed || strings.HasPrefix(l, "ok ") {
			fmt.Fprint(s.w, l)
		}
	}
}

// body drops the lines in which the runner announces the test.
func body(text string) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		if !strings.HasPrefix(l, "=== ") && !strings.HasPrefix(strings.TrimSpace(l), "--- ") {
			b.WriteString(l)
		}
	}
	return b.String()
}
