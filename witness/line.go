package witness

import (
	"encoding/json"
	"math"
	"time"
)

// wire is an event as it is written: architecture.md, section 5.
type wire struct {
	Time      string         `json:"time"`
	Event     Op             `json:"event"`
	Session   string         `json:"session,omitempty"`
	Result    Result         `json:"result,omitempty"`
	Instance  string         `json:"instance,omitempty"`
	RequestID string         `json:"request_id,omitempty"`
	TraceID   string         `json:"trace_id,omitempty"`
	User      string         `json:"user,omitempty"`
	Store     string         `json:"store,omitempty"`
	StoreMs   float64        `json:"store_ms,omitempty"`
	Route     string         `json:"route,omitempty"`
	Previous  string         `json:"previous,omitempty"`
	Reason    string         `json:"reason,omitempty"`
	Release   string         `json:"release,omitempty"`
	State     map[string]int `json:"state,omitempty"`
}

// timeLayout keeps microseconds, trailing zeros too, so that lines sort as text.
const timeLayout = "2006-01-02T15:04:05.000000Z07:00"

func (r *Recorder) line(at time.Time, shared *request, e *Event) []byte {
	zone := r.Zone
	if zone == nil {
		zone = time.UTC
	}
	w := wire{
		Time: at.In(zone).Format(timeLayout), Event: e.Op, Result: e.Result, Reason: e.Reason,
		Session: r.pseudonym("s:", e.Session), Previous: r.pseudonym("s:", e.Previous),
		User:     r.pseudonym("u:", e.User),
		Instance: r.Instance, Release: r.Release, State: e.State,
		RequestID: shared.id, TraceID: shared.trace, Route: shared.route,
	}
	if e.Op != Start {
		w.Store = r.Store
		w.StoreMs = math.Round(float64(e.StoreTime)/float64(time.Microsecond)) / 1000
	}
	line, err := json.Marshal(w)
	if err != nil { // strings, numbers and a map of numbers always marshal
		panic("witness: " + err.Error())
	}
	return append(line, '\n')
}

// pseudonym is the only form in which a secret or a name leaves the application.
func (r *Recorder) pseudonym(prefix, secret string) string {
	if secret == "" {
		return ""
	}
	return prefix + r.Key.Pseudonym([]byte(secret)).String()[len("s:"):]
}
