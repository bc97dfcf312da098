package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"limpet.dev/diagnose"
)

// Geometry of the continuity chart, in units of its picture: three panels above one another
// with one axis of time, and a strip with events below them.
const (
	chartWidth   = 1060
	chartLeft    = 64
	chartRight   = 1044
	rateTop      = 26
	rateHeight   = 120
	volumeTop    = 176
	volumeHeight = 56
	breaksTop    = 262
	breaksHeight = 66
	eventsTop    = 346
	chartHeight  = 428
)

// mostMarks is how many events a chart marks; more could not be told apart.
const mostMarks = 60

// A chart draws continuity over time.
type chart struct {
	*svg
	r    *diagnose.Report
	a    *anchors
	c    clock
	from time.Time
	len  time.Duration
}

// continuityChart draws the rate of honoured follow-ups, the number of follow-ups and breaks
// per step, with health events and changes marked where they happened. It is empty for a
// report without a series.
func continuityChart(r *diagnose.Report, a *anchors) template.HTML {
	s := &r.Series
	if len(s.Followups) == 0 || s.StepS <= 0 || len(s.Honoured) < len(s.Followups) || len(s.Breaks) < len(s.Followups) {
		return ""
	}
	length := time.Duration(s.StepS * float64(len(s.Followups)) * float64(time.Second))
	desc := fmt.Sprintf("Per step of %s: share of follow-ups that were honoured, number of follow-ups, number of breaks. %s and %s are marked. The same numbers are in the table below.",
		span(s.StepS*1000), counted(int64(len(r.Health)), "health event"), counted(int64(len(r.Changes)), "change"))
	c := &chart{svg: newSVG(chartWidth, chartHeight, "chart", "group", "Continuity over time", desc), r: r, a: a, c: clockOf(r.Window), from: s.Start, len: length}
	c.outages()
	c.rate()
	c.bars("volume", volumeTop, volumeHeight, s.Followups, "follow-ups per "+span(s.StepS*1000))
	c.bars("breaks", breaksTop, breaksHeight, s.Breaks, "breaks per "+span(s.StepS*1000))
	c.events()
	c.axis()
	return c.done()
}

// x is where a time lies.
func (c *chart) x(t time.Time) float64 {
	share := float64(t.Sub(c.from)) / float64(c.len)
	return chartLeft + (chartRight-chartLeft)*min(1, max(0, share))
}

// step is where the i-th step begins.
func (c *chart) step(i int) float64 {
	return chartLeft + (chartRight-chartLeft)*float64(i)/float64(len(c.r.Series.Followups))
}

// outages shades the times in which an instance was out.
func (c *chart) outages() {
	for i, h := range c.r.Health {
		if h.To != "down" {
			continue
		}
		until := c.from.Add(c.len)
		for _, u := range c.r.Health[i+1:] {
			if u.Instance == h.Instance && u.To != "down" {
				until = u.At
				break
			}
		}
		x := c.x(h.At)
		c.rect("outage", x, rateTop, max(1.5, c.x(until)-x), breaksTop+breaksHeight-rateTop, 0)
	}
}

// fewest is how many follow-ups a step needs for a rate of its own: one in twenty of the busiest step's.
func fewest(s *diagnose.Series) int64 { return max(1, slices.Max(s.Followups)/20) }

// gaps says how many steps have follow-ups, but too few for a rate.
func gaps(s *diagnose.Series) int64 {
	gaps := int64(0)
	for _, n := range s.Followups {
		if n > 0 && n < fewest(s) {
			gaps++
		}
	}
	return gaps
}

// rate draws the share of honoured follow-ups as steps; where there were too few is a gap.
func (c *chart) rate() {
	s := &c.r.Series
	low, least := 1.0, fewest(s)
	for i, n := range s.Followups {
		if n >= least {
			low = min(low, float64(s.Honoured[i])/float64(n))
		}
	}
	floor := rateFloor(low)
	y := func(rate float64) float64 { return rateTop + rateHeight*(1-(rate-floor)/(1-floor)) }
	c.text("panel", "start", chartLeft, rateTop-10, "continuity: honoured of all follow-ups")
	for _, v := range []float64{floor, (1 + floor) / 2, 1} {
		c.line("gridline", chartLeft, y(v), chartRight, y(v))
		c.text("tick", "end", chartLeft-8, y(v)+4, fmt.Sprintf("%.4g %%", 100*v))
	}
	var d strings.Builder
	pen := "M"
	for i, n := range s.Followups {
		if n < least {
			pen = "M"
			continue
		}
		v := num(y(float64(s.Honoured[i]) / float64(n)))
		fmt.Fprintf(&d, "%s%s %sH%s", pen, num(c.step(i)), v, num(c.step(i+1)))
		pen = "L"
	}
	c.path("rate", d.String())
}

// rateFloor is the lowest rate of the axis: a round number below what occurs.
func rateFloor(low float64) float64 {
	for _, f := range []float64{0.99, 0.98, 0.95, 0.9, 0.8, 0.6, 0.5, 0.2} {
		if low >= f {
			return f
		}
	}
	return 0
}

// bars draws one bar a step, from a base line.
func (c *chart) bars(class string, top, height float64, values []int64, title string) {
	most := int64(1)
	for _, v := range values {
		most = max(most, v)
	}
	c.text("panel", "start", chartLeft, top-8, title)
	c.line("gridline", chartLeft, top, chartRight, top)
	c.line("baseline", chartLeft, top+height, chartRight, top+height)
	c.text("tick", "end", chartLeft-8, top+4, count(most))
	c.text("tick", "end", chartLeft-8, top+height+4, "0")
	gap := 1.0
	if c.step(1)-c.step(0) < 4 {
		gap = 0
	}
	for i, v := range values {
		if v == 0 {
			continue
		}
		h := max(1.5, height*float64(v)/float64(most))
		c.rect("bar-"+class, c.step(i)+gap/2, top+height-h, c.step(i+1)-c.step(i)-gap, h, 0)
	}
}

// events marks health events and changes in two rows below the panels; each mark leads to its row.
func (c *chart) events() {
	c.text("tick", "end", chartLeft-8, eventsTop+14, "health")
	c.text("tick", "end", chartLeft-8, eventsTop+40, "changes")
	c.line("gridline", chartLeft, eventsTop+10, chartRight, eventsTop+10)
	c.line("gridline", chartLeft, eventsTop+36, chartRight, eventsTop+36)
	for i, h := range c.r.Health[:min(len(c.r.Health), mostMarks)] {
		c.link(c.a.health(i), fmt.Sprintf("%s %s %s: %s moved, %s lost", c.c.at(h.At), h.Instance, h.To, counted(h.Moved, "session"), count(h.Lost)))
		x := c.x(h.At)
		switch h.To {
		case "down", "balancer stopped":
			c.path("mark-down", triangle(x, eventsTop+10, 7))
		case "up":
			c.path("mark-up", triangle(x, eventsTop+10, -6))
		default:
			c.circle("mark-start", x, eventsTop+10, 5)
		}
		c.endLink()
	}
	for i, ch := range c.r.Changes[:min(len(c.r.Changes), mostMarks)] {
		x := c.x(ch.At)
		c.line("changeline", x, rateTop, x, eventsTop+30)
		c.link(c.a.change(i), fmt.Sprintf("%s %s %s: %s", c.c.at(ch.At), ch.Kind, ch.Target, ch.What))
		c.path("mark-change", fmt.Sprintf("M%s %dl6 6l-6 6l-6-6z", num(x), eventsTop+30))
		c.endLink()
	}
}

// triangle is a path around x, y that points down for a positive size and up for a negative one.
func triangle(x, y, size float64) string {
	return fmt.Sprintf("M%s %sh%sl%s %sz", num(x-math.Abs(size)), num(y-size/1.3), num(2*math.Abs(size)), num(-math.Abs(size)), num(1.6*size))
}

// axis draws the times below everything.
func (c *chart) axis() {
	c.line("baseline", chartLeft, eventsTop+54, chartRight, eventsTop+54)
	every := tickEvery(c.len)
	first := c.from.UTC().Truncate(every)
	layout := "15:04"
	switch {
	case every < time.Minute:
		layout = "15:04:05"
	case every >= 24*time.Hour || c.c.days:
		layout = "2 Jan 15:04"
	}
	for t := first; !t.After(c.from.Add(c.len)); t = t.Add(every) {
		if t.Before(c.from) {
			continue
		}
		x := c.x(t)
		c.line("baseline", x, eventsTop+54, x, eventsTop+59)
		anchor := "middle"
		if x > chartRight-20 {
			anchor, x = "end", chartRight+8
		}
		c.text("tick", anchor, x, eventsTop+74, t.UTC().Format(layout))
	}
}

// tickEvery is a round distance that gives at most nine ticks.
func tickEvery(length time.Duration) time.Duration {
	for _, d := range []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute,
		5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour} {
		if length/d <= 8 {
			return d
		}
	}
	return (length / 8).Truncate(24 * time.Hour)
}
