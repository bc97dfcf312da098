package witness_test

import (
	"strings"
	"testing"

	"limpet.dev/session"
	"limpet.dev/witness"
)

// Proves S28. The check for adopters demands instance, time,
// session pseudonym and request or trace id, and says which is missing.
func TestCheckNamesWhatAnEventLacks(t *testing.T) {
	s := session.Key{}.Pseudonym([]byte("x")).String()
	full := `{"time":"2026-01-02T10:00:00Z","event":"websession.read","session":"` + s +
		`","result":"hit","instance":"app1","request_id":"r1","store":"memory","route":"/cart"}`
	tests := []struct {
		name, line, want string
	}{
		{"nothing", full, ""},
		{"trace id instead of request id", strings.Replace(full, "request_id", "trace_id", 1), ""},
		{"no time", strings.Replace(full, `"time":"2026-01-02T10:00:00Z",`, "", 1), "time"},
		{"time without zone", strings.Replace(full, "00Z", "00", 1), "time"},
		{"no instance", strings.Replace(full, `"instance":"app1",`, "", 1), "instance"},
		{"no session", strings.Replace(full, `"session":"`+s+`",`, "", 1), "session"},
		{"own id", strings.Replace(full, s, "12345", 1), "session"},
		{"no request id", strings.Replace(full, `"request_id":"r1",`, "", 1), "request_id or trace_id"},
		{"no result", strings.Replace(full, `"result":"hit",`, "", 1), "result"},
		{"miss without reason", strings.Replace(full, `"hit"`, `"miss"`, 1), "reason"},
		{"rotation without previous", strings.Replace(full, "websession.read", "websession.rotate", 1), "previous"},
		{"unheard-of event", strings.Replace(full, "websession.read", "websession.look", 1), "event"},
		{"start of a process", `{"time":"2026-01-02T10:00:00Z","event":"process.start","instance":"app1","release":"r7"}`, ""},
		{"not JSON", "10:00 session lost", "not a JSON object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lacks := witness.Check([]byte(tt.line))
			switch {
			case tt.want == "" && len(lacks) != 0:
				t.Errorf("lacks %q, want nothing", lacks)
			case tt.want != "" && len(lacks) != 1:
				t.Errorf("lacks %q, want one entry about %s", lacks, tt.want)
			case tt.want != "" && !strings.HasPrefix(lacks[0], tt.want):
				t.Errorf("lacks %q, want %s", lacks, tt.want)
			}
		})
	}
}

func TestRecorderSatisfiesItsOwnCheck(t *testing.T) {
	var line []byte
	rec := &witness.Recorder{Sink: func(l []byte) { line = l }, Instance: "app1", Release: "r1"}
	rec.Record(t.Context(), witness.Event{Op: witness.Start})
	if lacks := witness.Check(line); len(lacks) != 0 {
		t.Errorf("process.start lacks %q", lacks)
	}
}
