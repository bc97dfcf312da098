package incidents

import (
	"os"
	"slices"
	"testing"
)

// Each reported incident that can be turned into inputs is diagnosed: none is named wrongly with a confidence above 0.8, and what
// was named once stays named.
func TestReportedIncidents(t *testing.T) {
	turned, err := Run(t.Context(), "testdata")
	if err != nil {
		t.Fatal(err)
	}
	named := []string{"eck-kibana-key", "k8s-swarm-blazor", "powershell-universal-dp"}
	for _, o := range turned {
		if o.Known && !o.Right() && o.Sure > 0.8 {
			t.Errorf("%s: %s with confidence %.2f, want %s", o.ID, o.Named, o.Sure, o.Want)
		}
		if slices.Contains(named, o.ID) && !o.Right() {
			t.Errorf("%s: %q, want %s as before", o.ID, o.Named, o.Want)
		}
	}
}

func TestTheTableIsCurrent(t *testing.T) {
	turned, err := Run(t.Context(), "testdata")
	if err != nil {
		t.Fatal(err)
	}
	rest, err := NotTurned("testdata")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../docs/incidents.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != Markdown(turned, rest) {
		t.Error("docs/incidents.md is not what the incidents give: run go generate ./internal/incidents")
	}
	for _, r := range rest {
		if r.Why == "" || slices.ContainsFunc(turned, func(o Outcome) bool { return o.ID == r.ID }) {
			t.Errorf("%s is listed without a reason, or twice", r.ID)
		}
	}
}
