package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Firefox is a real Firefox, driven over WebDriver BiDi, which it speaks itself. It gives no
// reasons: its outcomes name requests only.
type Firefox struct {
	opt  BrowserOptions
	temp bool

	process *exec.Cmd
	bidi    *bidi
	tab     string // browsing context
	user    string // user context: "default", or a container of its own

	mu    sync.Mutex // guards what follows: events arrive on another goroutine
	order []string
	hops  map[string]*Hop
}

// ErrContainer is what Restart returns when a profile is to be kept that was begun by Restart:
// a container's cookies end with the browser.
var ErrContainer = errors.New("a new profile in a running Firefox does not outlive it")

// StartFirefox starts a headless Firefox with an empty page. Names other than opt.Hosts lead
// to a proxy that is not there.
func StartFirefox(ctx context.Context, opt BrowserOptions) (*Firefox, error) {
	f := &Firefox{opt: opt}
	if f.opt.Program == "" {
		f.opt.Program = "firefox-esr"
	}
	if f.opt.Profile == "" {
		dir, err := os.MkdirTemp("", "limpet-firefox-")
		if err != nil {
			return nil, fmt.Errorf("make a profile: %w", err)
		}
		f.opt.Profile, f.temp = dir, true
	}
	if err := os.WriteFile(filepath.Join(f.opt.Profile, "user.js"), []byte(preferences(f.opt)), 0o600); err != nil {
		return nil, fmt.Errorf("write preferences: %w", err)
	}
	if err := f.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start Firefox: %w", err), f.Close())
	}
	return f, nil
}

// preferences keep the browser on this machine and its cookie rules as shipped.
func preferences(opt BrowserOptions) string {
	hosts := strings.Join(opt.Hosts, ",")
	text := []string{
		`user_pref("network.dns.localDomains", ` + quote(hosts) + `);`,
		`user_pref("network.proxy.type", 1);`,
		`user_pref("network.proxy.socks", "127.0.0.1");`,
		`user_pref("network.proxy.socks_port", 9);`,
		`user_pref("network.proxy.no_proxies_on", ` + quote(strings.TrimPrefix(hosts+",localhost,127.0.0.1", ",")) + `);`,
		`user_pref("dom.security.https_first", false);`,                // http stays http
		`user_pref("security.warn_submit_secure_to_insecure", false);`, // nobody is there to answer
		`user_pref("browser.shell.checkDefaultBrowser", false);`,
		`user_pref("datareporting.policy.dataSubmissionEnabled", false);`,
		`user_pref("toolkit.telemetry.enabled", false);`,
	}
	if opt.BlockThirdParty {
		text = append(text, `user_pref("network.cookie.cookieBehavior", 1);`)
	}
	return strings.Join(text, "\n") + "\n"
}

var listening = regexp.MustCompile(`WebDriver BiDi listening on (ws://\S+)`)

func (f *Firefox) start(ctx context.Context) error {
	f.process = exec.Command(f.opt.Program, "--headless", "--no-remote", "--profile", f.opt.Profile, "--remote-debugging-port", "0", "about:blank")
	f.process.Env = append(os.Environ(), "MOZ_HEADLESS=1", "HOME="+f.opt.Profile, "MOZ_CRASHREPORTER_DISABLE=1")
	talk, err := f.process.StderrPipe()
	if err != nil {
		return err
	}
	if err := f.process.Start(); err != nil {
		return err
	}
	url, err := address(ctx, talk)
	if err != nil {
		return err
	}
	if f.bidi, err = dialBiDi(ctx, url+"/session", f.event); err != nil {
		return err
	}
	capabilities := map[string]any{"alwaysMatch": map[string]any{"acceptInsecureCerts": true}}
	if err := f.bidi.call(ctx, "session.new", map[string]any{"capabilities": capabilities}, nil); err != nil {
		return err
	}
	events := []string{"network.beforeRequestSent", "network.responseCompleted"}
	if err := f.bidi.call(ctx, "session.subscribe", map[string]any{"events": events}, nil); err != nil {
		return err
	}
	f.user = "default"
	return f.newTab(ctx)
}

// address reads where the browser listens from what it says, and lets it talk on.
func address(ctx context.Context, talk io.Reader) (string, error) {
	found := make(chan string, 1)
	go func() { // ends with the browser
		lines := bufio.NewScanner(talk)
		for lines.Scan() {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				found <- m[1]
				break
			}
		}
		close(found)
		_, _ = io.Copy(io.Discard, talk)
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case url := <-found:
		if url == "" {
			return "", errors.New("it ended before it listened")
		}
		return url, nil
	}
}

func (f *Firefox) newTab(ctx context.Context) error {
	var made struct {
		Context string `json:"context"`
	}
	err := f.bidi.call(ctx, "browsingContext.create", map[string]any{"type": "tab", "userContext": f.user}, &made)
	f.tab = made.Context
	return err
}

// Do implements Client.
func (f *Firefox) Do(ctx context.Context, a Action) (*Outcome, error) {
	f.mu.Lock()
	f.order, f.hops = nil, map[string]*Hop{}
	f.mu.Unlock()
	value, err := f.act(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Verb, err)
	}
	out := f.outcome()
	switch a.Verb {
	case Read:
		_ = json.Unmarshal(value, &out.Text)
	case Fetch:
		var answer string
		_ = json.Unmarshal(value, &answer)
		out.fetched(answer)
	}
	if a.Verb.navigates() {
		return out, f.settle(ctx, out)
	}
	return out, nil
}

// settle looks which page is open.
func (f *Firefox) settle(ctx context.Context, out *Outcome) error {
	var url, document string
	for js, into := range map[string]*string{whereabouts: &url, content: &document} {
		value, err := f.evaluate(ctx, f.tab, js)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(value, into); err != nil {
			return err
		}
	}
	out.settle(url, document)
	return nil
}

func (f *Firefox) act(ctx context.Context, a Action) (json.RawMessage, error) {
	if a.Verb == Open {
		return nil, f.bidi.call(ctx, "browsingContext.navigate", map[string]any{"context": f.tab, "url": a.URL, "wait": "complete"}, nil)
	}
	at := f.tab
	if a.Inside != "" {
		var err error
		if at, err = f.inside(ctx, a.Inside); err != nil {
			return nil, err
		}
	}
	if a.Verb.navigates() {
		if _, err := f.evaluate(ctx, f.tab, mark); err != nil {
			return nil, err
		}
	}
	value, err := f.evaluate(ctx, at, script(a))
	if err != nil || !a.Verb.navigates() {
		return value, err
	}
	return value, wait(ctx, func() (bool, error) {
		ask, cancel := context.WithTimeout(ctx, 2*time.Second) // a page that goes may never answer
		defer cancel()
		there, err := f.evaluate(ask, f.tab, arrived)
		return string(there) == "true", err
	})
}

// inside loads a frame and returns its browsing context.
func (f *Firefox) inside(ctx context.Context, url string) (string, error) {
	if _, err := f.evaluate(ctx, f.tab, script(Action{Verb: Frame, URL: url})); err != nil {
		return "", err
	}
	var tree struct {
		Contexts []struct {
			Children []struct {
				Context string `json:"context"`
			} `json:"children"`
		} `json:"contexts"`
	}
	if err := f.bidi.call(ctx, "browsingContext.getTree", map[string]any{"root": f.tab}, &tree); err != nil {
		return "", err
	}
	if len(tree.Contexts) == 0 || len(tree.Contexts[0].Children) == 0 {
		return "", errors.New("the frame did not load")
	}
	children := tree.Contexts[0].Children
	return children[len(children)-1].Context, nil
}

// evaluate runs script in a browsing context, waits for its promise and returns the value as JSON.
func (f *Firefox) evaluate(ctx context.Context, at, js string) (json.RawMessage, error) {
	var result struct {
		Type   string
		Result struct{ Value json.RawMessage }
	}
	err := f.bidi.call(ctx, "script.evaluate", map[string]any{
		"expression": js, "target": map[string]any{"context": at}, "awaitPromise": true,
	}, &result)
	if err == nil && result.Type == "exception" {
		err = errors.New("the page refused the script")
	}
	return result.Result.Value, err
}

// event notes requests and their answers.
func (f *Firefox) event(method string, params json.RawMessage) {
	var ev struct {
		Request       struct{ Request, URL, Method string }
		Response      struct{ Status int }
		RedirectCount int `json:"redirectCount"`
	}
	if json.Unmarshal(params, &ev) != nil || strings.HasSuffix(ev.Request.URL, "/favicon.ico") || !strings.HasPrefix(ev.Request.URL, "http") {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	id := fmt.Sprint(ev.Request.Request, ev.RedirectCount)
	if f.hops[id] == nil {
		f.order = append(f.order, id)
		if f.hops == nil {
			f.hops = map[string]*Hop{}
		}
		f.hops[id] = &Hop{Method: ev.Request.Method, URL: ev.Request.URL}
	}
	if method == "network.responseCompleted" {
		f.hops[id].Status = ev.Response.Status
	}
}

func (f *Firefox) outcome() *Outcome {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := &Outcome{}
	for _, id := range f.order {
		out.Hops = append(out.Hops, *f.hops[id])
		out.URL, out.Status = f.hops[id].URL, f.hops[id].Status
	}
	return out
}

// Restart implements Client. A new profile is a container of its own in the same browser.
func (f *Firefox) Restart(ctx context.Context, with Profile) error {
	if with == SameProfile {
		if f.user != "default" {
			return ErrContainer
		}
		if err := f.end(ctx); err != nil {
			return err
		}
		return f.start(ctx)
	}
	oldTab, oldUser := f.tab, f.user
	var made struct {
		UserContext string `json:"userContext"`
	}
	if err := f.bidi.call(ctx, "browser.createUserContext", map[string]any{}, &made); err != nil {
		return err
	}
	f.user = made.UserContext
	if err := f.newTab(ctx); err != nil {
		return err
	}
	if oldUser != "default" {
		return f.bidi.call(ctx, "browser.removeUserContext", map[string]any{"userContext": oldUser}, nil)
	}
	return f.bidi.call(ctx, "browsingContext.close", map[string]any{"context": oldTab}, nil)
}

// end asks the browser to close, so that it writes its profile, and waits for its process.
func (f *Firefox) end(ctx context.Context) error {
	if f.bidi != nil {
		_ = f.bidi.call(ctx, "browser.close", map[string]any{}, nil)
		f.bidi.close()
		f.bidi = nil
	}
	if f.process == nil || f.process.Process == nil {
		return nil
	}
	ended := make(chan error, 1)
	go func() { ended <- f.process.Wait() }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		_ = f.process.Process.Kill()
		<-ended
	}
	f.process = nil
	return nil
}

// Close implements Client.
func (f *Firefox) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := f.end(ctx)
	if f.temp {
		err = errors.Join(err, os.RemoveAll(f.opt.Profile))
	}
	return err
}
