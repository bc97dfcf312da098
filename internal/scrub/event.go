package scrub

import (
	"encoding/json"
	"strings"

	"limpet.dev/capture"
	"limpet.dev/session"
)

// An eventLine is a lifecycle event with the fields that leave (docs/events.md); all others are left out.
type eventLine struct {
	Time      string         `json:"time,omitempty"`
	Event     string         `json:"event,omitempty"`
	Session   string         `json:"session,omitempty"`
	Previous  string         `json:"previous,omitempty"`
	Result    string         `json:"result,omitempty"`
	Instance  string         `json:"instance,omitempty"`
	RequestID string         `json:"request_id,omitempty"`
	TraceID   string         `json:"trace_id,omitempty"`
	User      string         `json:"user,omitempty"`
	Store     string         `json:"store,omitempty"`
	StoreMs   *float64       `json:"store_ms,omitempty"`
	Route     string         `json:"route,omitempty"`
	Reason    string         `json:"reason,omitempty"`
	Release   string         `json:"release,omitempty"`
	State     map[string]any `json:"state,omitempty"`
}

// scrubEvent scrubs a line of lifecycle events; false for one that cannot be read.
func scrubEvent(line []byte, s *capture.Scrubber) ([]byte, bool) {
	var e eventLine
	if err := json.Unmarshal(line, &e); err != nil {
		return nil, false
	}
	if strings.ContainsAny(e.Time, "\"\\ ") || s.Text(e.Time) != e.Time && !moments.MatchString(e.Time) {
		return nil, false
	}
	e.Event, e.Result, e.Reason, e.Store = s.Text(e.Event), s.Text(e.Result), s.Text(e.Reason), s.Text(e.Store)
	e.Session, e.Previous = s.Credential("session", "", e.Session), s.Credential("session", "", e.Previous)
	if !strings.HasPrefix(e.User, "u:") {
		e.User = s.Credential("user", "", e.User)
	} else if _, ok := session.ParsePseudonym([]byte(e.User)); !ok {
		e.User = "u:x"
	}
	if e.Route != "" {
		e.Route = s.URL(e.Route)
	}
	for _, id := range []*string{&e.RequestID, &e.TraceID} {
		if *id != "" && !requestID.MatchString(*id) {
			*id = s.Credential("request id", "", *id)
		}
	}
	for _, name := range []*string{&e.Instance, &e.Release} {
		if *name != "" && !ownName.MatchString(*name) {
			*name = s.Text(*name)
		}
	}
	for k, v := range e.State {
		switch v.(type) {
		case float64, bool, nil:
		default:
			s.Count("state", k)
			delete(e.State, k)
		}
	}
	out, err := json.Marshal(e)
	return out, err == nil
}
