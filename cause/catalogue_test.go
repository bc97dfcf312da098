package cause_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"limpet.dev/cause"
	"limpet.dev/internal/need"
)

// planned are identifiers of the taxonomy that the catalogue does not have yet; a cause may name
// them as neighbours.
var planned = []string{
	"clock-skew", "health-depends-on-shared-backend", "key-rotation-without-fallback", "probe-timeout-kills-node",
	"shared-store-not-enabled", "store-cleanup-peer-mismatch", "store-full-write-rejected", "store-node-loss-no-replica",
	"store-restart-volatile",
	"store-serialization-incompatible",
}

var kebab = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)

// TestCatalogueIsWhole looks at every cause's identity and prose. Proves S93.
func TestCatalogueIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range cause.All() {
		t.Run(c.ID, func(t *testing.T) {
			if !kebab.MatchString(c.ID) || seen[c.ID] {
				t.Errorf("identifier %q is not kebab-case, or not unique", c.ID)
			}
			seen[c.ID] = true
			for name, text := range map[string]string{"title": c.Title, "summary": c.Summary, "what users notice": c.LooksAs, "remedy": c.Remedy, "rollback": c.Rollback} {
				if len(strings.Fields(text)) < 4 {
					t.Errorf("its %s says nothing: %q", name, text)
				}
			}
			if strings.HasSuffix(c.Title, ".") {
				t.Errorf("its title %q ends with a full stop", c.Title)
			}
			for _, step := range []string{"\n1. ", "\n2. ", "\n3. "} {
				if !strings.Contains("\n"+c.Runbook, step) {
					t.Errorf("its runbook has no step %q", strings.TrimSpace(step))
				}
			}
			if c.Category == "" || c.Root == "" || c.Detect == nil || len(c.Uses) == 0 {
				t.Error("it lacks a category, a root, a detector or what the detector uses")
			}
			if c.Lab.Fault == "" && c.Lab.Journey == "" {
				t.Error("the lab cannot play it")
			}
		})
	}
	if len(seen) < 8 {
		t.Errorf("the catalogue has %d causes", len(seen))
	}
}

// TestRootsFollowTheCategories: each verdict falls under exactly one root (S92), by the taxonomy's rule. Proves S92.
func TestRootsFollowTheCategories(t *testing.T) {
	unreadable := []string{"namespace-changes-per-build", "signing-key-differs-between-nodes", "signing-key-regenerated-on-start"} // deploy causes that make stored state unreadable
	for _, c := range cause.All() {
		want := map[cause.Category]cause.Root{
			cause.Routing: cause.RoutingMisconfiguration, cause.Health: cause.RoutingMisconfiguration, cause.Deploy: cause.RoutingMisconfiguration,
			cause.Storage: cause.StorageOutage, cause.Client: cause.ClientCompatibility,
		}[c.Category]
		if slices.Contains(unreadable, c.ID) {
			want = cause.StorageOutage
		}
		if c.Root != want {
			t.Errorf("%s is of category %s and has root %q, want %q", c.ID, c.Category, c.Root, want)
		}
	}
}

func TestNeighboursAreKnown(t *testing.T) {
	for _, c := range cause.All() {
		if len(c.Neighbours) == 0 {
			t.Errorf("%s names no neighbour", c.ID)
		}
		for id, difference := range c.Neighbours {
			if _, ok := cause.Find(id); !ok && !slices.Contains(planned, id) {
				t.Errorf("%s names neighbour %s, which is neither in the catalogue nor planned", c.ID, id)
			}
			if id == c.ID || len(strings.Fields(difference)) < 4 {
				t.Errorf("%s does not say what separates it from %s", c.ID, id)
			}
		}
	}
}

// TestIdentifiersAreTheTaxonomys: identifiers are shared with the taxonomy of real incidents.
func TestIdentifiersAreTheTaxonomys(t *testing.T) {
	text, err := os.ReadFile(need.Shared(t, "incidents/TAXONOMY.md"))
	if err != nil {
		t.Fatal(err)
	}
	ids := slices.Clone(planned)
	for _, c := range cause.All() {
		ids = append(ids, c.ID)
	}
	for _, id := range ids {
		if !strings.Contains(string(text), "\n### "+id+"\n") {
			t.Errorf("%s is not in the taxonomy", id)
		}
	}
}
