package clientside_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"limpet.dev/internal/need"
)

// A browser is a real Chromium whose network events become a HAR.
type browser struct {
	dir string
	ctx context.Context
	rec recorder
}

func startBrowser(t *testing.T) *browser {
	t.Helper()
	b := &browser{dir: t.TempDir()}
	profile := filepath.Join(b.dir, "profile", "Default")
	if err := os.MkdirAll(profile, 0o700); err != nil {
		t.Fatal(err)
	}
	// Debian's Chromium blocks third-party cookies; upstream's does not.
	if err := os.WriteFile(filepath.Join(profile, "Preferences"), []byte(`{"profile":{"cookie_controls_mode":0,"block_third_party_cookies":false}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	life, end := context.WithCancel(context.Background())
	allocator, _ := chromedp.NewExecAllocator(life, chromedp.ExecPath(need.Tool(t, "chromium")), chromedp.UserDataDir(filepath.Join(b.dir, "profile")),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.IgnoreCertErrors,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-extensions", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-site-isolation-trials", true),
		chromedp.Flag("disable-features", "IsolateOrigins,site-per-process,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,MediaRouter,OptimizationHints"),
		chromedp.Flag("host-resolver-rules", "MAP * 127.0.0.1"), chromedp.WSURLReadTimeout(time.Minute))
	b.ctx, _ = chromedp.NewContext(allocator)
	t.Cleanup(func() {
		c := chromedp.FromContext(b.ctx)
		end()
		if c != nil && c.Allocator != nil {
			c.Allocator.Wait()
		}
	})
	if err := chromedp.Listen(b.ctx, b.rec.event); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(b.ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	return b
}

// forget empties the jar.
func (b *browser) forget(t *testing.T) {
	t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.CallBrowser(b.ctx, storage.ClearCookies, storage.ClearCookiesParams{}); err != nil {
		t.Fatal(err)
	}
}

// act opens an address, or does in the open page what the first word says.
func (b *browser) act(t *testing.T, what, credentials string) {
	t.Helper()
	verb, url, ok := strings.Cut(what, " ")
	if !ok {
		if err := chromedp.Do(b.ctx, chromedp.Navigate(verb)); err != nil {
			t.Fatal(err)
		}
		b.rec.settle()
		return
	}
	js := map[string]string{
		"link":  `const a = document.createElement("a"); a.href = %q; document.body.append(a); a.click()`,
		"post":  `const f = document.createElement("form"); f.method = "post"; f.action = %q; document.body.append(f); f.submit()`,
		"frame": `await new Promise(done => { const f = document.createElement("iframe"); f.onload = done; f.src = %q; document.body.append(f) })`,
		"fetch": `try { await fetch(%q, {credentials: "` + credentials + `"}) } catch (e) {}`,
	}[verb]
	yes := true
	p := runtime.EvaluateParams{Expression: "(async () => { " + fmt.Sprintf(js, url) + " })()", AwaitPromise: &yes}
	before := b.rec.count()
	if _, err := chromedp.Call(b.ctx, runtime.Evaluate, p); err != nil && verb != "link" && verb != "post" { // these leave the page
		t.Fatal(err)
	}
	for range 3000 {
		if b.rec.count() > before && b.rec.complete() {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.rec.settle()
}

// A recorder turns events of the DevTools protocol into the entries of a HAR. Events with headers and cookies come before
// or after those that name the address, so each finds its place by its number within the request.
type recorder struct {
	mu    sync.Mutex
	order []string
	heard map[string]*hops
}

type hops struct {
	list                []*hop
	named, sent, answer int
}

type hop struct {
	url, method, kind string
	at                time.Time
	request, response []pair
	status            int64
	associated        []any
	blocked           []any
}

func (r *recorder) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order, r.heard = nil, map[string]*hops{}
}

func (r *recorder) of(id network.RequestID) *hops {
	if r.heard == nil {
		r.heard = map[string]*hops{}
	}
	h := r.heard[string(id)]
	if h == nil {
		h = &hops{}
		r.heard[string(id)] = h
		r.order = append(r.order, string(id))
	}
	return h
}

func (h *hops) hop(n int) *hop {
	for len(h.list) <= n {
		h.list = append(h.list, &hop{})
	}
	return h.list[n]
}

func (r *recorder) event(ev any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(ev.Request.URL, "http") {
			return
		}
		h := r.of(ev.RequestID)
		x := h.hop(h.named)
		h.named++
		x.url, x.method, x.kind, x.at = ev.Request.URL, ev.Request.Method, strings.ToLower(string(ev.Type)), time.Now()
	case *network.EventRequestWillBeSentExtraInfo:
		h := r.of(ev.RequestID)
		x := h.hop(h.sent)
		h.sent++
		x.request = fieldsOf(ev.Headers)
		for _, c := range ev.AssociatedCookies {
			x.associated = append(x.associated, map[string]any{"cookie": map[string]any{"name": c.Cookie.Name}, "blockedReasons": c.BlockedReasons})
		}
	case *network.EventResponseReceivedExtraInfo:
		h := r.of(ev.RequestID)
		x := h.hop(h.answer)
		h.answer++
		x.status, x.response = int64(ev.StatusCode), fieldsOf(ev.Headers)
		for _, c := range ev.BlockedCookies {
			x.blocked = append(x.blocked, map[string]any{"blockedReasons": c.BlockedReasons, "cookieLine": c.CookieLine})
		}
	}
}

func fieldsOf(h network.Headers) []pair {
	var list map[string]any
	raw, err := json.Marshal(h)
	if err != nil || json.Unmarshal(raw, &list) != nil {
		return nil
	}
	var out []pair
	for name, v := range list {
		out = append(out, pair{name, fmt.Sprint(v)})
	}
	return out
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, h := range r.heard {
		for _, x := range h.list {
			if x.url != "" && !strings.HasSuffix(x.url, "/favicon.ico") { // that one comes when it likes
				n++
			}
		}
	}
	return n
}

func (r *recorder) complete() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.heard {
		if h.sent < h.named || h.answer < h.named {
			return false
		}
	}
	return true
}

// settle waits until every request has its headers.
func (r *recorder) settle() {
	for range 1500 {
		if r.complete() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// har writes what was heard, and returns the status of the last answer.
func (r *recorder) har(t *testing.T) (text string, last int64) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var entries []any
	for _, id := range r.order {
		for _, x := range r.heard[id].list {
			if x.url == "" || strings.HasSuffix(x.url, "/favicon.ico") {
				continue
			}
			last = x.status
			entries = append(entries, map[string]any{
				"startedDateTime": x.at.UTC().Format("2006-01-02T15:04:05.000Z"), "time": 1, "_resourceType": x.kind,
				"request":  map[string]any{"method": x.method, "url": x.url, "httpVersion": "HTTP/1.1", "headers": x.request, "_associatedCookies": x.associated},
				"response": map[string]any{"status": x.status, "headers": x.response, "_blockedCookies": x.blocked},
			})
		}
	}
	out, err := json.Marshal(map[string]any{"log": map[string]any{"version": "1.2", "creator": map[string]any{"name": "Chromium", "version": "1"}, "entries": entries}})
	if err != nil {
		t.Fatal(err)
	}
	return string(out), last
}

// withoutReasons is a HAR as an ordinary export has it: without the browser's own words.
func withoutReasons(har string) string {
	return strings.NewReplacer(`"_associatedCookies"`, `"_x"`, `"_blockedCookies"`, `"_y"`).Replace(har)
}
