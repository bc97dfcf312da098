package lab

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"limpet.dev/diagnose"
)

// A LabelledCase is what the detectors saw in one recorded case of a known cause, looked at with one
// kind of evidence.
type LabelledCase struct {
	Name    string // of the case; its variants are held out together
	Variant string
	Cause   string // NoFault: healthy, whatever is seen is a false alarm
	Also    string // a second cause, "" none; such a case is judged and not learned from
	Seen    []diagnose.Observation
	Real    []int // how many breaks of each cluster really were
}

// Weigh derives the weight of every clue from recorded cases: the logarithm of how much likelier it is in
// breaks of its cause than in breaks of other causes. A case counts once, whatever the number of its
// clusters and variants. A clue seen in few cases stays near 0 (half a case is added on each side), and
// none weighs more than mostWeight. A clue for a cause never weighs less than 0, one against it never
// more; the latter is compared with those breaks of other causes in which the detector saw anything. Scale
// and the score of "none of these" are those with which the confidences, each case judged by
// weights derived without it, fit best. Each reading is weighed by itself.
func Weigh(cases []LabelledCase) (diagnose.Weights, error) {
	w := diagnose.Weights{Cases: countCases(cases), Readings: map[diagnose.Reading]*diagnose.Weighing{}}
	for r, samples := range samplesOf(cases) {
		w.Readings[r] = weighReading(samples)
	}
	if len(w.Readings) == 0 {
		return diagnose.Weights{}, errors.New("weigh: no case with a break")
	}
	return w, nil
}

func weighReading(samples []sample) *diagnose.Weighing {
	w := &diagnose.Weighing{Clues: derive(samples, "")}
	held := heldOut(samples)
	best := math.Inf(1)
	for _, scale := range []float64{0.25, 0.35, 0.5, 0.7, 1} {
		for _, unknown := range []float64{-2, -1, 0, 0.5, 1, 1.5, 2, 3, 4} {
			if loss := surprise(samples, held, scale, unknown); loss < best {
				best, w.Scale, w.Unknown = loss, scale, unknown
			}
		}
	}
	return w
}

// A sample is one cluster of one variant of a case, with its share in the case.
type sample struct {
	name, variant, cause string
	share                float64
	seen                 diagnose.Observation
}

// samplesOf takes the clusters that say something: not those of a few stragglers, nor those of cases with
// two causes. A cluster of which less than half is real shows no cause. The shares of a case's samples
// add up to 1 in each reading.
func samplesOf(cases []LabelledCase) map[diagnose.Reading][]sample {
	samples := map[diagnose.Reading][]sample{}
	total := map[string]float64{}
	for _, c := range cases {
		if c.Also != "" {
			continue
		}
		for i, o := range c.Seen {
			if substantial(o) {
				cause := c.Cause
				if c.Real[i]*2 < o.Breaks {
					cause = NoFault
				}
				part := float64(o.Breaks) / float64(o.Total)
				samples[o.Reading] = append(samples[o.Reading], sample{c.Name, c.Variant, cause, part, o})
				total[string(o.Reading)+c.Name] += part
			}
		}
	}
	for r, list := range samples {
		for i := range list {
			list[i].share /= total[string(r)+list[i].name]
		}
	}
	return samples
}

func substantial(o diagnose.Observation) bool { return o.Breaks >= 3 || o.Breaks*5 >= o.Total }

func countCases(cases []LabelledCase) int {
	names := map[string]bool{}
	for _, c := range cases {
		names[c.Name] = true
	}
	return len(names)
}

// mostWeight is the most that one clue weighs, for or against: odds of e to the 4th, 55 to 1.
const mostWeight = 4

// uncontested is the least weight of a contradiction that no case of its cause shows, however rare it is
// elsewhere: whoever wrote the detector knows that it contradicts, and nothing recorded says otherwise.
const uncontested = -1.5

// derive computes weights from all samples but those of one case.
func derive(samples []sample, without string) map[string]float64 {
	type tally struct {
		own, other float64
		against    bool
	}
	seen := map[string]*tally{}
	n, elsewhere := map[string]float64{}, map[string]float64{} // samples of a cause; of others in which its detector saw something
	total := 0.0
	for _, s := range samples {
		if s.name == without {
			continue
		}
		n[s.cause] += s.share
		total += s.share
		for id, clues := range s.seen.Clues {
			if id != s.cause {
				elsewhere[id] += s.share
			}
			for _, c := range clues {
				key := id + "/" + c.ID
				if seen[key] == nil {
					seen[key] = &tally{against: c.Against}
				}
				if id == s.cause {
					seen[key].own += c.Strength * s.share
				} else {
					seen[key].other += c.Strength * s.share
				}
			}
		}
	}
	weights := map[string]float64{}
	for key, t := range seen {
		id, _, _ := strings.Cut(key, "/")
		others := total - n[id]
		if t.against { // it can only be seen where the detector saw something
			others = elsewhere[id]
		}
		own := (t.own + 0.5) / (n[id] + 1)
		other := (t.other + 0.5) / (others + 1)
		v := max(-mostWeight, min(mostWeight, math.Log(own/other)))
		switch {
		case t.against && t.own == 0:
			v = min(uncontested, v)
		case t.against:
			v = min(0, v)
		default:
			v = max(0, v)
		}
		weights[key] = math.Round(100*v) / 100
	}
	return weights
}

// heldOut derives, for each case, weights without it.
func heldOut(samples []sample) map[string]map[string]float64 {
	held := map[string]map[string]float64{}
	for _, s := range samples {
		if held[s.name] == nil {
			held[s.name] = derive(samples, s.name)
		}
	}
	return held
}

// surprise is the mean surprise at the true causes, each case judged without itself. In a healthy case the
// truth is that none of the causes is at work.
func surprise(samples []sample, held map[string]map[string]float64, scale, unknown float64) float64 {
	loss, n := 0.0, 0.0
	for _, s := range samples {
		ids, confidences := judge(s.seen, &diagnose.Weighing{Clues: held[s.name], Scale: scale, Unknown: unknown})
		p := 0.0
		if s.cause == NoFault {
			p = 1
		}
		for i, c := range confidences {
			if ids[i] == s.cause {
				p = c
			} else if s.cause == NoFault {
				p -= c
			}
		}
		loss -= s.share * math.Log(max(p, 0.02))
		n += s.share
	}
	return loss / n
}

// judge returns the causes seen in a cluster, the likeliest first, and their confidences.
func judge(o diagnose.Observation, w *diagnose.Weighing) (ids []string, confidences []float64) {
	ids = slices.Sorted(maps.Keys(o.Clues))
	slices.SortStableFunc(ids, func(a, b string) int { return cmp.Compare(w.Score(b, o.Clues[b]), w.Score(a, o.Clues[a])) })
	scores := make([]float64, len(ids))
	for i, id := range ids {
		scores[i] = w.Score(id, o.Clues[id])
	}
	return ids, w.Confidences(scores)
}

// MarshalWeights writes weights as weights.json holds them: one clue a line, in order.
func MarshalWeights(w diagnose.Weights) ([]byte, error) {
	text, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write weights: %w", err)
	}
	return append(text, '\n'), nil
}
