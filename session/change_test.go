package session

import "testing"

func TestAChangesAddressesLoseTheirSecrets(t *testing.T) {
	for ref, want := range map[string]string{
		"refs/tags/r42":                                       "refs/tags/r42",
		"https://ci.example/runs/7?token=secret":              "https://ci.example/runs/7",
		"https://deploy:secret@ci.example/runs/7#secret":      "https://ci.example/runs/7",
		"see https://a:b@c@ci.example?x=secret and ssh://git": "see https://ci.example and ssh://git",
	} {
		c, err := ParseChange([]byte(`{"time":"2026-01-02T10:00:00Z","kind":"deploy","ref":"` + ref + `","what":"` + ref + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		if c.Ref != want || c.What != want {
			t.Errorf("%q became %q and %q, want %q", ref, c.Ref, c.What, want)
		}
	}
}
