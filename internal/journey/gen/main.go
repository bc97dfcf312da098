// Gen writes the JSON Schema of files of journeys, made from journey.File and its comments: go generate ./internal/journey.
package main

import (
	"encoding/json"
	"log"
	"os"
	"reflect"
	"time"

	"github.com/invopop/jsonschema"

	"limpet.dev/internal/journey"
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

// schema makes the schema.
func schema() ([]byte, error) {
	r := &jsonschema.Reflector{Anonymous: true, Mapper: func(t reflect.Type) *jsonschema.Schema {
		switch t {
		case reflect.TypeFor[time.Duration]():
			return &jsonschema.Schema{Type: "string", Description: "a time such as 90s, 10m, 1h"}
		case reflect.TypeFor[journey.Variable]():
			env := jsonschema.NewProperties()
			env.Set("env", &jsonschema.Schema{Type: "string"})
			return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
				{Type: "string"}, {Type: "object", Properties: env, Required: []string{"env"}, AdditionalProperties: jsonschema.FalseSchema},
			}}
		}
		return nil
	}}
	s := r.Reflect(&journey.File{})
	s.ID, s.Title = "https://limpet.dev/limpet.journeys.schema.json", "Journeys for limpet journey"
	text, err := json.MarshalIndent(s, "", "  ")
	return append(text, '\n'), err
}
