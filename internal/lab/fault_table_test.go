package lab

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"limpet.dev/cause"
	"limpet.dev/internal/need"
)

// TestTheTableOfFaultsIsCurrent: docs/faults.md is generated from what the lab can plant.
func TestTheTableOfFaultsIsCurrent(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := WriteFaults(&want); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want.Bytes()) {
		t.Error("docs/faults.md is not what the lab can plant; run: go generate ./internal/lab")
	}
}

// TestEveryFaultIsACause and can tell its losses from another's.
func TestEveryFaultIsACause(t *testing.T) {
	for _, name := range Faults() {
		c, ok := cause.Find(name)
		if !ok || c.Lab.Fault != name {
			t.Errorf("%s: the catalogue has it %v, and says that the demo plays %q", name, ok, c.Lab.Fault)
		}
		if f := faults[name]; f.plant == nil || f.holds == nil || f.claims == nil {
			t.Errorf("%s cannot be planted beside another", name)
		}
	}
}

// TestWhatABalancerCannotDoIsSaid: the reason reaches the user, and nothing is started.
func TestWhatABalancerCannotDoIsSaid(t *testing.T) {
	const why = "it has no such thing"
	lame := *haproxyDialect
	lame.product, lame.cannot = "lame", func(t *tier) string {
		if t.affinity == stickSource || t.affinity == stickSession {
			return why
		}
		return ""
	}
	saved := dialects
	dialects = append(dialects[:len(dialects):len(dialects)], &lame)
	defer func() { dialects = saved }()
	if got := Plantable("affinity-reset-on-reload", "lame"); got != why {
		t.Errorf("why not: %q, want %q", got, why)
	}
	if got := Plantable("affinity-absent", "lame"); got != "" {
		t.Errorf("affinity-absent: %q", got)
	}
	if got := Plantable("tide", "haproxy"); got == "" {
		t.Error("a cause without a fault can be planted")
	}
}

// TestTwoFaultsAtOnce: each lost session has its own cause in the truth.
func TestTwoFaultsAtOnce(t *testing.T) {
	_, truth := short(t, DemoOptions{Fault: "deploy-no-session-drain", Also: "affinity-cookie-not-returned", Seed: 3, Clients: 60})
	by := map[string]int{}
	for _, l := range truth.Sessions {
		if l.Lost {
			by[l.Cause]++
		}
	}
	if len(by) != 2 || by["deploy-no-session-drain"] == 0 || by["affinity-cookie-not-returned"] == 0 || len(truth.Also) != 1 {
		t.Errorf("lost sessions by cause: %v, also %v", by, truth.Also)
	}
	opt := DemoOptions{Fault: "affinity-absent", Also: "store-flushed-with-cache", Dir: t.TempDir()}
	if _, err := Demo(t.Context(), opt); err == nil {
		t.Error("two faults that need different shops were planted together")
	}
}
