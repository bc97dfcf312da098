package session

import (
	"testing"
	"unicode/utf8"

	"limpet.dev/internal/need"
)

// corpusObjects adds lines of real logs that hold JSON as seeds.
func corpusObjects(f *testing.F) {
	for _, kind := range []string{"caddy", "envoy", "traefik"} {
		for _, line := range need.Lines("logs/"+kind, 5) {
			f.Add(line)
		}
	}
}

// FuzzEventLine: no line makes the parser of lifecycle events panic; a line is an event with a kind, a time and a
// key, or is skipped for a stable reason.
func FuzzEventLine(f *testing.F) {
	for _, line := range []string{
		`{"time":"2026-01-02T10:00:00.123456Z","event":"websession.read","session":"s:aaaaaaaaaaaaaaaaaaaaaaaaaa","result":"miss","instance":"app2","request_id":"r1","store_ms":0.02,"route":"/cart","state":{"cart_items":3,"lang":"de"}}`,
		`{"time":"2026-01-02 10:00:00,5+0200","event":"process.start","instance":"a","release":"1"}`,
		`{"time":"2026-01-02T10:00:00-00:30","event":"websession.destroy","session":"\u00e9\"\\x","reason":"\ud83d\ude00"}`,
		`{"event":"websession.read","state":[1,{"a":[]}],"x":{"y":{}},"session":1e400,"time":null}`, `{`, `{"a"`, `{"a":"\`, `{"a":"\u12`, "{}", "",
	} {
		f.Add([]byte(line))
	}
	corpusObjects(f)
	reasons := map[string]bool{NotJSON: true, NoTime: true, NoEventName: true, UnknownEvent: true, NoKey: true}
	f.Fuzz(func(t *testing.T, line []byte) {
		var p EventParser
		var e Event
		why := p.Parse(line, &e)
		switch {
		case why != "" && !reasons[why]:
			t.Errorf("%q is skipped for a reason that is not listed: %s", line, why)
		case why != "":
			return
		case e.Kind == 0:
			t.Errorf("%q: an event without a kind", line)
		case e.Kind != Start && e.Session.Empty() && len(e.RequestID)+len(e.TraceID) == 0:
			t.Errorf("%q: an event that belongs to nothing", line)
		}
		r := NewReducer(NewVocabulary(), Hasher{Seed: stateSeed, Joined: true}, func([]byte) string { return "" }, func(b []byte) string { return string(b) })
		var rec Record
		r.Reduce(&e, &rec, line)
		for _, s := range []Span{rec.PresentedAt, rec.SetAt} {
			if int(s.At)+int(s.Len) > len(line) {
				t.Errorf("%q: a credential outside its line", line)
			}
		}
	})
}

// FuzzChange: no line makes the reader of changes panic; what it reads has a time and says something, and no query,
// user or password of a URL.
func FuzzChange(f *testing.F) {
	for _, line := range []string{
		`{"time":"2026-01-02T10:00:00Z","kind":"deploy","target":"app2","what":"release 12 of https://u:p@ci.example.test/a?token=x#y","ref":"4f2a"}`,
		`{"time":"2026-01-02T10:00:00+02:00","what":"Ünïcode 😀"}`, `{"time":"x","kind":"scale"}`, `{"kind":"flag"}`, "[]", "{", `{"time":"2026-01-02T10:00:00Z"}`,
	} {
		f.Add([]byte(line))
	}
	corpusObjects(f)
	f.Fuzz(func(t *testing.T, line []byte) {
		c, err := ParseChange(line)
		if err != nil {
			return
		}
		if c.Kind == "" && c.What == "" {
			t.Errorf("%q: a change that says nothing", line)
		}
		if utf8.Valid(line) && !utf8.ValidString(c.What+c.Target+c.Ref) {
			t.Errorf("%q: text that was valid is not any more", line)
		}
		for _, text := range []string{c.What, c.Target, c.Ref} {
			if again := withoutSecrets(text); again != text {
				t.Errorf("%q: %q still held something of an address: %q", line, text, again)
			}
		}
	})
}
