package conform

import (
	"os"
	"testing"

	"limpet.dev/internal/need"
)

func TestVectors(t *testing.T) {
	for _, name := range []string{
		"cookies-http-state.json", "cookies-wpt.json", "cookies-dates.json", "cookies-domain-match.json", "cookies-folded.json",
		"browser-observed-part1.json",
	} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(need.Shared(t, "reference/vectors/"+name))
			if err != nil {
				t.Fatal(err)
			}
			got, err := Run(data)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d passed, %d failed", got.Passed, len(got.Failed))
			for _, f := range got.Failed {
				t.Error(f)
			}
		})
	}
}
