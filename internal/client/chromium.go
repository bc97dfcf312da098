package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"limpet.dev/cookie"
)

// BrowserOptions say how a real browser is started.
type BrowserOptions struct {
	// Program is its path or name; "" is looked for under the usual names.
	Program string

	// Profile is the folder in which it keeps its cookies; "" is a temporary one, removed by Close.
	Profile string

	// Hosts are names that lead to this machine; nothing else resolves. A Chromium takes "*" too.
	Hosts []string

	// BlockThirdParty has third-party cookies blocked, as a user's setting.
	BlockThirdParty bool
}

// Chromium is a real Chromium, driven over the Chrome DevTools Protocol. Its outcomes carry
// the browser's own reasons.
type Chromium struct {
	opt  BrowserOptions
	temp bool // the profile is ours to remove

	ctx  context.Context // of the page
	stop context.CancelFunc
	hear *hearing
}

// StartChromium starts a headless Chromium with an empty page. Nothing that it asks for
// leaves the machine.
func StartChromium(ctx context.Context, opt BrowserOptions) (*Chromium, error) {
	c := &Chromium{opt: opt}
	if c.opt.Program == "" {
		c.opt.Program = "chromium"
	}
	if c.opt.Profile == "" {
		dir, err := os.MkdirTemp("", "limpet-chromium-")
		if err != nil {
			return nil, fmt.Errorf("make a profile: %w", err)
		}
		c.opt.Profile, c.temp = dir, true
	}
	if err := seedPreferences(c.opt); err != nil {
		return nil, err
	}
	return c, c.start(ctx)
}

// seedPreferences says whether third-party cookies are blocked: Debian's default differs from
// upstream's.
func seedPreferences(opt BrowserOptions) error {
	file := filepath.Join(opt.Profile, "Default", "Preferences")
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	mode := 0
	if opt.BlockThirdParty {
		mode = 1
	}
	text := fmt.Sprintf(`{"profile":{"cookie_controls_mode":%d,"block_third_party_cookies":%t}}`, mode, opt.BlockThirdParty)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("make a profile: %w", err)
	}
	return os.WriteFile(file, []byte(text), 0o600)
}

func (c *Chromium) start(ctx context.Context) error {
	var rules []string
	for _, host := range c.opt.Hosts {
		rules = append(rules, "MAP "+host+" 127.0.0.1")
	}
	if len(rules) == 0 {
		rules = []string{"MAP * ~NOTFOUND", "EXCLUDE localhost", "EXCLUDE 127.0.0.1"}
	}
	life, end := context.WithCancel(context.Background())
	allocator, _ := chromedp.NewExecAllocator(life, chromedp.ExecPath(c.opt.Program), chromedp.UserDataDir(c.opt.Profile),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.IgnoreCertErrors,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-extensions", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-site-isolation-trials", true), // frames of other sites report to the same session
		chromedp.Flag("disable-features", "IsolateOrigins,site-per-process,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,MediaRouter,OptimizationHints"),
		chromedp.Flag("host-resolver-rules", strings.Join(rules, ",")), chromedp.WSURLReadTimeout(time.Minute))
	c.ctx, _ = chromedp.NewContext(allocator)
	c.stop = end
	c.hear = &hearing{}
	run, done := c.within(ctx)
	defer done()
	if err := chromedp.Listen(run, c.hear.event); err != nil {
		return errors.Join(fmt.Errorf("start Chromium: %w", err), c.Close())
	}
	if _, err := chromedp.Call(run, network.Enable, network.EnableParams{}); err != nil {
		return errors.Join(fmt.Errorf("start Chromium: %w", err), c.Close())
	}
	return nil
}

// within ties a call's context to the browser's.
func (c *Chromium) within(ctx context.Context) (context.Context, func()) {
	run, cancel := context.WithCancel(c.ctx)
	unhook := context.AfterFunc(ctx, cancel)
	return run, func() { unhook() }
}

// Do implements Client.
func (c *Chromium) Do(ctx context.Context, a Action) (*Outcome, error) {
	c.hear.begin()
	run, done := c.within(ctx)
	defer done()
	value, err := c.act(run, a)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("%s: %w", a.Verb, err)
	}
	out := c.hear.outcome(ctx)
	switch a.Verb {
	case Read:
		out.Text, _ = value.(string)
	case Fetch:
		text, _ := value.(string)
		out.fetched(text)
	}
	if !a.Verb.navigates() {
		return out, nil
	}
	url, err := evaluate(run, whereabouts, nil)
	if err != nil {
		return nil, err
	}
	document, err := evaluate(run, content, nil)
	out.settle(fmt.Sprint(url), fmt.Sprint(document))
	return out, err
}

func (c *Chromium) act(run context.Context, a Action) (value any, err error) {
	if a.Verb == Open {
		return nil, chromedp.Do(run, chromedp.Navigate(a.URL))
	}
	inside, err := c.inside(run, a.Inside)
	if err != nil {
		return nil, err
	}
	if a.Verb.navigates() {
		if _, err := evaluate(run, mark, nil); err != nil {
			return nil, err
		}
	}
	value, err = evaluate(run, script(a), inside)
	if err != nil || !a.Verb.navigates() {
		return value, err
	}
	return value, wait(run, func() (bool, error) {
		ask, cancel := context.WithTimeout(run, 2*time.Second) // a page that goes may never answer
		defer cancel()
		there, err := evaluate(ask, arrived, nil)
		return there == true, err
	})
}

// inside loads a frame and returns a place in it where script can run.
func (c *Chromium) inside(run context.Context, url string) (*runtime.ExecutionContextID, error) {
	if url == "" {
		return nil, nil
	}
	if _, err := evaluate(run, script(Action{Verb: Frame, URL: url}), nil); err != nil {
		return nil, err
	}
	tree, err := chromedp.Call(run, page.GetFrameTree, cdp.Empty{})
	if err != nil {
		return nil, err
	}
	children := tree.FrameTree.ChildFrames
	if len(children) == 0 {
		return nil, errors.New("the frame did not load")
	}
	world, err := chromedp.Call(run, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: children[len(children)-1].Frame.ID})
	return &world.ExecutionContextID, err
}

// evaluate runs script in the page, or at another place, and waits for its promise.
func evaluate(run context.Context, js string, at *runtime.ExecutionContextID) (any, error) {
	yes := true
	p := runtime.EvaluateParams{Expression: js, ReturnByValue: &yes, AwaitPromise: &yes}
	if at != nil {
		p.ContextID = *at
	}
	result, err := chromedp.Call(run, runtime.Evaluate, p)
	if err != nil {
		return nil, err
	}
	if result.ExceptionDetails != nil {
		return nil, errors.New("the page refused the script")
	}
	var value any
	err = cdpUnmarshal(result.Result.Value, &value)
	return value, err
}

// wait asks until the answer is yes. A page that is just being replaced may refuse to answer.
func wait(ctx context.Context, ask func() (bool, error)) error {
	for pause := 2 * time.Millisecond; ; pause = min(pause*2, 50*time.Millisecond) {
		if yes, err := ask(); yes && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// Cookies implements Client.
func (c *Chromium) Cookies(ctx context.Context) ([]cookie.Cookie, error) {
	run, done := c.within(ctx)
	defer done()
	found, err := chromedp.CallBrowser(run, storage.GetCookies, storage.GetCookiesParams{})
	if err != nil {
		return nil, fmt.Errorf("read cookies: %w", err)
	}
	out := make([]cookie.Cookie, 0, len(found.Cookies))
	for _, k := range found.Cookies {
		out = append(out, fromChromium(k))
	}
	return out, nil
}

func fromChromium(k *network.Cookie) cookie.Cookie {
	c := cookie.Cookie{
		Name: k.Name, Value: k.Value, Domain: strings.TrimPrefix(k.Domain, "."), HostOnly: !strings.HasPrefix(k.Domain, "."),
		Path: k.Path, Secure: k.Secure, HttpOnly: k.HTTPOnly, SameSite: sameSiteNamed(string(k.SameSite)),
	}
	if !k.Session {
		c.Expires = time.UnixMilli(int64(k.Expires * 1000))
	}
	if p := k.PartitionKey; p != nil {
		scheme, site, _ := strings.Cut(p.TopLevelSite, "://")
		c.Partition = cookie.Partition{Scheme: scheme, Site: site, CrossSite: p.HasCrossSiteAncestor}
		c.Partitioned = true
	}
	return c
}

func sameSiteNamed(name string) cookie.SameSite {
	switch strings.ToLower(name) {
	case "none":
		return cookie.None
	case "lax":
		return cookie.Lax
	case "strict":
		return cookie.Strict
	}
	return cookie.Unset
}

// Restart implements Client. A new profile is the old one without cookies and pages.
func (c *Chromium) Restart(ctx context.Context, with Profile) error {
	run, done := c.within(ctx)
	defer done()
	if with == NewProfile {
		if _, err := chromedp.CallBrowser(run, storage.ClearCookies, storage.ClearCookiesParams{}); err != nil {
			return fmt.Errorf("clear cookies: %w", err)
		}
		return chromedp.Do(run, chromedp.Navigate("about:blank"))
	}
	if err := c.end(); err != nil {
		return err
	}
	return c.start(ctx)
}

// end lets the browser write its profile and waits for its process.
func (c *Chromium) end() error {
	err := chromedp.Cancel(c.ctx)
	c.stop()
	if err != nil {
		return fmt.Errorf("close Chromium: %w", err)
	}
	return nil
}

// Close implements Client.
func (c *Chromium) Close() error {
	err := c.end()
	if c.temp {
		err = errors.Join(err, os.RemoveAll(c.opt.Profile))
	}
	return err
}

// hearing collects what the browser reports about its requests.
type hearing struct {
	mu    sync.Mutex // events arrive on another goroutine
	order []string   // request identifiers, in the order of their first request
	heard map[string]*exchange
}

// exchange is a request with its redirects.
type exchange struct {
	hops                []Hop
	requests, responses int // extra information that arrived so far
}
