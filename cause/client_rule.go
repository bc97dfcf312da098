package cause

import "slices"

// keptBack returns the clue that a capture of the client gives: the client engine followed its cookies and says by which
// rule the credential was not presented. Reasons are those of the Chrome DevTools Protocol and X. ones of package cookie.
func keptBack(ev *Evidence, text string, f func(*Break) bool) []Clue {
	clues := ev.Clue("rule", text, func(b *Break) bool { return b.Kind == "withheld" && b.Reason != "" && f(b) })
	if clues == nil {
		return nil
	}
	clues[0].Proof = true
	if n := ev.Count(func(b *Break) bool { return b.SetNew }); n > 0 {
		clues = append(clues, Clue{ID: "overwritten", Strength: share(n, len(ev.Breaks)), Text: "the answer handed out a new, empty session", Source: ofBroken(n, len(ev.Breaks))})
	}
	return clues
}

// by returns a test for breaks whose rule is one of some.
func by(reasons ...string) func(*Break) bool {
	return func(b *Break) bool { return slices.Contains(reasons, b.Reason) }
}

// The rules of SameSite; Chromium reports the Schemeful spelling for every block.
var (
	strictRules = []string{"SameSiteStrict", "SchemefulSameSiteStrict"}
	laxRules    = []string{"SameSiteLax", "SchemefulSameSiteLax", "SameSiteUnspecifiedTreatedAsLax", "SchemefulSameSiteUnspecifiedTreatedAsLax"}
)

// otherRule reports a rule of the client that has nothing to do with where a request comes from.
func otherRule(b *Break) bool {
	rule := b.Reason != "" && b.Reason[0] >= 'A' && b.Reason[0] <= 'Z'
	return rule && !slices.Contains(strictRules, b.Reason) && !slices.Contains(laxRules, b.Reason)
}
