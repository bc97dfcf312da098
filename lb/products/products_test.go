package products

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"limpet.dev/internal/need"
	"limpet.dev/lb"
)

// folders names the corpus folders of each product, and how many of its files must be recognised, in percent: some are
// pieces of text with too little in them, or of another program.
var folders = map[string]struct {
	folders []string
	least   int
}{
	"haproxy": {[]string{"haproxy"}, 98},
	"httpd":   {[]string{"apache"}, 85},
	"nginx":   {[]string{"nginx"}, 90},
	"caddy":   {[]string{"caddy", "caddy-json"}, 90},
}

// misfiled are files that lie in the folder of one product and are configurations of another: a guide to HAProxy that
// shows what to put into nginx.
var misfiled = map[string]string{
	"handbook__docs_devops-guide_turn.md__1_1.cfg": "nginx",
	"handbook__docs_devops-guide_turn.md__2_2.cfg": "nginx",
}

// Real configurations are recognised as their product's, and no other product takes them.
func TestRealConfigurationsAreRecognised(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(need.Corpus(t, "configs"), "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range All() {
		f, ok := folders[p.Name]
		if !ok {
			t.Errorf("%s has no folder here", p.Name)
			continue
		}
		t.Run(p.Name, func(t *testing.T) { recognise(t, p, files, f.folders, f.least) })
	}
}

func recognise(t *testing.T, p *lb.Product, files, folders []string, least int) {
	var own, missed, foreign, taken int
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := OfConfig(text[:min(len(text), 16<<10)])
		mine := ok && got == p
		lies := filepath.Base(filepath.Dir(f))
		if of, ok := misfiled[filepath.Base(f)]; ok {
			lies = of
		}
		switch {
		case slices.Contains(folders, lies):
			own++
			if !mine {
				missed++
				t.Logf("not recognised: %s", filepath.Base(f))
			}
		default:
			foreign++
			if mine {
				taken++
				t.Errorf("taken for %s: %s", p.Name, f)
			}
		}
	}
	t.Logf("%d of %d own recognised, %d of %d foreign taken", own-missed, own, taken, foreign)
	if (own-missed)*100 < least*own {
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
