package diagnose

import (
	_ "embed"
	"encoding/json"

	"limpet.dev/cause"
)

//go:embed weights.json
var weightsFile []byte

// Weights say how much each clue counts: the logarithm of how much likelier it is in breaks of its
// cause than in breaks of others, over the recorded cases. "limpet lab weigh" derives them.
type Weights struct {
	Cases   int                `json:"cases"` // recorded cases that they were derived from
	Clues   map[string]float64 `json:"clues"` // cause/clue -> weight
	Unknown float64            `json:"unknown"`
}

var weights = func() Weights {
	var w Weights
	if err := json.Unmarshal(weightsFile, &w); err != nil {
		panic("diagnose: weights.json: " + err.Error()) // embedded: a test reads it too
	}
	return w
}()

var unknownScore = weights.Unknown

// Weights of clues that no recorded case showed.
const (
	unseenFor     = 1.0
	unseenAgainst = -1.5
)

// score adds up what the clues of one cause weigh.
func score(id string, clues []cause.Clue) float64 {
	sum := 0.0
	for _, c := range clues {
		w, ok := weights.Clues[id+"/"+c.ID]
		if !ok {
			w = unseenFor
			if c.Against {
				w = unseenAgainst
			}
		}
		sum += w * c.Strength
	}
	return sum
}
