package cookie

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// grid is what a generation is tried on: lines, and the requests that may carry them.
var gridLines = []string{
	"plain=1; Path=/", "secure=1; Path=/; Secure", "lax=1; Path=/; Secure; SameSite=Lax", "strict=1; Path=/; Secure; SameSite=Strict",
	"none=1; Path=/; Secure; SameSite=None", "bare-none=1; Path=/; SameSite=None", "__Http-sid=1; Path=/; Secure", "__Host-sid=1; Secure",
	"chips=1; Path=/; Secure; SameSite=None; Partitioned", "ages=1; Path=/; Max-Age=99999999",
}

var gridAsks = []struct {
	name  string
	after time.Duration
	make  func(shop, other, plain URL) *Request
}{
	{"link from another site", time.Second, func(shop, other, _ URL) *Request { return Link(other, shop) }},
	{"post from another site at once", time.Second, func(shop, other, _ URL) *Request { return Post(other, shop) }},
	{"post from another site after 3 minutes", 3 * time.Minute, func(shop, other, _ URL) *Request { return Post(other, shop) }},
	{"frame in another site", time.Second, func(shop, other, _ URL) *Request { return Embed(other, shop) }},
	{"link from http", time.Second, func(shop, _, plain URL) *Request { return Link(plain, shop) }},
	{"post from http after 3 minutes", 3 * time.Minute, func(shop, _, plain URL) *Request { return Post(plain, shop) }},
}

// outcomes says for each line and request what a client does.
func outcomes(t *testing.T, id string) map[string]string {
	t.Helper()
	client, ok := ClientNamed(id)
	if !ok {
		t.Fatalf("no client %q", id)
	}
	shop, other, plain := parse(t, "https://shop.example/login"), parse(t, "https://idp.test/"), parse(t, "http://shop.example/")
	out := map[string]string{}
	for _, line := range gridLines {
		name, _, _ := strings.Cut(line, "=")
		jar := NewJar(client)
		v := jar.Set(line, Typed(shop), noon)
		out[name+" stored"] = fmt.Sprint(v.Outcome, " ", v.Why, " ", v.Notes&LifetimeCapped.Set(), v.Notes&SameSiteNoneMisread.Set())
		for _, ask := range gridAsks {
			r := ask.make(shop, other, plain)
			out[name+", "+ask.name] = "not kept"
			if offered := jar.Explain(r, noon.Add(ask.after)); len(offered) > 0 {
				out[name+", "+ask.name] = offered[0].Why.String()
			}
		}
	}
	return out
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func parse(t testing.TB, text string) URL {
	t.Helper()
	u, err := ParseURL(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return u
}

// Before and after a browser generation, profiles differ exactly on the cases that the
// generation is known for. Proves S38.
func TestGenerationsDifferOnTheKnownCasesOnly(t *testing.T) {
	tests := []struct {
		before, after string
		want          []string // the cells that change
	}{
		{"chrome-51", "chrome-67", []string{ // SameSite=None is understood
			"none stored", "none, *", "bare-none stored", "bare-none, *", "chips stored", "chips, *",
		}},
		{"chrome-67", "chrome-80", []string{ // Lax by default, with two minutes; None needs Secure
			"plain, post from another site after 3 minutes", "plain, frame in another site",
			"secure, post from another site after 3 minutes", "secure, frame in another site",
			"ages, post from another site after 3 minutes", "ages, frame in another site",
			"__Http-sid, post from another site after 3 minutes", "__Http-sid, frame in another site",
			"__Host-sid, post from another site after 3 minutes", "__Host-sid, frame in another site",
			"bare-none stored", "bare-none, *",
		}},
		{"chrome-80", "chrome-91", []string{ // http and https are two sites; SameSite reasons are spelt so
			"plain, post from http after 3 minutes", "secure, post from http after 3 minutes", "ages, post from http after 3 minutes",
			"__Http-sid, post from http after 3 minutes", "__Host-sid, post from http after 3 minutes", "lax, post from http after 3 minutes", "strict, post from http after 3 minutes", "strict, link from http",
		}},
		{"chrome-91", "chrome-114", []string{"ages stored", "chips, frame in another site"}},                           // 400 days; partitions
		{"chrome-114", "chrome", []string{"__Http-sid stored", "__Http-sid, *", "__Host-sid stored", "__Host-sid, *"}}, // __Http-; Path=/ written out for __Host-
		{"safari-ios-12", "safari-13", []string{ // None is no longer taken for Strict
			"none stored", "none, link from another site", "none, post from another site at once", "none, post from another site after 3 minutes", "none, frame in another site",
			"bare-none stored", "bare-none, link from another site", "bare-none, post from another site at once", "bare-none, post from another site after 3 minutes", "bare-none, frame in another site",
			"chips stored", "chips, link from another site", "chips, post from another site at once", "chips, post from another site after 3 minutes", "chips, frame in another site",
		}},
		{"firefox-103", "firefox-131", []string{"bare-none stored", "bare-none, *", "ages stored"}},
		{"firefox-131", "firefox", []string{"__Http-sid stored", "__Http-sid, *"}},
	}
	for _, tt := range tests {
		t.Run(tt.before+" to "+tt.after, func(t *testing.T) {
			before, after := outcomes(t, tt.before), outcomes(t, tt.after)
			changed := map[string]bool{}
			for cell := range merge(before, after) {
				if spelling(before[cell]) != spelling(after[cell]) {
					changed[cell] = true
				}
			}
			for cell := range changed {
				if !slices.ContainsFunc(tt.want, func(w string) bool { return covers(w, cell) }) {
					t.Errorf("%s changes from %q to %q, which is not known", cell, before[cell], after[cell])
				}
			}
			for _, want := range tt.want {
				found := false
				for cell := range changed {
					found = found || covers(want, cell)
				}
				if !found {
					t.Errorf("%s does not change: %q", want, before[want])
				}
			}
		})
	}
}

// covers matches a cell; "name, *" is every request with that cookie.
func covers(want, cell string) bool {
	return want == cell || strings.HasSuffix(want, "*") && strings.HasPrefix(cell, strings.TrimSuffix(want, "*"))
}

// spelling takes the two spellings of SameSite reasons for one.
func spelling(s string) string { return strings.ReplaceAll(s, "Schemeful", "") }

func merge(a, b map[string]string) map[string]bool {
	out := map[string]bool{}
	for _, m := range []map[string]string{a, b} {
		for k := range m {
			out[k] = true
		}
	}
	return out
}
