package main

import (
	"context"
	"testing"

	"limpet.dev/internal/ingest"
	"limpet.dev/lb/products"
)

// Every line of the joined log and events is read, and each event meets its request.
func TestEventsMeetTheirRequests(t *testing.T) {
	const lines = 3000
	dir := t.TempDir()
	if err := generateJoined(dir, workload{Lines: lines, Sessions: 100, Servers: 8, Moved: 0.01, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	r, err := ingest.Diagnose(context.Background(), ingest.Options{Paths: []string{dir}, Products: products.All()})
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range r.Inputs {
		if in.Lines != lines || in.Events != lines {
			t.Errorf("%s: %d lines, %d events, want %d of each", in.Path, in.Lines, in.Events, lines)
		}
	}
	if tot := r.Totals; len(r.Inputs) != 2 || tot.Requests != lines || tot.Sessions != 100 || tot.Honoured != tot.Followups || tot.Unmatched.Log+tot.Unmatched.Events != 0 {
		t.Errorf("%d inputs, totals %+v", len(r.Inputs), tot)
	}
}
