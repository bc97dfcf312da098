package session

import "testing"

// An event that says how often the credential's name stood in the request marks a duplicate.
func TestCopies(t *testing.T) {
	for line, want := range map[string]bool{
		`{"time":"2026-01-02T10:00:00Z","event":"websession.read","session":"a","copies":2}`: true,
		`{"time":"2026-01-02T10:00:00Z","event":"websession.read","session":"a","copies":1}`: false,
		`{"time":"2026-01-02T10:00:00Z","event":"websession.read","session":"a"}`:            false,
	} {
		var p EventParser
		var e Event
		if why := p.Parse([]byte(line), &e); why != "" || e.Twice != want {
			t.Errorf("%s: twice %v (%s), want %v", line, e.Twice, why, want)
		}
	}
}
