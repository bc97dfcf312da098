package scrub_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"limpet.dev/internal/ingest"
	"limpet.dev/internal/lab"
	"limpet.dev/internal/scrub"
	"limpet.dev/lb/products"
	"limpet.dev/session"
)

var key = session.Key{9}

func copyText(t *testing.T, text string) (string, scrub.Result) {
	t.Helper()
	var out strings.Builder
	res, err := scrub.Copy(&out, strings.NewReader(text), scrub.Options{Key: key, Products: products.All(), Cookie: "SHOP"})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), res
}

// TestScrubbedLogHoldsNoCanary plants one wherever a balancer's log can hold a secret. Proves S99.
func TestScrubbedLogHoldsNoCanary(t *testing.T) {
	n := 0
	var planted []string
	p := func() string {
		n++
		v := fmt.Sprintf("Kanarie%03dZq8h2", n)
		planted = append(planted, v)
		return v
	}
	line := func(request, captured, cookies string) string {
		return `Jan  2 10:00:00 lb haproxy[12]: 10.1.2.3:4711 [02/Jan/2026:10:00:00.123] fe_shop be_app/app1 0/0/1/20/21 200 512 ` + cookies + ` --VN 1/1/0/0/0 0/0 ` + captured + `"` + request + `"` + "\n"
	}
	text := strings.Repeat(line("GET /cart HTTP/1.1", "", "- -"), 5) +
		line("GET /reset/"+p()+"?token="+p()+"&"+p()+" HTTP/1.1", "", "SHOP="+p()+" SHOP="+p()) +
		line("GET https://u:"+p()+"@shop.test/;jsessionid="+p()+" HTTP/1.1", "{shop.test|Mozilla/5.0 ("+p()+")|https://idp.test/?code="+p()+"|Bearer "+p()+"|a="+p()+"; b="+p()+"} ", "- -") +
		"Jan  2 10:00:00 lb haproxy[12]: Server be_app/app1 is DOWN, reason: Layer7 wrong status, code: 500, info: \"" + p() + "\", check duration: 2ms. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.\n" +
		"some other program wrote " + p() + " password here\n"
	out, res := copyText(t, text)
	for _, v := range planted {
		if strings.Contains(out, v) {
			t.Errorf("a canary is still there: %s", out)
		}
		for where := range res.Removed {
			if strings.Contains(where, strings.ToLower(v)) {
				t.Errorf("the list of what was removed names a value")
			}
		}
	}
	for _, want := range []string{"GET /cart HTTP/1.1", "be_app/app1 0/0/1/20/21 200 512", "[02/Jan/2026:10:00:00.123]", "10.1.2.", "is DOWN", "Mozilla/5.0"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is gone: %s", want, out)
		}
	}
	if strings.Count(out, "\n") != strings.Count(text, "\n") {
		t.Error("lines are missing: their numbers no longer agree")
	}
	if res.Removed["line that was not understood"] != 1 {
		t.Errorf("removed %v", res.Removed)
	}
}

func TestScrubbedEventsHoldNoCanary(t *testing.T) {
	p := session.Key{1}.Pseudonym([]byte("x")).String()
	out, _ := copyText(t, `{"time":"2026-01-02T10:00:00Z","event":"websession.read","session":"Kanarie4711Zq8h","result":"miss","instance":"app1","request_id":"Kanarie4712Zq8h","user":"kanarie@4713.test","route":"/reset/Kanarie4714Zq8h?x=Kanarie4715Zq8h","reason":"Kanarie4716Zq8h","state":{"cart_items":3,"note":"Kanarie4717Zq8h"},"extra":"Kanarie4718Zq8h"}
{"time":"2026-01-02T10:00:01Z","event":"websession.read","session":"`+p+`","result":"hit","instance":"app2"}
`)
	if strings.Contains(strings.ToLower(out), "kanarie") {
		t.Errorf("a canary is still there: %s", out)
	}
	if !strings.Contains(out, p) || !strings.Contains(out, `"cart_items":3`) {
		t.Errorf("what says nothing is gone too: %s", out)
	}
}

func TestUnknownFilesAreRefused(t *testing.T) {
	var out strings.Builder
	_, err := scrub.Copy(&out, strings.NewReader("the password is geheim\n"), scrub.Options{Products: products.All()})
	if !errors.Is(err, scrub.ErrUnknown) || out.Len() > 0 {
		t.Errorf("error %v, output %q", err, out.String())
	}
}

// TestScrubbedBundleIsDiagnosedAlike: the same verdict, cause and sums come out of scrubbed logs and events. Proves S99.
func TestScrubbedBundleIsDiagnosedAlike(t *testing.T) {
	cases, err := lab.ReadCases(filepath.FromSlash("../../cause/testdata"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range cases {
		if seen[c.Cause] {
			continue
		}
		seen[c.Cause] = true
		t.Run(c.Name, func(t *testing.T) {
			dir := t.TempDir()
			if err := c.Extract(dir); err != nil {
				t.Fatal(err)
			}
			before := diagnoseFolder(t, dir)
			scrubFolder(t, dir)
			if after := diagnoseFolder(t, dir); after != before {
				t.Errorf("scrubbed:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

func diagnoseFolder(t *testing.T, dir string) string {
	t.Helper()
	r, err := ingest.Diagnose(t.Context(), ingest.Options{Paths: []string{dir}, Products: products.All()})
	if err != nil {
		t.Fatal(err)
	}
	first := "none"
	if len(r.Hypotheses) > 0 {
		first = r.Hypotheses[0].Cause
	}
	return fmt.Sprintf("%s, %s, %d requests, %d follow-ups, %d honoured, %d breaks", r.Verdict, first, r.Totals.Requests, r.Totals.Followups, r.Totals.Honoured, r.Totals.Breaks)
}

// scrubFolder replaces logs and events by their scrubbed copies; the key stays the bundle's, as limpet scrub does it.
func scrubFolder(t *testing.T, dir string) {
	t.Helper()
	k := key
	if text, err := os.ReadFile(filepath.Join(dir, "limpet.key")); err == nil {
		k, _ = session.ParseKey(string(text))
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		if ext := filepath.Ext(f); ext != ".log" && ext != ".har" && filepath.Base(f) != "events.jsonl" {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if _, err := scrub.Copy(&out, strings.NewReader(string(text)), scrub.Options{Key: k, Products: products.All(), Cookie: "SHOPSESSION"}); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if err := os.WriteFile(f, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n < 1 {
		t.Fatalf("%d files scrubbed", n)
	}
}
