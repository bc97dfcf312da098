package intent

import (
	"bytes"
	"encoding/json"
)

//go:generate go run ./gen ../docs/limpet.schema.json

// Schema returns the JSON Schema of limpet.yaml, for editors.
func Schema() []byte {
	s := intentKeys.schema()
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["$id"] = "https://limpet.dev/limpet.schema.json"
	s["title"] = FileName
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		panic(err) // the table holds only strings, lists and maps
	}
	return out.Bytes()
}

func (o object[T]) schema() map[string]any {
	properties := map[string]any{}
	for _, k := range o.keys {
		p := k.schema()
		p["description"] = k.doc
		properties[k.name] = p
	}
	s := map[string]any{
		"type":                 "object",
		"description":          o.doc,
		"properties":           properties,
		"additionalProperties": false,
	}
	if o.one {
		s["minProperties"], s["maxProperties"] = 1, 1
	}
	return s
}
