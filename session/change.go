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
	return Change{At: at.UTC(), Kind: strings.ToLower(raw.Kind), Target: withoutSecrets(raw.Target), What: withoutSecrets(raw.What), Ref: withoutSecrets(raw.Ref)}, nil
}

// withoutSecrets drops what the URLs in a text may hold of them: user, password, query and fragment.
func withoutSecrets(text string) string {
	words := strings.Split(text, " ")
	for i, word := range words {
		scheme, rest, ok := strings.Cut(word, "://")
		if !ok {
			continue
		}
		if cut := strings.IndexAny(rest, "?#"); cut >= 0 {
			rest = rest[:cut]
		}
		authority, path, slash := strings.Cut(rest, "/")
		authority = authority[strings.LastIndexByte(authority, '@')+1:]
		if slash {
			authority += "/" + path
		}
		words[i] = scheme + "://" + authority
	}
	return strings.Join(words, " ")
}
