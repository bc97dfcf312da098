package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"limpet.dev/cookie"
	"limpet.dev/internal/client"
	"limpet.dev/internal/differential"
	"limpet.dev/internal/need"
)

// kinds starts each client behind the interface.
var kinds = map[string]func(t *testing.T, ctx context.Context, site *differential.Site) client.Client{
	"virtual chrome":  virtual("chrome"),
	"virtual firefox": virtual("firefox"),
	"chromium": func(t *testing.T, ctx context.Context, _ *differential.Site) client.Client {
		c, err := client.StartChromium(ctx, client.BrowserOptions{Program: need.Tool(t, "chromium"), Hosts: []string{"*"}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	},
	"firefox": func(t *testing.T, ctx context.Context, _ *differential.Site) client.Client {
		c, err := client.StartFirefox(ctx, client.BrowserOptions{Program: need.Tool(t, "firefox-esr"), Hosts: differential.Hosts})
		if err != nil {
			t.Fatal(err)
		}
		return c
	},
}

func virtual(row string) func(*testing.T, context.Context, *differential.Site) client.Client {
	return func(t *testing.T, _ context.Context, site *differential.Site) client.Client {
		kind, ok := cookie.ClientNamed(row)
		if !ok {
			t.Fatalf("no row %q", row)
		}
		return &client.Virtual{Kind: kind, Transport: site.Transport()}
	}
}

// A login through an identity provider, in every client behind the interface: the form's
// redirect, the provider's POST back without the Lax cookie, a restart. Proves S41.
func TestTheSameStoryInEveryClient(t *testing.T) {
	for name, start := range kinds {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
			defer cancel()
			site, err := differential.NewSite()
			if err != nil {
				t.Fatal(err)
			}
			defer site.Close()
			c := start(t, ctx, site)
			defer func() {
				if err := c.Close(); err != nil {
					t.Logf("close: %v", err)
				}
			}()
			tell(t, ctx, c, site)
		})
	}
}

func tell(t *testing.T, ctx context.Context, c client.Client, site *differential.Site) {
	shop, idp := differential.Place{Scheme: "https", Host: "shop.example.test", Path: "/login"}, differential.Place{Scheme: "https", Host: "partner.test", Path: "/"}
	do := func(a client.Action) *client.Outcome {
		t.Helper()
		out, err := c.Do(ctx, a)
		if err != nil {
			t.Fatalf("%s: %v", a.Verb, err)
		}
		return out
	}
	sent := func(token, want string) {
		t.Helper()
		seen := site.Take(token)
		if len(seen) != 1 {
			t.Fatalf("%s: %d requests, want 1", token, len(seen))
		}
		if got := names(seen[0].Cookie); got != want {
			t.Errorf("%s carried %q, want %q", token, got, want)
		}
	}
	home := site.URL(shop, "home")
	site.Lay("in", differential.Answer{Status: 302, Location: home, SetCookie: []string{
		"lax=1; Path=/; Secure; SameSite=Lax", "kept=1; Path=/; Secure; SameSite=None; Max-Age=3600", "refused=1; Path=/; SameSite=None",
	}})
	do(client.Action{Verb: client.Open, URL: site.URL(shop, "")})
	out := do(client.Action{Verb: client.Submit, URL: site.URL(shop, "in"), Form: url.Values{"user": {"alice"}}})
	if len(out.Hops) < 2 || out.URL != home || out.Status != 200 {
		t.Errorf("after the form: %d requests, at %q with status %d; want two, at the home page", len(out.Hops), out.URL, out.Status)
	}
	if !strings.Contains(string(out.Body), "<title>.</title>") {
		t.Errorf("the page that is open has %d octets, without the title", len(out.Body))
	}
	sent("in", "")
	sent("home", "kept lax")
	do(client.Action{Verb: client.Open, URL: site.URL(idp, "")})
	out = do(client.Action{Verb: client.Submit, URL: site.URL(shop, "back"), Form: url.Values{"code": {"1"}}})
	sent("back", "kept")
	if _, real := c.(*client.Firefox); !real {
		if why := out.Hops[len(out.Hops)-1].Withheld; len(why) != 1 || why[0].Name != "lax" {
			t.Errorf("withheld from the POST: %v, want lax", why)
		}
	}
	out = do(client.Action{Verb: client.Fetch, URL: site.URL(shop, "omit"), Credentials: cookie.Omit})
	sent("omit", "")
	if out.Hidden || !strings.Contains(string(out.Body), "<title>.</title>") {
		t.Errorf("the fetch: hidden %t, %d octets; want the page", out.Hidden, len(out.Body))
	}
	do(client.Action{Verb: client.Write, Text: "script=1; Path=/"})
	if text := do(client.Action{Verb: client.Read}).Text; names(text) != "kept lax script" {
		t.Errorf("document.cookie shows %q", names(text))
	}
	if err := c.Restart(ctx, client.SameProfile); err != nil {
		t.Fatal(err)
	}
	do(client.Action{Verb: client.Open, URL: site.URL(shop, "again")})
	sent("again", "kept")
	if err := c.Restart(ctx, client.NewProfile); err != nil {
		t.Fatal(err)
	}
	do(client.Action{Verb: client.Open, URL: site.URL(shop, "stranger")})
	sent("stranger", "")
}

// names lists the names in a Cookie header, sorted.
func names(header string) string {
	var out []string
	for pair := range strings.SplitSeq(header, "; ") {
		if name, _, ok := strings.Cut(pair, "="); ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestAFailedQuestionStopsTheFetch(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			asked++
			w.Header().Add("Set-Cookie", "sid=1; Path=/")
		}
		if r.URL.Path == "/open" {
			w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
			w.Header().Set("Access-Control-Allow-Credentials", "true")
			w.Header().Set("Access-Control-Allow-Methods", "PUT")
		}
	}))
	defer server.Close()
	kind, _ := cookie.ClientNamed("chrome")
	v := &client.Virtual{Kind: kind}
	page := strings.Replace(server.URL, "127.0.0.1", "localhost", 1) // another origin
	if _, err := v.Do(t.Context(), client.Action{Verb: client.Open, URL: page}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/closed": 0, "/open": 1} {
		asked = 0
		out, err := v.Do(t.Context(), client.Action{Verb: client.Fetch, Method: "PUT", URL: server.URL + path, Credentials: cookie.Include})
		if err != nil {
			t.Fatal(err)
		}
		if asked != want || out.Hidden != (want == 0) {
			t.Errorf("%s: %d requests after the question, hidden %t; want %d", path, asked, out.Hidden, want)
		}
	}
}

func TestAVirtualClientHasItsOwnClock(t *testing.T) {
	var header string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header.Get("Cookie")
		w.Header().Add("Set-Cookie", "sid=1; Path=/; Max-Age=60")
	}))
	defer server.Close()
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	kind, _ := cookie.ClientNamed("chrome")
	v := &client.Virtual{Kind: kind, Now: func() time.Time { return now }}
	for _, step := range []struct {
		after time.Duration
		want  string
	}{{0, ""}, {59 * time.Second, "sid=1"}, {61 * time.Second, ""}} {
		now = now.Add(step.after)
		if _, err := v.Do(t.Context(), client.Action{Verb: client.Open, URL: server.URL}); err != nil {
			t.Fatal(err)
		}
		if header != step.want {
			t.Errorf("after %v: %d octets of cookies, want %d", step.after, len(header), len(step.want))
		}
	}
}

func TestNoPageIsOpen(t *testing.T) {
	kind, _ := cookie.ClientNamed("chrome")
	v := &client.Virtual{Kind: kind}
	if _, err := v.Do(t.Context(), client.Action{Verb: client.Link, URL: "http://127.0.0.1/"}); !errors.Is(err, client.ErrNoPage) {
		t.Errorf("a link without a page: %v, want %v", err, client.ErrNoPage)
	}
}

func TestRedirectsEnd(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler("/again", http.StatusFound))
	defer server.Close()
	kind, _ := cookie.ClientNamed("chrome")
	v := &client.Virtual{Kind: kind}
	if _, err := v.Do(t.Context(), client.Action{Verb: client.Open, URL: server.URL}); !errors.Is(err, client.ErrRedirects) {
		t.Errorf("a loop: %v, want %v", err, client.ErrRedirects)
	}
}
