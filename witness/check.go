package witness

import (
	"encoding/json"
	"strings"
	"time"

	"limpet.dev/session"
)

// Check says what an event line lacks of what an adopter should send, in plain words; nil
// means nothing. It asks for more than reading needs: limpet joins and judges with whatever
// is there, but an event that names instance, time, session and request says most (S28).
func Check(line []byte) []string {
	var w struct {
		wire
		Time    json.RawMessage `json:"time"`
		StoreMs json.RawMessage `json:"store_ms"`
		State   json.RawMessage `json:"state"`
	}
	if err := json.Unmarshal(line, &w); err != nil {
		return []string{"not a JSON object on one line"}
	}
	var lacks []string
	lack := func(missing bool, what string) {
		if missing {
			lacks = append(lacks, what)
		}
	}
	lack(!readableTime(w.Time), "time: a text like 2026-01-02T10:00:00.123456Z, with its zone")
	lack(w.Instance == "", "instance: which copy of the application this is, named as the balancer names it")
	if w.Event == Start {
		lack(w.Release == "", "release: the version that started")
		return lacks
	}
	lack(!known(w.Event), "event: one of "+join(operations))
	failed := w.Result == Error // what was to be made or replaced is not there
	lack(w.Session == "" && !(failed && w.Event == Create), "session: the pseudonym of the credential")
	lack(w.Session != "" && !isPseudonym(w.Session), "session: a pseudonym (s: and 26 characters), not the application's own id")
	lack(w.RequestID == "" && w.TraceID == "", "request_id or trace_id: what joins the event to the balancer's line")
	lack(w.Event == Read && !validResult(w.Result), "result: hit, miss, stale or error")
	lack(needsReason(w.Event, w.Result) && w.Reason == "", "reason: why the session ended or was not found")
	lack(w.Event == Rotate && !failed && w.Previous == "", "previous: the pseudonym of the credential that was replaced")
	lack(w.Store == "", "store: where the state lives (memory, cookie, redis …)")
	lack(w.Route == "", "route: the path, without query")
	return lacks
}

var operations = []Op{Create, Read, Write, Rotate, Destroy, Restore, Start}

func known(op Op) bool {
	for _, o := range operations {
		if o == op {
			return true
		}
	}
	return false
}

func join(ops []Op) string {
	names := make([]string, len(ops))
	for i, op := range ops {
		names[i] = string(op)
	}
	return strings.Join(names, ", ")
}

func readableTime(raw json.RawMessage) bool {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return false
	}
	_, err := time.Parse(time.RFC3339Nano, text)
	return err == nil
}

func isPseudonym(text string) bool {
	_, ok := session.ParsePseudonym([]byte(text))
	return ok
}

func validResult(r Result) bool { return r == Hit || r == Miss || r == Stale || r == Error }

func needsReason(op Op, r Result) bool { return op == Destroy || r == Miss || r == Error }
