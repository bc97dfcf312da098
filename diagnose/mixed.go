package diagnose

import (
	"slices"

	"limpet.dev/session"
)

// restlessFor is how many changes of address, of sessions that nobody is thought to share, there must be for each session that
// is, for changing addresses to be common.
const restlessFor = 10

// unmix takes back the marks of shared credentials that rest on addresses alone, in a run whose clients change theirs all the time:
// where User-Agents are shown, most sessions that are really handed to strangers are seen with several.
func (d *run) unmix() {
	if d.Facts&session.HasUserAgent == 0 {
		return
	}
	var marked []*session.Visit // where only addresses speak for several clients
	var marks, changes int64
	for i := range d.Troubled {
		tl := &d.Troubled[i]
		k := slices.IndexFunc(tl.Visits, func(v session.Visit) bool { return v.Mark == session.MixedUp })
		if k < 0 {
			continue
		}
		marks++
		for j := range tl.Visits {
			if tl.Visits[j].Readdressed {
				changes++
			}
		}
		if !strangers(tl) {
			marked = append(marked, &tl.Visits[k])
		}
	}
	if int64(len(marked))*2 <= marks || d.Population.ByNewAddress.Total()-changes < restlessFor*marks {
		return
	}
	for _, v := range marked {
		v.Mark = session.NoMark
	}
}

// strangers reports whether a session's requests show more than one browser: several User-Agents, or affinity values.
func strangers(tl *session.Timeline) bool {
	first := &tl.Visits[0]
	return slices.ContainsFunc(tl.Visits, func(v session.Visit) bool {
		return v.Agent != first.Agent || v.Affinity > 1 && first.Affinity > 1 && v.Affinity != first.Affinity
	})
}
