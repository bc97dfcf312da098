package journey

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

func markdown(w io.Writer, r *Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Journeys: %s\n\n%s, %d requests.\n\n", r.Verdict, r.Target, r.Requests)
	if r.Stopped != "" {
		fmt.Fprintf(&b, "Stopped: %s.\n\n", r.Stopped)
	}
	journeys, rows := r.grid()
	b.WriteString("| clients | " + strings.Join(journeys, " | ") + " |\n| --- |" + strings.Repeat(" --- |", len(journeys)) + "\n")
	for _, rw := range rows {
		b.WriteString("| " + strings.Join(rw.clients, ", ") + " |")
		for _, j := range journeys {
			b.WriteString(" " + cellText(rw.cells[j]) + " |")
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func cellText(c *Cell) string {
	switch {
	case c == nil:
		return ""
	case c.Outcome == Fail:
		return strings.ReplaceAll(fmt.Sprintf("**lost** (%d/%d) at %s: %s", c.Met, c.Checks, c.Step, cmp.Or(c.Cause, c.Reason)), "|", "\\|")
	case c.Clean == "still there":
		return "ok, not cleaned up"
	}
	return strings.ReplaceAll(string(c.Outcome)+" "+map[bool]string{true: c.Reason}[c.Outcome == Unable || c.Outcome == Broken], "|", "\\|")
}

type suites struct {
	XMLName xml.Name `xml:"testsuites"`
	Suites  []suite  `xml:"testsuite"`
}

type suite struct {
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Skipped  int        `xml:"skipped,attr"`
	Cases    []testcase `xml:"testcase"`
}

type testcase struct {
	Name    string   `xml:"name,attr"`
	Class   string   `xml:"classname,attr"`
	Seconds float64  `xml:"time,attr"`
	Failure *message `xml:"failure,omitempty"`
	Skipped *message `xml:"skipped,omitempty"`
}

type message struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// junit writes one suite a journey, one case a client.
func junit(w io.Writer, r *Result) error {
	var out suites
	for i := range r.Cells {
		c := &r.Cells[i]
		if n := len(out.Suites); n == 0 || out.Suites[n-1].Name != c.Journey {
			out.Suites = append(out.Suites, suite{Name: c.Journey})
		}
		s := &out.Suites[len(out.Suites)-1]
		t := testcase{Name: c.Client, Class: "limpet.journey." + c.Journey, Seconds: c.Took.Seconds()}
		switch {
		case c.Outcome == Unable:
			s.Skipped++
			t.Skipped = &message{Message: c.Reason}
		case c.Outcome != Pass || c.Clean == "still there" || c.Clean == "not ended":
			s.Failures++
			t.Failure = &message{Message: cmp.Or(c.Cause, cmp.Or(c.Reason, c.Clean)), Text: strings.TrimSpace(c.Step + "\n" + c.Reason + "\n" + c.Fix)}
		}
		s.Tests++
		s.Cases = append(s.Cases, t)
	}
	io.WriteString(w, xml.Header)
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
