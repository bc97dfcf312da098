package journey

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Formats are the forms in which a result can be written.
func Formats() []string { return []string{"text", "json", "markdown", "junit"} }

// Write writes a result.
func Write(w io.Writer, format string, r *Result) error {
	switch format {
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	case "markdown":
		return markdown(w, r)
	case "junit":
		return junit(w, r)
	}
	return text(w, r)
}

// marks stand for outcomes in the matrix.
var marks = map[Outcome]string{Pass: "ok", Fail: "LOST", Unable: "-", Broken: "?"}

var headlines = map[Verdict]string{
	Passed: "PASSED   every client that can make a journey kept its session", Failed: "FAILED   some client lost its session on the way",
	Stopped: "STOPPED  by a safety rule", NotProven: "NOT PROVEN  the site did not answer",
}

// grid is the matrix: journeys across, clients down, those that fared alike in one line.
func (r *Result) grid() (journeys []string, rows []row) {
	byClient := map[string]*row{}
	var order []*row
	for i := range r.Cells {
		c := &r.Cells[i]
		if !slices.Contains(journeys, c.Journey) {
			journeys = append(journeys, c.Journey)
		}
		rw := byClient[c.Client]
		if rw == nil {
			rw = &row{clients: []string{c.Client}, cells: map[string]*Cell{}}
			byClient[c.Client] = rw
			order = append(order, rw)
		}
		rw.cells[c.Journey] = c
	}
	seen := map[string]int{}
	for _, rw := range order {
		key := rw.key(journeys)
		if i, ok := seen[key]; ok {
			rows[i].clients = append(rows[i].clients, rw.clients...)
			continue
		}
		seen[key] = len(rows)
		rows = append(rows, *rw)
	}
	return journeys, rows
}

// A row is clients that fared alike.
type row struct {
	clients []string
	cells   map[string]*Cell
}

func (rw *row) key(journeys []string) string {
	var b strings.Builder
	for _, j := range journeys {
		if c := rw.cells[j]; c != nil {
			fmt.Fprintf(&b, "%s|%s|%s|%s|%s\n", c.Outcome, c.Step, c.Cause, c.Reason, c.Clean)
		} else {
			b.WriteString("\n")
		}
	}
	return b.String()
}

// counts are cells by outcome.
func (r *Result) counts() map[Outcome]int {
	n := map[Outcome]int{}
	for _, c := range r.Cells {
		n[c.Outcome]++
	}
	return n
}

func text(w io.Writer, r *Result) error {
	var b strings.Builder
	n := r.counts()
	fmt.Fprintf(&b, "%s\n  %s | %d passed, %d failed, %d without an answer, %d cannot make the journey | %d requests\n", headlines[r.Verdict], r.Target,
		n[Pass], n[Fail], n[Broken], n[Unable], r.Requests)
	if r.Stopped != "" {
		fmt.Fprintf(&b, "  %s\n", r.Stopped)
	}
	journeys, rows := r.grid()
	b.WriteString("\n")
	for _, j := range journeys {
		fmt.Fprintf(&b, "%-13s", j)
	}
	b.WriteString("clients\n")
	for _, rw := range rows {
		for _, j := range journeys {
			mark := ""
			if c := rw.cells[j]; c != nil {
				mark = marks[c.Outcome]
				if c.Outcome == Fail {
					mark += fmt.Sprintf(" %d/%d", c.Met, c.Checks)
				}
				if c.Clean == "still there" {
					mark += " !"
				}
			}
			fmt.Fprintf(&b, "%-13s", mark)
		}
		wrap(&b, strings.Join(rw.clients, ", "), 13*len(journeys), 110)
	}
	b.WriteString("\nok kept   LOST m/n: m of n expectations were met   - cannot   ? no answer   ! the state outlived its clean-up\n")
	for _, rw := range rows {
		for _, j := range journeys {
			if c := rw.cells[j]; c != nil && (c.Outcome == Fail || c.Outcome == Broken || c.Clean == "still there" || c.Clean == "not ended") {
				explainText(&b, c, rw.clients)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func explainText(b *strings.Builder, c *Cell, clients []string) {
	fmt.Fprintf(b, "\n%s as %s\n", strings.ToUpper(c.Journey), some(clients))
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "  %-8s ", name)
			wrap(b, value, 11, 110)
		}
	}
	line("step", c.Step)
	if c.Want != "" {
		line("wanted", c.Want)
		line("got", c.Got)
	}
	line("why", c.Reason)
	line("cause", c.Cause)
	line("cookie", c.Cookie)
	line("rule", strings.Join(c.Rules, ", "))
	line("fix", c.Fix)
	switch c.Clean {
	case "still there":
		line("clean-up", "the cookies of before the clean-up still open the session: it was not ended on the server")
	case "not ended":
		line("clean-up", "could not be carried out: the test account's state may still be there")
	}
}

// some names the first few of a list.
func some(list []string) string {
	if len(list) > 4 {
		return strings.Join(list[:4], ", ") + fmt.Sprintf(" and %d more", len(list)-4)
	}
	return strings.Join(list, ", ")
}

// wrap writes words into lines of a width; lines after the first begin at indent.
func wrap(b *strings.Builder, text string, indent, width int) {
	at := indent
	for i, word := range strings.Fields(text) {
		if i > 0 && at+1+len(word) > width {
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		} else if i > 0 {
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	b.WriteByte('\n')
}
