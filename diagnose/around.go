package diagnose

import (
	"time"

	"limpet.dev/cause"
	"limpet.dev/session"
)

// around notes what else the session's visits show: the release that had known it, who handed its credential out, and
// whether some instance knew it again later.
func (d *run) around(b *settled, tl *session.Timeline, i int) {
	b.FromRelease = d.releaseAt(b.From, b.LastGood)
	if b.Release == "" {
		b.Release = d.releaseAt(b.To, b.At)
	}
	for k := i; k >= 0; k-- {
		if w := &tl.Visits[k]; w.SetNew || w.Rolled || w.App&session.AppKept != 0 {
			b.Handed, b.Kept = d.moment(w), w.App&session.AppKept != 0
			break
		}
	}
	for k := i + 1; k < len(tl.Visits); k++ {
		if w := &tl.Visits[k]; w.Outcome == session.Honoured && d.provesState(w) && !w.SetNew {
			b.FoundOn = d.Names.Instances.Name(w.Instance)
			b.FoundRelease = d.releaseAt(b.FoundOn, at(w.Start))
			break
		}
	}
}

func (d *run) moment(v *session.Visit) *cause.Moment {
	m := &cause.Moment{At: v.At(), Method: v.Method, Route: d.Names.Routes.Name(v.Route), Source: d.source(v.Input, v.Line)}
	if d.Classify != nil {
		m.Class = d.Classify(v.Method, m.Route)
	}
	return m
}

// releaseAt returns the release that an instance ran at a moment, by its process starts, "" unknown.
func (d *run) releaseAt(instance string, t time.Time) string {
	release := ""
	for i := range d.notices {
		n := &d.notices[i]
		if n.Kind != session.Start || n.Instance != instance {
			continue
		}
		if n.At.After(t) {
			if release == "" {
				return n.Was
			}
			return release
		}
		release = n.Release
	}
	if release == "" {
		return d.opening[instance]
	}
	return release
}
