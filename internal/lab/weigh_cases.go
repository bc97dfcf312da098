package lab

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"limpet.dev/cause"
	"limpet.dev/diagnose"
	"limpet.dev/internal/ingest"
	"limpet.dev/lb"
)

// weighVariants are the kinds of evidence under which each case is looked at: detectors have to do with
// what there is.
var weighVariants = []Leaving{
	{Name: "everything"},
	{Name: "no changes", Out: []string{"changes.jsonl"}},
	{Name: "no intent", Out: []string{"limpet.yaml"}},
	{Name: "no changes, no intent", Out: []string{"changes.jsonl", "limpet.yaml"}},
	{Name: "no events", Out: []string{"events.jsonl"}},
	{Name: "log and configuration", Out: []string{"changes.jsonl", "limpet.yaml", "events.jsonl"}},
	{Name: "log alone", Out: []string{"changes.jsonl", "limpet.yaml", "events.jsonl", configurations}},
	{Name: "events alone", Out: []string{"changes.jsonl", "limpet.yaml", configurations, logs}},
}

// LabelledCases has the detectors look at every case, whole and with files left out.
func LabelledCases(ctx context.Context, cases []*Case, products []*lb.Product) ([]LabelledCase, error) {
	var labelled []LabelledCase
	for _, c := range cases {
		if !c.teaches() {
			continue
		}
		seen, err := observeCase(ctx, c, products)
		if err != nil {
			return nil, fmt.Errorf("look at case %s: %w", c.Name, err)
		}
		labelled = append(labelled, seen...)
	}
	return labelled, nil
}

// teaches reports a case to learn weights from. Captures of one client, and their near misses, are none: there a rule proves
// the cause, and a few requests say nothing about how common a clue is among many sessions.
func (c *Case) teaches() bool {
	k, _ := cause.Find(c.Cause)
	return k.Lab.Journey == "" && !slices.ContainsFunc(c.Files, func(f txtar.File) bool { return strings.HasSuffix(f.Name, ".har") }) && !strings.HasPrefix(c.Name, "none/near-")
}

func observeCase(ctx context.Context, c *Case, products []*lb.Product) ([]LabelledCase, error) {
	dir, err := os.MkdirTemp("", "limpet-case-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := c.Extract(dir); err != nil {
		return nil, err
	}
	var labelled []LabelledCase
	for _, v := range weighVariants {
		ev, err := ingest.Load(ctx, ingest.Options{Paths: []string{dir}, Products: products, Ignore: v.Ignore})
		if err != nil {
			return nil, err
		}
		l := LabelledCase{Name: c.Name, Variant: v.Name, Cause: c.under(&v), Also: c.Also, Seen: diagnose.Observe(ev)}
		for _, o := range l.Seen {
			n := 0
			if l.Cause != NoFault {
				n = c.real(o)
			}
			l.Real = append(l.Real, n)
		}
		labelled = append(labelled, l)
	}
	return labelled, nil
}

// under returns the cause that the evidence left by v shows. Where nothing says that sessions live in the memory of
// instances, they are taken to live on each instance's disk (TAXONOMY, "Between neighbours").
func (c *Case) under(v *Leaving) string {
	if slices.ContainsFunc(c.Needs, v.Ignore) {
		return NoFault
	}
	if c.Cause == "affinity-absent" && v.Ignore("limpet.yaml") && v.Ignore("events.jsonl") {
		return "session-store-node-local"
	}
	return c.Cause
}

// real returns how many of a cluster's breaks are real.
func (c *Case) real(o diagnose.Observation) int {
	n := 0
	for _, s := range o.Sessions {
		if c.Really(s.String()) {
			n++
		}
	}
	if n == 0 && o.Kind == "never-established" { // by the log alone such a session has no credential to know it by
		return min(o.Breaks, len(c.Broken))
	}
	return n
}
