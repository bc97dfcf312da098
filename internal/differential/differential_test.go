package differential

import (
	"context"
	"flag"
	"testing"
	"time"

	"limpet.dev/cookie"
	"limpet.dev/internal/client"
	"limpet.dev/internal/need"
)

var (
	cases = flag.Int("cases", 300, "how many generated cases to compare with real browsers")
	seed  = flag.Uint64("seed", 1, "of the generated cases")
)

// Proves S37.
func TestEngineAgreesWithChromium(t *testing.T) {
	program := need.Tool(t, "chromium")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	browser, err := client.StartChromium(ctx, client.BrowserOptions{Program: program, Hosts: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, ctx, browser, "chromium", "chrome")
}

// Proves S37.
func TestEngineAgreesWithFirefox(t *testing.T) {
	program := need.Tool(t, "firefox-esr")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	browser, err := client.StartFirefox(ctx, client.BrowserOptions{Program: program, Hosts: Hosts})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, ctx, browser, "firefox", "firefox")
}

func compare(t *testing.T, ctx context.Context, browser client.Client, name, row string) {
	t.Helper()
	defer func() {
		if err := browser.Close(); err != nil {
			t.Logf("close the browser: %v", err)
		}
	}()
	site, err := NewSite()
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	kind, _ := cookie.ClientNamed(row)
	began := time.Now()
	got, err := Run(ctx, Generate(*seed, *cases), browser, name, kind, site, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d scenarios, %d cases, %d disagreements, %.2f %%, %v", got.Scenarios, got.Cases, len(got.Differs), 100*got.Agreement(), time.Since(began).Round(time.Second))
	for _, d := range got.Differs {
		t.Logf("%d: %q\n  set   %s\n  probe %s\n  %q", d.Scenario, d.Line, d.Set, d.Probe, d.What)
	}
	if got.Agreement() < 0.995 {
		t.Errorf("the engine agrees with %s on %.2f %%, want 99.5 %%", name, 100*got.Agreement())
	}
}

// The comparison sees what it should: two kinds of clients differ, one kind does not differ from itself.
func TestTwoKindsOfClientsDiffer(t *testing.T) {
	site, err := NewSite()
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	chrome, _ := cookie.ClientNamed("chrome")
	for row, differ := range map[string]bool{"chrome": false, "firefox": true, "safari": true, "chrome-67": true} {
		kind, _ := cookie.ClientNamed(row)
		other := &client.Virtual{Kind: kind, Transport: site.Transport()}
		got, err := Run(context.Background(), Generate(1, 300), other, "virtual", chrome, site, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Differs) > 0 != differ {
			t.Errorf("chrome and %s: %d of %d cases differ, want some: %t", row, len(got.Differs), got.Cases, differ)
		}
	}
}
