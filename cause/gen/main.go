// Gen writes the catalogue as a document: go generate ./cause.
package main

import (
	"log"
	"os"

	"limpet.dev/cause"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: gen FILE")
	}
	if err := os.WriteFile(os.Args[1], cause.Markdown(), 0o644); err != nil {
		log.Fatal(err)
	}
}
