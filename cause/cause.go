// Package cause is the catalogue of reasons why web sessions disappear: one file per cause,
// with its identity, its prose, its runbook and its detector. A cause registers itself; everything
// else (the explain command, reports, the tests of the catalogue) goes over All.
package cause

import (
	"fmt"
	"slices"
	"strings"
)

// A Category is the part of the system where a cause lives.
type Category string

// The categories of the taxonomy.
const (
	Routing Category = "routing"
	Storage Category = "storage"
	Client  Category = "client"
	Deploy  Category = "deploy"
	Health  Category = "health"
)

// A Root is one of the three roots under which every verdict falls exactly once (S92).
type Root string

// The three roots.
const (
	RoutingMisconfiguration Root = "routing misconfiguration"
	StorageOutage           Root = "storage outage"
	ClientCompatibility     Root = "client compatibility"
)

// A Family is what users experience (S7).
type Family string

// The symptom families.
const (
	ExperienceGap         Family = "experience gap"         // carts empty themselves, pages start over
	AuthenticationFailure Family = "authentication failure" // users are signed out
	InconsistentData      Family = "inconsistent data"      // state flickers between versions
)

// A Cause is one entry of the catalogue.
type Cause struct {
	ID       string // kebab-case, says what happened, forever
	Title    string
	Category Category
	Root     Root
	Summary  string   // what happens and why, a paragraph
	LooksAs  string   // what the users notice
	Remedy   string   // the cure, one or two sentences
	Rollback string   // how to undo the cure, or what undoes the fault at once
	Runbook  string   // Markdown, ordered steps
	Kinds    []string // the kinds of breaks that it makes; nil: lost and incomplete
	Uses     []Source // what its detector reads, so that a report can say what is missing
	// Tells are the kinds of evidence without each of which the cause does not show: a reader takes it for one of its
	// neighbours, and can exclude it nowhere. nil: it always shows.
	Tells []Source

	// Neighbours are the causes that share its signature, with what separates them.
	Neighbours map[string]string
	// Detect returns the clues for and against this cause in a cluster of like breaks; none
	// means "not this one". It is called through Clues.
	Detect func(*Evidence) []Clue
	Lab    Scenario
}

// A Source is a kind of evidence that a detector can use.
type Source string

// The kinds of evidence.
const (
	Config        Source = "the balancer's configuration"
	Events        Source = "application events"
	HealthLines   Source = "the balancer's own start, DOWN and UP lines"
	AffinityFlags Source = "what became of the affinity cookie, request by request"
	Agents        Source = "the User-Agent of each request"
	Referers      Source = "the host of Referer or Origin"
	Changes       Source = "records of changes"
	BalancerLog   Source = "a balancer's log"
	Addresses     Source = "the clients' own addresses"
	Captures      Source = "a capture of the client (HAR, curl transcript)"
	Declaration   Source = "a declaration of where sessions are stored (limpet.yaml)"
)

// A Scenario is what the lab plays to plant a cause; data only.
type Scenario struct {
	Fault string // the demo's name for it, "" if the demo cannot show it

	// Journey says what the recorded captures of a client in testdata show, where no fault of the demo does.
	Journey string
}

// A Clue is one observation that a detector made.
type Clue struct {
	// ID names the kind of observation, unique within its cause. Its weight is derived from
	// recorded cases under cause/ID.
	ID string

	// Strength is how clearly it was seen, 0 to 1.
	Strength float64

	// Against marks a clue that contradicts the cause.
	Against bool

	// Proof marks a clue that needs no weighing: the client engine's rule, the application's own word.
	Proof bool

	// Text says what was seen, in words for a person, with figures.
	Text string

	// Source is where: a file and line, or a count of sessions.
	Source string
}

// Clues has the detector look at a cluster, if its breaks are of a kind that the cause makes.
func (c *Cause) Clues(ev *Evidence) []Clue {
	kinds := c.Kinds
	if kinds == nil {
		kinds = []string{"lost", "incomplete"}
	}
	if !slices.Contains(kinds, ev.Breaks[0].Kind) {
		return nil
	}
	return c.Detect(ev)
}

var catalogue []Cause

// register keeps a cause; it is called at package initialisation.
func register(c Cause) struct{} {
	catalogue = append(catalogue, c)
	return struct{}{}
}

// All returns the catalogue in the order of identifiers.
func All() []Cause {
	all := slices.Clone(catalogue)
	slices.SortFunc(all, func(a, b Cause) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// Find returns the cause with that identifier.
func Find(id string) (Cause, bool) {
	for _, c := range catalogue {
		if c.ID == id {
			return c, true
		}
	}
	return Cause{}, false
}

// share returns part/whole, 0 for no whole.
func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// ofBroken writes "41 of 44 broken sessions".
func ofBroken(part, whole int) string {
	if whole == 1 {
		return fmt.Sprintf("%d of 1 broken session", part)
	}
	return fmt.Sprintf("%d of %d broken sessions", part, whole)
}

func percent(f float64) string {
	switch {
	case f > 0 && f < 0.01:
		return fmt.Sprintf("%.2f %%", 100*f)
	case f > 0.99 && f < 1:
		return fmt.Sprintf("%.1f %%", 100*f)
	}
	return fmt.Sprintf("%.0f %%", 100*f)
}

// some joins the first few of a list.
func some(list []string, most int) string {
	slices.Sort(list)
	if len(list) > most {
		return strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", len(list)-most)
	}
	return strings.Join(list, ", ")
}
