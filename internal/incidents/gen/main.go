// Gen writes docs/incidents.md: go generate ./internal/incidents.
package main

import (
	"context"
	"log"
	"os"

	"limpet.dev/internal/incidents"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: gen FILE")
	}
	turned, err := incidents.Run(context.Background(), "testdata")
	if err != nil {
		log.Fatal(err)
	}
	rest, err := incidents.NotTurned("testdata")
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[1], []byte(incidents.Markdown(turned, rest)), 0o644); err != nil {
		log.Fatal(err)
	}
}
