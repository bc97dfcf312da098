// Package conform runs the client engine against vectors: files that say what a
// specification's test-suite expects, or what real clients were observed to do. The format
// of a file is recognised by its fields: cases with steps and an expected Cookie header, dates,
// pairs of host and domain, folded lines, observed scenarios.
package conform

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A Result counts the cases of a file.
type Result struct {
	Passed int
	Failed []Failure
}

// A Failure is one case that came out otherwise. It shows names and reasons, no values.
type Failure struct {
	ID     string // of the case
	Client string // the row of the client table
	What   string // what differs
}

func (f Failure) String() string { return f.ID + " [" + f.Client + "]: " + f.What }

// ErrFormat is what Run returns for a file that holds none of the known formats.
var ErrFormat = errors.New("no vectors in a known format: cases with steps, dates, domains or folded lines, or observed scenarios")

// Run runs all cases of one file.
func Run(data []byte) (Result, error) {
	var file struct {
		Cases     []json.RawMessage `json:"cases"`
		Scenarios []json.RawMessage `json:"scenarios"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return Result{}, fmt.Errorf("read vectors: %w", err)
	}
	var t tally
	switch {
	case len(file.Scenarios) > 0:
		if err := t.observed(data); err != nil {
			return Result{}, err
		}
	case len(file.Cases) > 0:
		for i, raw := range file.Cases {
			if err := t.run(raw); err != nil {
				return Result{}, fmt.Errorf("case %d: %w", i+1, err)
			}
		}
	default:
		return Result{}, ErrFormat
	}
	return t.Result, nil
}

// tally collects outcomes.
type tally struct{ Result }

// count notes one case: it passed if nothing differs.
func (t *tally) count(id, client string, differs []string) {
	if len(differs) == 0 {
		t.Passed++
		return
	}
	t.Failed = append(t.Failed, Failure{id, client, strings.Join(differs, "; ")})
}

// run recognises a case by its fields.
func (t *tally) run(raw json.RawMessage) error {
	var has map[string]json.RawMessage
	if err := json.Unmarshal(raw, &has); err != nil {
		return err
	}
	switch {
	case has["steps"] != nil && has["request"] != nil:
		return t.exchange(raw)
	case has["cookieDomain"] != nil:
		return t.domain(raw)
	case has["input"] != nil && strings.HasPrefix(strings.TrimSpace(string(has["expected"])), "["):
		return t.folded(raw)
	case has["input"] != nil:
		return t.date(raw)
	}
	return ErrFormat
}
