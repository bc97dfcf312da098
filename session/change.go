package session

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A Change is something that people or machines did to the system: a deployment, a new
// configuration, a restart. People write these: they support a cause, they never make one.
type Change struct {
	At     time.Time
	Kind   string // deploy, config, scale, restart, health, flag, store
	Target string
	What   string
	Ref    string
	Input  uint16
	Line   uint32
}

// ParseChange reads one line of a changes file.
func ParseChange(line []byte) (Change, error) {
	var raw struct {
		Time, Kind, Target, What, Ref string
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return Change{}, fmt.Errorf("%s", NotJSON)
	}
	at, err := time.Parse(time.RFC3339Nano, raw.Time)
	if err != nil {
		return Change{}, fmt.Errorf("%s", NoTime)
	}
	if raw.Kind == "" && raw.What == "" {
		return Change{}, fmt.Errorf("neither kind nor what")
	}
	return Change{At: at.UTC(), Kind: strings.ToLower(raw.Kind), Target: raw.Target, What: raw.What, Ref: raw.Ref}, nil
}
