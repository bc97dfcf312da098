package report

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"limpet.dev/diagnose"
	"limpet.dev/internal/need"
)

var shots = flag.String("shots", "", "folder into which the browser test writes screenshots")

// A tab is a page in a headless Chromium without a network, with what the browser complained
// about and what it asked for.
type tab struct {
	ctx        context.Context
	mu         sync.Mutex // guards what follows: events arrive on another goroutine
	complaints []string
	requests   []string
}

// browse starts Chromium with an empty page. It ends with the test.
func browse(t *testing.T) *tab {
	t.Helper()
	program := need.Tool(t, "chromium")
	ctx, stop := context.WithTimeout(context.Background(), 3*time.Minute)
	ctx, _ = chromedp.NewExecAllocator(ctx, chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"), chromedp.WSURLReadTimeout(time.Minute)) // no name resolves: the network is off
	ctx, _ = chromedp.NewContext(ctx)
	b := &tab{ctx: ctx}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("close the browser: %v", err)
		}
		stop()
	})
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	call(t, b, network.Enable, network.EnableParams{})
	call(t, b, log.Enable, cdp.Empty{})
	return b
}

// open shows a page from a file, and forgets what was heard of the one before.
func (b *tab) open(t *testing.T, html string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(html), 0o644); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	b.complaints, b.requests = nil, nil
	b.mu.Unlock()
	b.do(t, chromedp.Navigate("file://"+file), chromedp.WaitReady("footer"))
}

func (b *tab) listen(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, string(ev.Entry.Level)+": "+ev.Entry.Text)
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, "console: "+string(ev.Type))
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, "exception: "+ev.ExceptionDetails.Text)
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, ev.Request.URL)
	}
}

// heard returns what the browser complained about and what it asked for so far.
func (b *tab) heard() (complaints, requests []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.complaints), slices.Clone(b.requests)
}

func (b *tab) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// call sends one command of the browser's protocol.
func call[P, R any](t *testing.T, b *tab, cmd cdp.Command[P, R], params P) R {
	t.Helper()
	r, err := chromedp.Call(b.ctx, cmd, params)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// eval runs a script in the page. It goes through the debugger, which no content policy binds.
func eval[T any](t *testing.T, b *tab, js string) T {
	t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](js))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// size makes the window that wide, dark or light.
func (b *tab) size(t *testing.T, width int64, scheme string) {
	t.Helper()
	call(t, b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1})
	call(t, b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// shoot writes a screenshot of the whole page.
func (b *tab) shoot(t *testing.T, name string, width int64) {
	t.Helper()
	if *shots == "" {
		return
	}
	height := eval[float64](t, b, "document.documentElement.scrollHeight")
	for part, y := 1, 0.0; y < height; part, y = part+1, y+2400 {
		beyond := true
		r := call(t, b, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{CaptureBeyondViewport: &beyond,
			Clip: &cdppage.Viewport{Y: y, Width: float64(width), Height: min(2400, height-y), Scale: 1}})
		if err := os.WriteFile(filepath.Join(*shots, fmt.Sprintf("%s-%d.png", name, part)), r.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// What the browser looks for. Each returns one line per fault.
const (
	// overflowJS: does the page scroll sideways, and what sticks out of it? What lies in a
	// region that scrolls may.
	overflowJS = `(() => { const w = document.documentElement.clientWidth, out = [];
		if (document.documentElement.scrollWidth > w) out.push('page is ' + document.documentElement.scrollWidth + ' wide in ' + w);
		for (const e of document.body.querySelectorAll('*')) {
			if (e.closest('.scroll, .skip, svg')) continue;
			const r = e.getBoundingClientRect();
			if (r.width && r.right > w + 1) out.push(e.tagName + ' ' + e.className + ' ends at ' + Math.round(r.right) + ': ' + e.textContent.trim().slice(0, 40));
		}
		return out.slice(0, 10); })()`

	// contrastJS: text with less than 4.5:1 to what lies behind it (WCAG 2.2, 1.4.3), and
	// text smaller than 10 px. In pictures the last shape drawn before the text around its middle is behind it.
	contrastJS = `(() => {
		const rgba = s => { const m = s.match(/[\d.]+/g).map(Number); return [m[0], m[1], m[2], m.length > 3 ? m[3] : 1]; };
		const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
		const lum = c => { const f = [0, 1, 2].map(i => { const v = c[i] / 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * f[0] + 0.7152 * f[1] + 0.0722 * f[2]; };
		const behind = e => { const stack = []; for (let n = e; n && n.nodeType === 1; n = n.parentElement) { const c = rgba(getComputedStyle(n).backgroundColor); if (c[3] > 0) { stack.push(c); if (c[3] === 1) break; } }
			let bg = [255, 255, 255, 1]; for (const c of stack.reverse()) bg = over(c, bg); return bg; };
		const shapes = (t, bg) => { const b = t.getBoundingClientRect(), x = b.x + b.width / 2, y = b.y + b.height / 2;
			for (const s of t.ownerSVGElement.querySelectorAll('rect')) { if (s.compareDocumentPosition(t) & 2) break; const r = s.getBoundingClientRect();
				if (r.x <= x && x <= r.right && r.y <= y && y <= r.bottom) { const f = getComputedStyle(s).fill; if (f !== 'none') bg = over(rgba(f), bg); } }
			return bg; };
		const out = new Set();
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		for (let n; n = walk.nextNode();) { const e = n.parentElement; if (!n.data.trim() || e.closest('title, desc, style') || !e.checkVisibility()) continue;
			const st = getComputedStyle(e), svg = e.namespaceURI.endsWith('svg');
			let bg = behind(svg ? e.ownerSVGElement.parentElement : e); if (svg) bg = shapes(e, bg);
			const fg = over(rgba(svg ? st.fill : st.color), bg), a = lum(fg), b = lum(bg), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
			if (ratio < 4.5) out.add(ratio.toFixed(2) + ' ' + e.tagName + '.' + (e.getAttribute('class') || '') + ' ' + n.data.trim().slice(0, 30));
			if (parseFloat(st.fontSize) < 10) out.add('tiny ' + e.tagName + ' ' + n.data.trim().slice(0, 30)); }
		return [...out].slice(0, 20); })()`

	// namesJS: what a screen reader would have no name for.
	namesJS = `(() => { const out = [];
		for (const e of document.querySelectorAll('svg:not([aria-hidden])')) { const t = e.querySelector(':scope > title'), d = e.querySelector(':scope > desc');
			if (!t || !t.textContent || !d || !d.textContent || !e.getAttribute('role')) out.push('picture without title, desc or role'); }
		for (const e of document.querySelectorAll('table')) { if (!e.caption || !e.caption.textContent.trim()) out.push('table without caption');
			for (const h of e.querySelectorAll('th')) if (!h.scope) out.push('th without scope: ' + h.textContent); }
		for (const e of document.querySelectorAll('[role=region],nav')) if (!e.getAttribute('aria-label')) out.push('region without name');
		for (const e of document.querySelectorAll('a[href],summary')) if (!(e.textContent.trim() || e.getAttribute('aria-label'))) out.push('link without text: ' + e.outerHTML.slice(0, 80));
		for (const l of ['main', 'header', 'nav', 'footer']) if (document.querySelectorAll('body > ' + l).length !== 1) out.push('not exactly one ' + l);
		return out; })()`

	// activeJS: anything that could act or load, however it came into the page.
	activeJS = `(() => { const out = [];
		for (const e of document.querySelectorAll('*')) { if (/^(script|img|iframe|object|embed|form|base|use|image|video|audio)$/i.test(e.localName)) out.push(e.outerHTML.slice(0, 80));
			for (const a of e.attributes) if (/^on/i.test(a.name) || /javascript:/i.test(a.value) && /href|src|action/i.test(a.name)) out.push(a.name + '=' + a.value.slice(0, 60)); }
		return out; })()`

	// unfoldJS opens what is folded, so that it is looked at, too.
	unfoldJS = `document.querySelectorAll('details').forEach(d => d.open = true)`

	// markJS numbers everything that can be used and is not folded away; it returns how much that is.
	markJS = `(() => { let n = 0; for (const e of document.querySelectorAll('a[href],summary,button,input,select,textarea,[tabindex]')) { if (e.checkVisibility()) e.dataset.n = n++; } return n; })()`

	// focusJS says which of them has the focus and whether that can be seen.
	focusJS = `(() => { const e = document.activeElement; if (!e || e === document.body) return 'none'; return e.dataset.n + ' ' + (getComputedStyle(e).outlineStyle !== 'none'); })()`
)

func TestPagesInABrowser(t *testing.T) {
	b := browse(t)
	for _, c := range append(cases, struct {
		name   string
		report func(testing.TB) *diagnose.Report
	}{"poisoned", poisoned}) {
		t.Run(c.name, func(t *testing.T) {
			b.open(t, write(t, "html", c.report(t), Options{}))
			for _, width := range []int64{1280, 390} {
				for _, scheme := range []string{"light", "dark"} {
					b.size(t, width, scheme)
					name := fmt.Sprintf("%s-%d-%s", c.name, width, scheme)
					b.complain(t, name+": sticks out", overflowJS)
					b.complain(t, name+": hard to read", contrastJS)
					b.shoot(t, name, width)
				}
			}
			b.complain(t, "without a name", namesJS)
			b.complain(t, "active content", activeJS)
			eval[any](t, b, unfoldJS)
			b.complain(t, "unfolded, sticks out", overflowJS)
			b.complain(t, "unfolded, hard to read", contrastJS)
			if c.name != "poisoned" { // the same things as on the page of that report
				b.reachable(t)
			}
			b.quiet(t)
		})
	}
}

// quiet reports what the browser complained about, and requests that left the file.
func (b *tab) quiet(t *testing.T) {
	t.Helper()
	complaints, requests := b.heard()
	for _, c := range complaints {
		t.Errorf("the browser says: %s", c)
	}
	for _, r := range requests {
		if !strings.HasPrefix(r, "file://") && !strings.HasPrefix(r, "data:") {
			t.Errorf("the page asks for %s", r)
		}
	}
	if len(requests) == 0 {
		t.Error("no request was seen, not even for the page: the test watches nothing")
	}
}

// complain reports each line that a script returns.
func (b *tab) complain(t *testing.T, what, js string) {
	t.Helper()
	for _, l := range eval[[]string](t, b, js) {
		t.Errorf("%s: %s", what, cut(l, 160))
	}
}

// reachable presses Tab until the focus leaves the page: everything that can be used had it once.
func (b *tab) reachable(t *testing.T) {
	t.Helper()
	n := eval[int](t, b, markJS)
	eval[any](t, b, "document.activeElement.blur(), getSelection().removeAllRanges(), scrollTo(0, 0)")
	if n < 15 {
		t.Fatalf("only %d things to use on the page", n)
	}
	seen := map[string]bool{}
	for range n + 5 {
		b.do(t, chromedp.KeyEvent("\t"))
		number, visible, ok := strings.Cut(eval[string](t, b, focusJS), " ")
		if !ok || seen[number] {
			continue // it was outside the page between the last thing and the first
		}
		seen[number] = true
		if visible != "true" {
			t.Errorf("the focus on thing %s cannot be seen", number)
		}
	}
	for i := range n {
		if number := strconv.Itoa(i); !seen[number] {
			t.Errorf("Tab does not reach %s", eval[string](t, b, "document.querySelector('[data-n=\""+number+"\"]').outerHTML.slice(0, 120)"))
		}
	}
}
