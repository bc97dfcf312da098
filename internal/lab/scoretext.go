package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteJSON writes the table as limpet.score/v1.
func (t *ScoreTable) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(t)
}

// WriteText writes the table for people: a line a cell, then each difference.
func (t *ScoreTable) WriteText(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "cause | balancer | storage | log\tbundles\ttop-1\ttop-3\tbreaks\tprecision\trecall\tcause right\tunexplained\tfalse verdicts\tundecided\tsure and wrong")
	for i := range t.Cells {
		t.Cells[i].row(tw, t.Cells[i].label())
	}
	t.Total.row(tw, "all")
	if err := tw.Flush(); err != nil {
		return err
	}
	return t.writeDifferences(w)
}

func (c *Cell) row(w io.Writer, label string) {
	fmt.Fprintf(w, "%s\t%d\t%.3f\t%.3f\t%d\t%.3f\t%.3f\t%.3f\t%.3f\t%d\t%d\t%d\n", label, c.Bundles, c.Top1Rate, c.Top3Rate,
		c.TruthBreaks, c.BreakPrecision, c.BreakRecall, c.BreakCauseAccuracy, c.UnexplainedShare,
		c.FalseVerdicts, c.Undecided, c.ConfidentAndWrong)
}

func (t *ScoreTable) writeDifferences(w io.Writer) error {
	for _, b := range t.Bundles {
		wrongFirst := b.Score.Top1 == 0
		if len(b.Differences) == 0 && !wrongFirst {
			continue
		}
		first := b.First
		if first == "" {
			first = "nothing"
		}
		if _, err := fmt.Fprintf(w, "\n%s: planted %s, verdict %s, first %s (%.2f)\n", b.Dir, b.Cause, b.Verdict, first, b.Confidence); err != nil {
			return err
		}
		for _, d := range b.Differences {
			if _, err := fmt.Fprintf(w, "  %s %s\n    truth:  %s\n    report: %s\n", d.Session, d.Life, d.Truth, d.Report); err != nil {
				return err
			}
		}
	}
	return nil
}
