package cause_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"limpet.dev/internal/lab"
	"limpet.dev/internal/need"
	"limpet.dev/lb/products"
)

// TestWeightsAreDerived: weights.json is what limpet lab weigh makes of the recorded cases, to the byte.
func TestWeightsAreDerived(t *testing.T) {
	labelled, err := lab.LabelledCases(t.Context(), readCases(t), products.All())
	if err != nil {
		t.Fatal(err)
	}
	w, err := lab.Weigh(labelled)
	if err != nil {
		t.Fatal(err)
	}
	got, err := lab.MarshalWeights(w)
	if err != nil {
		t.Fatal(err)
	}
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(root, "diagnose", "weights.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("diagnose/weights.json is not what the recorded cases say; run: go run ./cmd/limpet lab weigh --write")
	}
	for _, h := range lab.JudgeHeldOut(labelled, w)[:1] {
		if h.RightBreaks*100 < h.AllBreaks*95 {
			t.Errorf("with weights derived without the case itself, %d of %d breaks get the right cause (read: %s)", h.RightBreaks, h.AllBreaks, h.Variant)
		}
	}
}
