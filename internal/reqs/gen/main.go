// Gen writes the table of requirements: go generate ./internal/reqs.
package main

import (
	"log"
	"os"

	"limpet.dev/internal/need"
	"limpet.dev/internal/reqs"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: gen FILE")
	}
	root, err := need.Root()
	if err != nil {
		log.Fatal(err)
	}
	proofs, unknown, err := reqs.Proofs(os.DirFS(root))
	if err != nil {
		log.Fatal(err)
	}
	if len(unknown) > 0 {
		log.Fatalf("no such requirement: %q", unknown)
	}
	if err := os.WriteFile(os.Args[1], reqs.Table(proofs), 0o644); err != nil {
		log.Fatal(err)
	}
}
