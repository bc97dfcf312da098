package witness_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"limpet.dev/session"
	"limpet.dev/witness"
)

func fixedClock() time.Time { return time.Date(2026, 1, 2, 10, 0, 0, 123456000, time.UTC) }

// A shop records a lookup that found nothing.
func ExampleRecorder() {
	rec := &witness.Recorder{
		Sink:     func(line []byte) { fmt.Print(string(line)) },
		Now:      fixedClock,
		Key:      session.Key{1, 2, 3},
		Instance: "app2",
		Store:    "memory",
	}
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookie, _ := r.Cookie("SHOPSESSION")
		rec.Record(r.Context(), witness.Event{
			Op: witness.Read, Result: witness.Miss, Reason: witness.ReasonUnknown, Session: cookie.Value,
		})
	})
	req := httptest.NewRequest("GET", "/cart;jsessionid=secret?token=secret", nil)
	req.Header.Set("X-Request-ID", "r-17")
	req.Header.Set("Cookie", "SHOPSESSION=example-value")
	rec.Wrap(shop).ServeHTTP(httptest.NewRecorder(), req)
	// Output:
	// {"time":"2026-01-02T10:00:00.123456Z","event":"websession.read","session":"s:mft74wdnhrffexuepy5m7a2xze","result":"miss","instance":"app2","request_id":"r-17","store":"memory","route":"/cart","reason":"unknown"}
}

func TestLineCarriesPseudonymsOnly(t *testing.T) {
	const secret = "CANARY-4711"
	var lines []string
	rec := &witness.Recorder{
		Sink: func(line []byte) { lines = append(lines, string(line)) }, Now: fixedClock,
		Key: session.Key{9}, Instance: "app1", Store: "cookie", Zone: time.FixedZone("X", 2*3600),
	}
	rec.Record(t.Context(), witness.Event{
		Op: witness.Rotate, Session: secret, Previous: secret + "-old", User: secret,
		StoreTime: 1500 * time.Microsecond, State: map[string]int{"cart_items": 3},
	})
	if strings.Contains(lines[0], secret) {
		t.Fatal("the line shows a credential or a user's name")
	}
	var got struct {
		Time, Session, Previous, User string
		StoreMs                       float64 `json:"store_ms"`
		State                         struct {
			Cart int `json:"cart_items"`
		}
	}
	if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
		t.Fatal(err)
	}
	if want := rec.Key.Pseudonym([]byte(secret)).String(); got.Session != want {
		t.Errorf("session %s, want %s", got.Session, want)
	}
	if !strings.HasPrefix(got.User, "u:") || len(got.User) != 28 {
		t.Errorf("user %q is no pseudonym", got.User)
	}
	if got.Time != "2026-01-02T12:00:00.123456+02:00" || got.StoreMs != 1.5 || got.State.Cart != 3 {
		t.Errorf("time %s, store_ms %v, cart %d", got.Time, got.StoreMs, got.State.Cart)
	}
}

func TestTraceIDComesFromTraceparent(t *testing.T) {
	var line string
	rec := &witness.Recorder{Sink: func(l []byte) { line = string(l) }, Now: fixedClock}
	h := rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec.Record(r.Context(), witness.Event{Op: witness.Create, Session: "x"})
	}))
	req := httptest.NewRequest("GET", "/", nil)
	req.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	h.ServeHTTP(httptest.NewRecorder(), req)
	if !strings.Contains(line, `"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"`) {
		t.Errorf("no trace id in %s", line)
	}
}
