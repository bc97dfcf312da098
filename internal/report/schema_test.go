package report

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"limpet.dev/diagnose"
	"limpet.dev/internal/need"
)

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(filepath.Join(root, "docs", "limpet.report.v1.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestJSONKeepsItsSchema(t *testing.T) {
	s := schema(t)
	for _, c := range cases[:3] { // an empty struct has no verdict, so it is no report
		t.Run(c.name, func(t *testing.T) {
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(write(t, "json", c.report(t), Options{})))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(doc); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSchemaRefusesWhatIsNoReport(t *testing.T) {
	s := schema(t)
	for what, change := range map[string]func(map[string]any){
		"an unknown verdict":       func(r map[string]any) { r["verdict"] = "fine" },
		"no totals":                func(r map[string]any) { delete(r, "totals") },
		"null for a list":          func(r map[string]any) { r["breaks"] = nil },
		"a break of no known kind": func(r map[string]any) { r["breaks"].([]any)[0].(map[string]any)["kind"] = "gone" },
		"a step of a story without its time": func(r map[string]any) {
			delete(r["stories"].([]any)[0].(map[string]any)["requests"].([]any)[0].(map[string]any), "at")
		},
		"more than certainty": func(r map[string]any) {
			r["hypotheses"].([]any)[0].(map[string]any)["confidence"] = json.Number("1.5")
		},
	} {
		t.Run(what, func(t *testing.T) {
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(write(t, "json", full(t), Options{})))
			if err != nil {
				t.Fatal(err)
			}
			change(doc.(map[string]any))
			if err := s.Validate(doc); err == nil {
				t.Error("the schema accepts it")
			}
		})
	}
}

// JSON is the report: reading it back gives the same report, field by field.
func TestJSONLosesNothing(t *testing.T) {
	for _, r := range []*diagnose.Report{full(t), big(t)} {
		losesNothing(t, r)
	}
}

func losesNothing(t *testing.T, r *diagnose.Report) {
	t.Helper()
	var back, want bytes.Buffer
	if err := json.Compact(&back, []byte(write(t, "json", r, Options{}))); err != nil {
		t.Fatal(err)
	}
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		t.Fatal(err)
	}
	if got, want := back.String(), strings.TrimSpace(want.String()); got != want {
		t.Errorf("JSON differs from the report's own form: %s", firstDifference(strings.ReplaceAll(got, ",", "\n"), strings.ReplaceAll(want, ",", "\n")))
	}
}
