// Gen writes the JSON Schema of limpet.cookies/v1, made from clientside.Report: go generate ./internal/clientside.
package main

import (
	"bytes"
	"encoding/json"
	"log"
	"os"

	"github.com/invopop/jsonschema"

	"limpet.dev/internal/clientside"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: gen FILE")
	}
	text, err := schema()
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[1], text, 0o644); err != nil {
		log.Fatal(err)
	}
}

// words are the values that a field can have.
var words = map[string]map[string][]any{
	"Report":  {"schema": {clientside.Schema}, "verdict": {clientside.Clean, clientside.Problems, clientside.NotProven}},
	"Finding": {"severity": {clientside.Error, clientside.Warning, clientside.Info}},
	"View":    {"role": {clientside.SessionCookie, clientside.AffinityCookie, clientside.OtherCookie}},
}

// schema makes the schema. Further fields are allowed: a later report of the same version may have them.
func schema() ([]byte, error) {
	r := &jsonschema.Reflector{AllowAdditionalProperties: true, Anonymous: true}
	s := r.Reflect(&clientside.Report{})
	s.ID, s.Title = "https://limpet.dev/limpet.cookies.v1.schema.json", clientside.Schema
	for name, fields := range words {
		for field, values := range fields {
			p, ok := s.Definitions[name].Properties.Get(field)
			if !ok {
				log.Fatalf("%s has no field %s", name, field)
			}
			p.Enum = values
		}
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
