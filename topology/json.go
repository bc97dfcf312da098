package topology

import (
	"encoding/json"
	"time"
)

// Durations are written as Go writes them ("2s", "1m30s"), so that people can read the model;
// a zero duration is left out where zero means "none".

func span(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// MarshalJSON writes the health check with readable durations.
func (h HealthCheck) MarshalJSON() ([]byte, error) {
	type plain HealthCheck
	return json.Marshal(struct {
		plain
		Interval      string `json:"interval"`
		FastInterval  string `json:"fast_interval,omitempty"`
		DownInterval  string `json:"down_interval,omitempty"`
		Timeout       string `json:"timeout,omitempty"`
		RemoveMin     string `json:"remove_min"`
		RemoveRefused string `json:"remove_refused,omitempty"`
		RemoveMax     string `json:"remove_max"`
		ReturnMin     string `json:"return_min"`
		ReturnMax     string `json:"return_max"`
	}{
		plain(h), h.Interval.String(), span(h.FastInterval), span(h.DownInterval), span(h.Timeout),
		h.RemoveMin.String(), span(h.RemoveRefused), h.RemoveMax.String(), h.ReturnMin.String(), h.ReturnMax.String(),
	})
}

// MarshalJSON writes the affinity with readable lifetimes.
func (a Affinity) MarshalJSON() ([]byte, error) {
	type plain Affinity
	return json.Marshal(struct {
		plain
		Idle     string `json:"idle,omitempty"`
		Absolute string `json:"absolute,omitempty"`
	}{plain(a), span(a.Idle), span(a.Absolute)})
}

// MarshalJSON writes the instance with a readable slow start.
func (i Instance) MarshalJSON() ([]byte, error) {
	type plain Instance
	return json.Marshal(struct {
		plain
		SlowStart string `json:"slow_start,omitempty"`
	}{plain(i), span(i.SlowStart)})
}

// MarshalJSON writes the table with a readable lifetime.
func (t Table) MarshalJSON() ([]byte, error) {
	type plain Table
	return json.Marshal(struct {
		plain
		Expire string `json:"expire,omitempty"`
	}{plain(t), span(t.Expire)})
}
