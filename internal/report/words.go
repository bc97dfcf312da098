package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"limpet.dev/diagnose"
)

// count writes a number with commas: 48,210.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// counted writes a number with its noun: "1 session", "3 sessions".
func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// percent writes a rate, and never rounds to 100 % or 0 % what is not.
func percent(rate float64) string {
	p := 100 * rate
	switch {
	case math.IsNaN(p) || math.IsInf(p, 0):
		return "-"
	case p == 0 || p >= 100:
		return fmt.Sprintf("%.0f %%", p)
	case p < 0.01:
		return "< 0.01 %"
	case p > 99.99:
		return "> 99.99 %"
	}
	return fmt.Sprintf("%.2f %%", p)
}

// bound writes an upper bound with three digits that count, however small it is.
func bound(rate float64) string { return fmt.Sprintf("%.3g %%", 100*rate) }

// confidence writes 0.97 as "97 %", between 1 and 99.
func confidence(c float64) string {
	return fmt.Sprintf("%.0f %%", min(99, max(1, 100*c)))
}

// span writes milliseconds as a person would say them.
func span(ms float64) string {
	switch {
	case ms < 0:
		return "never"
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	case ms < 60_000:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", ms/1000), ".0") + " s"
	}
	d := time.Duration(ms * float64(time.Millisecond)).Round(time.Second)
	return strings.TrimSuffix(d.String(), "0s")
}

// A clock writes times of one report, in UTC: without the day when all are of one day.
type clock struct{ days bool }

func clockOf(w diagnose.Window) clock {
	return clock{days: w.From.UTC().Format(time.DateOnly) != w.To.UTC().Format(time.DateOnly)}
}

func (c clock) at(t time.Time) string { return c.format(t, "15:04:05.000") }

func (c clock) second(t time.Time) string { return c.format(t, "15:04:05") }

func (c clock) format(t time.Time, layout string) string {
	if t.IsZero() {
		return "-"
	}
	if c.days {
		layout = "2006-01-02 " + layout
	}
	return t.UTC().Format(layout)
}

// window writes from and to with their days and how long that is.
func window(w diagnose.Window) string {
	if w.From.IsZero() {
		return "no time covered"
	}
	from, to := w.From.UTC(), w.To.UTC()
	end := to.Format("15:04:05")
	if clockOf(w).days {
		end = to.Format("2006-01-02 15:04:05")
	}
	return fmt.Sprintf("%s to %s UTC (%s)", from.Format("2006-01-02 15:04:05"), end, span(float64(to.Sub(from).Milliseconds())))
}

// A term is one summand of a sum, with its name.
type term struct {
	n    int64
	name string
}

// outcomes are the first sum: what became of the follow-ups.
func outcomes(t *diagnose.Totals) []term {
	return []term{{t.Honoured, "honoured"}, {t.Lost, "lost"}, {t.Incomplete, "incomplete"}, {t.Withheld, "withheld"}, {t.Unserved, "unserved"}, {t.Unknown, "unknown"}}
}

// routings are the second sum: where the follow-ups went.
func routings(t *diagnose.Totals) []term {
	return []term{{t.FirstSeen, "first seen"}, {t.Held, "held"}, {t.Moved, "moved"}, {t.Unserved, "unserved"}, {t.Withheld, "withheld"}}
}

// losses are the breaks by what failed.
func losses(l *diagnose.Losses) []term {
	return []term{{l.Routing, diagnose.LossRouting}, {l.StoreMiss, diagnose.LossStoreMiss}, {l.StoreLatency, diagnose.LossStoreLatency},
		{l.StoreError, diagnose.LossStoreError}, {l.Unknown, "not known"}}
}

// kindWords says of a break what failed; where that is not known, or it is more than a lost session, how the session broke.
func kindWords(b *diagnose.Break) string {
	switch {
	case b.Loss == "":
		return b.Kind
	case b.Kind == "lost":
		return b.Loss
	}
	return b.Kind + ": " + b.Loss
}

// summands writes the terms of a sum.
func summands(terms []term) string {
	words := make([]string, len(terms))
	for i, t := range terms {
		words[i] = count(t.n) + " " + t.name
	}
	return strings.Join(words, " + ")
}

// request writes a request as one word group: "GET /cart 401".
func request(l diagnose.RequestLine) string {
	s := strings.TrimSpace(l.Method + " " + l.Path)
	if l.Status != 0 {
		s += " " + strconv.Itoa(l.Status)
	}
	return s
}

// shortSession is enough of a pseudonym to tell sessions of one report apart by eye.
func shortSession(s string) string {
	if len(s) > 12 {
		return s[:12] + "…"
	}
	return s
}

// join writes names as a list in a sentence.
func join(names []string) string { return strings.Join(names, ", ") }
