package diagnose

import (
	_ "embed"
	"encoding/json"
	"math"

	"limpet.dev/cause"
)

//go:embed weights.json
var weightsFile []byte

// Weights hold a Weighing for each Reading: what a clue is worth depends on what else could have been seen.
type Weights struct {
	Cases    int                   `json:"cases"` // recorded cases that they were derived from
	Readings map[Reading]*Weighing `json:"readings"`
}

// A Reading is the kind of evidence that a diagnosis has of what happened to sessions.
type Reading string

// The readings.
const (
	Both       Reading = "log and events"
	LogOnly    Reading = "log"
	EventsOnly Reading = "events"
)

// ReadingOf returns the reading of evidence with or without a balancer's log and application events.
func ReadingOf(log, events bool) Reading {
	switch {
	case !events:
		return LogOnly
	case !log:
		return EventsOnly
	}
	return Both
}

// A Weighing says how much each clue counts: the logarithm of how much likelier it is in breaks of its
// cause than in breaks of others, over the recorded cases. "limpet lab weigh" derives it.
type Weighing struct {
	Unknown float64            `json:"unknown"` // score of "none of these"
	Scale   float64            `json:"scale"`   // how sharply scores turn into confidences
	Clues   map[string]float64 `json:"clues"`   // cause/clue -> weight
}

var weights = func() Weights {
	var w Weights
	if err := json.Unmarshal(weightsFile, &w); err != nil {
		panic("diagnose: weights.json: " + err.Error()) // embedded: a test reads it too
	}
	return w
}()

// Weights of clues that no recorded case showed.
const (
	unseenFor     = 1.0
	unseenAgainst = -1.5
)

// proven is the weight of a clue that is a proof: no case has to show how often it deceives.
const proven = 9.0

// Score adds up what the clues of one cause weigh under w.
func (w *Weighing) Score(id string, clues []cause.Clue) float64 {
	sum := 0.0
	for _, c := range clues {
		v, ok := w.Clues[id+"/"+c.ID]
		if c.Proof {
			v, ok = proven, true
		}
		if !ok {
			v = unseenFor
			if c.Against {
				v = unseenAgainst
			}
		}
		sum += v * c.Strength
	}
	return sum
}

// Confidences turns scores into confidences that leave room for a cause outside the catalogue.
func (w *Weighing) Confidences(scores []float64) []float64 {
	total := math.Exp(w.Scale * w.Unknown)
	out := make([]float64, len(scores))
	for i, s := range scores {
		out[i] = math.Exp(min(700, w.Scale*s))
		total += out[i]
	}
	for i := range out {
		out[i] /= total
	}
	return out
}
