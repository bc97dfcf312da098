package lab

import (
	"fmt"
	"strings"

	"limpet.dev/diagnose"
)

// A HeldOut says how clusters of recorded cases are judged by weights derived without their case.
type HeldOut struct {
	Variant       string
	Clusters      int
	Right         int      // the true cause leads, or none does in a healthy case
	RightBreaks   int      // of AllBreaks
	AllBreaks     int      //
	Wrong         []string // the others, one line each
	meanCertainty float64
}

// MeanConfidence is the mean confidence in the true cause.
func (h *HeldOut) MeanConfidence() float64 { return h.meanCertainty / max(1, float64(h.Clusters)) }

// leads is the least confidence with which diagnose gives a cause to a break.
const leads = 0.35

// JudgeHeldOut judges each cluster by weights derived without its case, per kind of evidence.
func JudgeHeldOut(cases []LabelledCase, w diagnose.Weights) []HeldOut {
	byVariant := map[string]*HeldOut{}
	for r, samples := range samplesOf(cases) {
		held := heldOut(samples)
		for _, s := range samples {
			if byVariant[s.variant] == nil {
				byVariant[s.variant] = &HeldOut{Variant: s.variant}
			}
			own := *w.Readings[r]
			own.Clues = held[s.name]
			byVariant[s.variant].add(s, &own)
		}
	}
	var all []HeldOut
	for _, v := range weighVariants {
		if h := byVariant[v.Name]; h != nil {
			all = append(all, *h)
		}
	}
	return all
}

func (h *HeldOut) add(s sample, w *diagnose.Weighing) {
	ids, confidences := judge(s.seen, w)
	h.Clusters++
	h.AllBreaks += s.seen.Breaks
	none := len(ids) == 0 || confidences[0] < leads
	for i, id := range ids {
		if id == s.cause {
			h.meanCertainty += confidences[i]
		}
	}
	if s.cause == NoFault && none || !none && ids[0] == s.cause {
		h.Right++
		h.RightBreaks += s.seen.Breaks
		return
	}
	var words []string
	for i, id := range ids {
		words = append(words, fmt.Sprintf("%s %.2f", id, confidences[i]))
	}
	h.Wrong = append(h.Wrong, fmt.Sprintf("%s (%s): %d of %d breaks taken for %s", s.name, s.variant, s.seen.Breaks, s.seen.Total, strings.Join(words, ", ")))
}
