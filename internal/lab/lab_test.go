package lab

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// short is a demo that tests can afford; what it leaves out it says.
func short(t *testing.T, opt DemoOptions) (string, *Truth) {
	t.Helper()
	opt.Dir = filepath.Join(t.TempDir(), "bundle")
	if opt.Duration == 0 {
		opt.Duration = 5 * time.Second
	}
	if opt.LB == "" {
		opt.LB = "emulated:haproxy"
	}
	dir, err := Demo(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return dir, readTruth(t, dir)
}

func readTruth(t *testing.T, dir string) *Truth {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, TruthFile))
	if err != nil {
		t.Fatal(err)
	}
	var truth Truth
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	return &truth
}

func TestScratch(t *testing.T) {
	for _, fault := range append(Faults(), NoFault) {
		t.Run(fault, func(t *testing.T) {
			began := time.Now()
			dir, err := Demo(context.Background(), DemoOptions{Fault: fault, LB: os.Getenv("LAB_LB"), Seed: 101, Dir: "/tmp/labout/" + fault})
			if err != nil {
				t.Fatal(err)
			}
			truth := readTruth(t, dir)
			lost, kinds, rec := 0, map[string]int{}, 0
			for _, s := range truth.Sessions {
				if s.Lost {
					lost++
					kinds[s.Kind]++
					if s.Recovered != nil {
						rec++
					}
				}
			}
			t.Logf("%s: took %.1fs storage %s lives %d lost %d recovered %d kinds %v followups %d lostfu %d", fault, time.Since(began).Seconds(), truth.Storage, len(truth.Sessions), lost, rec, kinds, truth.Followups, truth.LostFollowups)
		})
	}
}
