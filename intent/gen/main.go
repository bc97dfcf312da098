// Gen writes the JSON Schema of limpet.yaml: go generate ./intent.
package main

import (
	"log"
	"os"

	"limpet.dev/intent"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: gen FILE")
	}
	if err := os.WriteFile(os.Args[1], intent.Schema(), 0o644); err != nil {
		log.Fatal(err)
	}
}
