package lab

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"limpet.dev/diagnose"
)

// A LabelledCase is what the detectors saw in one recorded case of a known cause.
type LabelledCase struct {
	Name  string
	Cause string // "" : healthy
	Seen  []diagnose.Observation
}

// Weigh derives the weight of every clue from recorded cases: the logarithm of how much likelier it is in
// breaks of its cause than in breaks of other causes. A clue seen in few cases stays near 0 (half a case
// is added on each side), and none weighs more than mostWeight. Scale and the score of "none of these" are those
// with which the confidences, each case judged by weights derived without it, fit best.
func Weigh(cases []LabelledCase) (diagnose.Weights, error) {
	var samples []sample
	for i, c := range cases {
		for _, o := range c.Seen {
			if c.Cause != "" && (o.Breaks >= 3 || o.Breaks*5 >= o.Total) {
				samples = append(samples, sample{i, c.Cause, o})
			}
		}
	}
	if len(samples) == 0 {
		return diagnose.Weights{}, errors.New("weigh: no case with a break")
	}
	w := diagnose.Weights{Cases: len(cases), Clues: derive(samples, -1), Unknown: 1, Scale: 1}
	best := math.Inf(1)
	for _, scale := range []float64{0.25, 0.35, 0.5, 0.7, 1} {
		for _, unknown := range []float64{0, 0.5, 1, 2, 3, 4} {
			if loss := heldOutLoss(samples, scale, unknown); loss < best {
				best, w.Scale, w.Unknown = loss, scale, unknown
			}
		}
	}
	return w, nil
}

// A sample is one cluster of a case.
type sample struct {
	of    int // its case
	cause string
	seen  diagnose.Observation
}

const mostWeight = 4

// derive computes weights from all samples but those of one case.
func derive(samples []sample, without int) map[string]float64 {
	type tally struct{ own, other float64 }
	seen := map[string]*tally{}
	n := map[string]float64{}
	total := 0.0
	for _, s := range samples {
		if s.of == without {
			continue
		}
		n[s.cause]++
		total++
		for id, clues := range s.seen.Clues {
			for _, c := range clues {
				t := seen[id+"/"+c.ID]
				if t == nil {
					t = &tally{}
					seen[id+"/"+c.ID] = t
				}
				if id == s.cause {
					t.own += c.Strength
				} else {
					t.other += c.Strength
				}
			}
		}
	}
	weights := map[string]float64{}
	for key, t := range seen {
		id := key[:indexSlash(key)]
		own := (t.own + 0.5) / (n[id] + 1)
		other := (t.other + 0.5) / (total - n[id] + 1)
		v := math.Log(own / other)
		weights[key] = math.Round(100*max(-mostWeight, min(mostWeight, v))) / 100
	}
	return weights
}

func indexSlash(s string) int {
	for i := range len(s) {
		if s[i] == '/' {
			return i
		}
	}
	return len(s)
}

// heldOutLoss is the mean surprise at the true causes, each case judged without itself.
func heldOutLoss(samples []sample, scale, unknown float64) float64 {
	without := map[int]map[string]float64{}
	loss, n := 0.0, 0
	for _, s := range samples {
		if without[s.of] == nil {
			without[s.of] = derive(samples, s.of)
		}
		w := diagnose.Weights{Clues: without[s.of], Scale: scale, Unknown: unknown}
		ids := slices.Sorted(maps.Keys(s.seen.Clues))
		scores := make([]float64, len(ids))
		for i, id := range ids {
			scores[i] = w.Score(id, s.seen.Clues[id])
		}
		p := 0.0
		for i, c := range w.Confidences(scores) {
			if ids[i] == s.cause {
				p = c
			}
		}
		loss -= math.Log(max(p, 0.02))
		n++
	}
	return loss / float64(n)
}

// MarshalWeights writes weights as weights.json holds them: one clue a line, in order.
func MarshalWeights(w diagnose.Weights) ([]byte, error) {
	text, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write weights: %w", err)
	}
	return append(text, '\n'), nil
}

// WrongCases names the cases whose own weights do not put the true cause first, for whoever tunes a detector.
func WrongCases(cases []LabelledCase, w diagnose.Weights) []string {
	var wrong []string
	for _, c := range cases {
		for _, o := range c.Seen {
			if c.Cause == "" || o.Breaks < 3 && o.Breaks*5 < o.Total {
				continue
			}
			ids := slices.Collect(maps.Keys(o.Clues))
			slices.SortFunc(ids, func(a, b string) int {
				return cmp.Or(cmp.Compare(w.Score(b, o.Clues[b]), w.Score(a, o.Clues[a])), cmp.Compare(a, b))
			})
			if len(ids) == 0 || ids[0] != c.Cause {
				wrong = append(wrong, fmt.Sprintf("%s: %d of %d breaks, seen as %v", c.Name, o.Breaks, o.Total, ids))
			}
		}
	}
	return wrong
}
