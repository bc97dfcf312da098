package products

import (
	"os"
	"path/filepath"
	"testing"

	"limpet.dev/internal/need"
)

// Real HAProxy configurations are recognised, those of other balancers are not.
func TestRealConfigurationsAreRecognised(t *testing.T) {
	dir := need.Corpus(t, "configs")
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var own, missed, foreign, taken int
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p, ok := OfConfig(text[:min(len(text), 16<<10)])
		if filepath.Base(filepath.Dir(f)) == "haproxy" {
			own++
			if !ok || p.Name != "haproxy" {
				missed++
				t.Logf("not recognised: %s", filepath.Base(f))
			}
			continue
		}
		foreign++
		if ok && p.Name == "haproxy" {
			taken++
			t.Errorf("taken for haproxy: %s", f)
		}
	}
	t.Logf("%d of %d own recognised, %d of %d foreign taken", own-missed, own, taken, foreign)
	if missed*50 > own { // two pieces of text in the corpus are of another product
		t.Errorf("%d of %d configurations are not recognised", missed, own)
	}
}

func TestProductsHaveNames(t *testing.T) {
	for _, p := range All() {
		if got, ok := ByName(p.Name); !ok || got != p {
			t.Errorf("ByName(%q) does not find it", p.Name)
		}
	}
	if _, ok := ByName("no such balancer"); ok {
		t.Error("a product that does not exist was found")
	}
}
