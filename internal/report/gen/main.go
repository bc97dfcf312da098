// Gen writes the JSON Schema of limpet.report/v1, made from diagnose.Report and its comments:
// go generate ./internal/report.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/invopop/jsonschema"

	"limpet.dev/diagnose"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: gen FILE")
	}
	// The command runs in internal/report.
	text, err := schema(filepath.Join("..", ".."))
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[1], text, 0o644); err != nil {
		log.Fatal(err)
	}
}

var losses = []any{diagnose.LossRouting, diagnose.LossStoreMiss, diagnose.LossStoreLatency, diagnose.LossStoreError}

// words are the values that a field can have, and their types' names in the schema.
var words = map[string][]any{
	"Report.schema":     {diagnose.Schema},
	"Report.verdict":    {diagnose.VerdictLost, diagnose.VerdictHealthy, diagnose.VerdictNotProven},
	"Break.kind":        {"lost", "incomplete", "withheld", "mixed-up", "never-established", "unserved"},
	"Break.loss":        losses,
	"Story.loss":        losses,
	"Finding.severity":  {"error", "warning", "info"},
	"MapEntry.status":   {"declared", "observed", "contradicted"},
	"StoryStep.routing": {"first", "first-seen", "held", "moved", "unserved", "withheld"},
	"StoryStep.outcome": {"none", "honoured", "lost", "incomplete", "withheld", "unserved", "unknown", "suspect"},
	"Step.outcome":      {"yes", "no", "unknown"},
	"Divergence.hop":    {"client", "tier", "instance", "store", "answer"},
	"Sign.strength":     {"proof", "suspicion"},
}

// shares are the numbers between 0 and 1.
var shares = []string{"Totals.continuity_rate", "Totals.sessions_without_break_rate", "Totals.break_rate_upper", "Totals.auth_error_rate", "Hypothesis.confidence", "AffinityHeld.held_rate"}

// schema makes the schema; root is the module's folder, where the comments are read. Further
// fields are allowed: a later report of the same version may have them.
func schema(root string) ([]byte, error) {
	r := &jsonschema.Reflector{AllowAdditionalProperties: true, Anonymous: true}
	comments, err := commentsOf(root)
	if err != nil {
		return nil, err
	}
	r.CommentMap = comments
	s := r.Reflect(&diagnose.Report{})
	s.ID = "https://limpet.dev/limpet.report.v1.schema.json"
	s.Title = diagnose.Schema
	for field, values := range words {
		p, err := property(s, field)
		if err != nil {
			return nil, err
		}
		p.Enum = values
	}
	for _, field := range shares {
		p, err := property(s, field)
		if err != nil {
			return nil, err
		}
		p.Minimum, p.Maximum = "0", "1"
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// property finds "Type.field", and says so when the Go types have moved on.
func property(s *jsonschema.Schema, name string) (*jsonschema.Schema, error) {
	typ, field, _ := strings.Cut(name, ".")
	def, ok := s.Definitions[typ]
	if !ok {
		return nil, fmt.Errorf("%s: no such type in the report", name)
	}
	p, ok := def.Properties.Get(field)
	if !ok {
		return nil, fmt.Errorf("%s: no such field in the report", name)
	}
	return p, nil
}

// commentsOf reads the comments of the report's types.
func commentsOf(root string) (map[string]string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	if err := os.Chdir(root); err != nil {
		return nil, err
	}
	defer os.Chdir(wd)
	r := &jsonschema.Reflector{}
	if err := r.AddGoComments("limpet.dev", "./diagnose"); err != nil {
		return nil, fmt.Errorf("read comments: %w", err)
	}
	return r.CommentMap, nil
}
