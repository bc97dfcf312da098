package lab

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteAccuracy writes the tables of docs/accuracy.md.
func WriteAccuracy(w io.Writer, all []Accuracy) error {
	var b strings.Builder
	b.WriteString(accuracyHead)
	fmt.Fprintf(&b, "Seeds of these runs: %s. Runs: %d, each diagnosed with %d kinds of evidence.\n", seedWords(all), runsOf(all), len(Leavings))
	summaryTable(&b, all)
	showingTable(&b, all)
	for _, l := range Leavings {
		fmt.Fprintf(&b, "\n## Read: %s\n\nWhat is read: %s.\n", l.Name, l.Text)
		for i := range all {
			if all[i].Leaving.Name == l.Name {
				all[i].table(&b)
			}
		}
	}
	calibrationTable(&b, all)
	oddRuns(&b, all)
	_, err := io.WriteString(w, b.String())
	return err
}

const accuracyHead = `# How often Limpet is right

Made by ` + "`limpet lab accuracy DIR --write docs/accuracy.md`" + ` over the runs of ` + "`limpet lab sweep --out DIR`" + `; do not edit.

Each run is a real shop behind a balancer, real clients with cookie jars, and one planted fault (or none). What
really happened is known from the clients and the shop's own store, and compared with the diagnosis, which never
sees it. Noise is always on: wrong passwords, logouts, idle expiry, crawlers, harmless errors, an innocent change
record. Detectors and weights were tuned on other seeds only. Real HAProxy and the emulator are kept apart.

| column | meaning |
| --- | --- |
| top-1, top-3 | share of runs with the planted cause ranked first, among the first three; for healthy runs: called healthy |
| lost | session lives that really broke |
| precision, recall | of the reported breaks, how many are real; of the real ones, how many are reported |
| cause | of the breaks that are both, how many got the planted cause |
| unexplained | breaks to which no cause was given |
| false | verdicts that are false: healthy called lost, or lost called healthy |
| undecided | runs called not-proven |
| sure, wrong | runs with a wrong cause first and a confidence above 0.8 |

`

// summaryTable has a line for each kind of evidence and balancer.
func summaryTable(b *strings.Builder, all []Accuracy) {
	b.WriteString("\n## In short\n\n| read | balancer" + measureHead[1:] + "| --- " + measureRule)
	for i := range all {
		fmt.Fprintf(b, "| %s | %s ", all[i].Leaving.Name, all[i].Balancer)
		all[i].Total.row(b)
	}
}

const (
	measureHead = "| | runs | top-1 | top-3 | lost | precision | recall | cause | unexplained | false | undecided | sure, wrong |\n"
	measureRule = "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
)

func (a *Accuracy) table(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s on %s\n\n| planted%s%s", a.Leaving.Name, a.Balancer, measureHead[1:], measureRule)
	for i := range a.Measures {
		fmt.Fprintf(b, "| %s ", a.Measures[i].Cause)
		a.Measures[i].row(b)
	}
	b.WriteString("| **all** ")
	a.Total.row(b)
}

func (m *Measure) row(b *strings.Builder) {
	c := &m.Cell
	fmt.Fprintf(b, "| %d | %.3f | %.3f | %d | %.3f | %.3f | %.3f | %d | %d | %d | %d |\n", c.Bundles, c.Top1Rate, c.Top3Rate,
		c.TruthBreaks, c.BreakPrecision, c.BreakRecall, c.BreakCauseAccuracy, c.Unexplained, c.FalseVerdicts, c.Undecided, m.SureWrong)
}

// calibrationTable says how often the first cause is right, per tenth of its confidence.
func calibrationTable(b *strings.Builder, all []Accuracy) {
	b.WriteString("\n## Is its confidence earned?\n\nRuns by the confidence of the cause ranked first: how many, and which share of them was right.\n\n| confidence |")
	rule := "\n| --- |"
	for _, l := range Leavings {
		fmt.Fprintf(b, " %s |", l.Name)
		rule += " ---: |"
	}
	b.WriteString(rule + "\n")
	for i := range 10 {
		fmt.Fprintf(b, "| %.1f to %.1f |", float64(i)/10, float64(i+1)/10)
		for _, l := range Leavings {
			var t Tenth
			for k := range all {
				if all[k].Leaving.Name == l.Name {
					t.Runs += all[k].Total.Confidence[i].Runs
					t.Right += all[k].Total.Confidence[i].Right
				}
			}
			if t.Runs == 0 {
				b.WriteString(" |")
				continue
			}
			fmt.Fprintf(b, " %d runs, %.2f |", t.Runs, float64(t.Right)/float64(t.Runs))
		}
		b.WriteString("\n")
	}
}

// oddRuns lists the runs whose cause or verdict is wrong, and with application events every run that is not
// perfect. Without events few runs are; the tables sum them up.
func oddRuns(b *strings.Builder, all []Accuracy) {
	b.WriteString("\n## Runs that went wrong\n\nEvery run with a wrong cause first or a false verdict; where application events were read, also every run with a session too many,\ntoo few, or with another cause.\n\n")
	n := 0
	for i := range all {
		withEvents := !slices.Contains(all[i].Leaving.Out, "events.jsonl")
		for _, o := range all[i].Odd {
			if o.Score.Top1 == 1 && !withEvents {
				continue
			}
			if n++; n == 1 {
				b.WriteString("| read | balancer | planted | seed | verdict | first | confidence | not found | not real | other cause |\n| --- | --- | --- | ---: | --- | --- | ---: | ---: | ---: | ---: |\n")
			}
			s := &o.Score
			first := o.First
			if first == "" {
				first = "none"
			}
			fmt.Fprintf(b, "| %s | %s | %s | %d | %s | %s | %.2f | %d of %d | %d | %d |\n", all[i].Leaving.Name, all[i].Balancer, o.Cause, o.Seed, o.Verdict, first, o.Confidence,
				s.TruthBreaks-s.MatchedBreaks, s.TruthBreaks, s.ReportBreaks-s.MatchedBreaks, s.MatchedBreaks-s.RightCauses)
		}
	}
	if n == 0 {
		b.WriteString("None.\n")
	}
}

func runsOf(all []Accuracy) int {
	n := 0
	for i := range all {
		if all[i].Leaving.Name == Leavings[0].Name {
			n += all[i].Total.Cell.Bundles
		}
	}
	return n
}

func seedWords(all []Accuracy) string {
	var seeds []string
	for i := range all {
		for s := range all[i].Seeds {
			if word := fmt.Sprint(s); !slices.Contains(seeds, word) {
				seeds = append(seeds, word)
			}
		}
	}
	slices.Sort(seeds)
	return strings.Join(seeds, ", ")
}
