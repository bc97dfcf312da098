package cause_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"limpet.dev/cause"
	"limpet.dev/diagnose"
	"limpet.dev/internal/lab"
	"limpet.dev/internal/need"
)

// neighbourRows are the rows of the taxonomy's "Between neighbours": causes that share their signature, which one rule each
// tells apart.
var neighbourRows = [][]string{
	{"affinity-absent", "session-store-node-local", "shared-store-not-enabled"},
	{"signing-key-differs-between-nodes", "session-store-node-local"},
	{"signing-key-differs-between-nodes", "signing-key-regenerated-on-start", "key-rotation-without-fallback"},
	{"store-flushed-with-cache", "store-restart-volatile", "store-node-loss-no-replica"},
	{"store-eviction", "store-ttl-wrong", "store-cleanup-peer-mismatch"},
	{"store-key-namespace-collision", "store-hash-ring-mismatch", "store-serialization-incompatible"},
	{"affinity-remap-on-scale", "affinity-reset-on-reload", "deploy-no-session-drain", "affinity-fallback-churn"},
	{"deploy-no-session-drain", "failover-without-replication", "probe-timeout-kills-node", "health-check-too-aggressive", "health-depends-on-shared-backend", "overload-moves-sessions"},
	{"drain-then-hard-fail", "affinity-stale-target", "sticky-ignores-health"},
	{"affinity-cookie-not-issued", "affinity-cookie-not-returned", "affinity-cookie-path-scope", "affinity-keyed-on-app-cookie"},
	{"affinity-id-inconsistent-across-lbs", "affinity-second-hop", "affinity-locality-override"},
	{"samesite-strict-redirect", "samesite-cross-site-post", "client-credentials-omitted", "cookie-path-rewrite", "cookie-domain-invalid", "secure-cookie-over-http"},
}

// TestNeighboursAreToldApart takes the recorded cases of every pair of neighbours: the planted one ranks before the other, in
// both directions. Whatever neighbour is not excluded is named by what is said about the likeliest, also where events and
// declarations are missing, and the likeliest may be the wrong one.
func TestNeighboursAreToldApart(t *testing.T) {
	cases := readCases(t)
	open := 0
	for _, row := range neighbourRows {
		known, missing := inCatalogue(row)
		t.Run(row[0], func(t *testing.T) {
			if len(missing) > 0 {
				t.Logf("not in the catalogue: %s", strings.Join(missing, ", "))
			}
			for _, id := range known {
				of := casesOf(cases, id)
				if len(of) == 0 {
					t.Errorf("%s has no recorded case", id)
				}
				for _, c := range of {
					t.Run(c.Name, func(t *testing.T) {
						whole := diagnoseCase(t, c)
						checkApart(t, whole, id, known)
						open += checkNamed(t, whole, known) + checkNamed(t, diagnoseCase(t, c, "events.jsonl", "limpet.yaml"), known)
					})
				}
			}
		})
	}
	t.Logf("neighbours that were not excluded: %d", open)
	if open == 0 {
		t.Error("no neighbour was ever a candidate: nothing was tested")
	}
}

// inCatalogue parts the causes of a row.
func inCatalogue(row []string) (known, missing []string) {
	for _, id := range row {
		if _, ok := cause.Find(id); ok {
			known = append(known, id)
		} else {
			missing = append(missing, id)
		}
	}
	return known, missing
}

// casesOf returns the cases in which a cause is the planted one.
func casesOf(cases []*lab.Case, id string) []*lab.Case {
	var of []*lab.Case
	for _, c := range cases {
		if c.Cause == id {
			of = append(of, c)
		}
	}
	return of
}

// checkApart: of the row, id ranks before every other that is a candidate.
func checkApart(t *testing.T, r *diagnose.Report, id string, row []string) {
	t.Helper()
	at := rankOf(r, id)
	if at < 0 {
		t.Fatalf("%s is no hypothesis: %s", id, ranking(r))
	}
	for _, other := range row {
		if rank := rankOf(r, other); rank >= 0 && rank < at {
			t.Errorf("%s ranks before %s: %s", other, id, ranking(r))
		}
	}
}

// checkNamed: of the row's causes that are candidates, the likeliest names each other one, as that is not excluded. It returns
// how many those were.
func checkNamed(t *testing.T, r *diagnose.Report, row []string) (open int) {
	t.Helper()
	lead := slices.IndexFunc(r.Hypotheses, func(h diagnose.Hypothesis) bool { return slices.Contains(row, h.Cause) })
	if lead < 0 {
		return 0
	}
	h := r.Hypotheses[lead]
	for _, other := range r.Hypotheses[lead+1:] {
		if !slices.Contains(row, other.Cause) {
			continue
		}
		open++
		if !names(h, other.Cause) {
			t.Errorf("%s was not excluded, and nothing that is said about %s names it; next: %q", other.Cause, h.Cause, h.Next)
		}
	}
	return open
}

// rankOf returns a cause's place among the hypotheses, -1 if it is none.
func rankOf(r *diagnose.Report, id string) int {
	return slices.IndexFunc(r.Hypotheses, func(h diagnose.Hypothesis) bool { return h.Cause == id })
}

// names reports whether what a hypothesis tells to do next, or the prose of its cause, names another cause.
func names(h diagnose.Hypothesis, other string) bool {
	own, _ := cause.Find(h.Cause)
	return own.Neighbours[other] != "" || strings.Contains(h.Next, other)
}

// TestNeighboursAreNamed: the prose of a cause names a neighbour of each row that it stands in, whether that is in the
// catalogue or not.
func TestNeighboursAreNamed(t *testing.T) {
	for _, row := range neighbourRows {
		known, _ := inCatalogue(row)
		for _, id := range known {
			own, _ := cause.Find(id)
			var unnamed []string
			for _, other := range row {
				if other != id && own.Neighbours[other] == "" {
					unnamed = append(unnamed, other)
				}
			}
			if len(unnamed) == len(row)-1 {
				t.Errorf("%s names none of its neighbours %s", id, strings.Join(unnamed, ", "))
			} else if len(unnamed) > 0 {
				t.Logf("%s does not name %s", id, strings.Join(unnamed, ", "))
			}
		}
	}
}

// TestNeighbourRowsAreTheTaxonomys: every row of the taxonomy is here, in its order.
func TestNeighbourRowsAreTheTaxonomys(t *testing.T) {
	text, err := os.ReadFile(need.Shared(t, "incidents/TAXONOMY.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Between neighbours\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, table, _ := strings.Cut(section, "| --- | --- |\n")
	var rows []string
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "| ") {
			rows = append(rows, line)
		}
	}
	if len(rows) != len(neighbourRows) {
		t.Fatalf("the taxonomy has %d rows, this test %d", len(rows), len(neighbourRows))
	}
	for i, row := range rows[:len(rows)-1] { // the last one names no causes in its first column
		first, _, _ := strings.Cut(strings.TrimPrefix(row, "| "), " |")
		ids := strings.Split(first, ", ")
		if len(ids) != len(neighbourRows[i]) {
			t.Errorf("row %d is %s in the taxonomy, %v here", i+1, first, neighbourRows[i])
			continue
		}
		for k, id := range ids { // "-not-returned" stands for the rest of a name that begins like the first
			if !strings.HasSuffix(neighbourRows[i][k], id) {
				t.Errorf("row %d: %s in the taxonomy, %s here", i+1, id, neighbourRows[i][k])
			}
		}
	}
}
