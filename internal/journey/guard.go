package journey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// ErrUnsafe says that a safety rule stopped a run.
var ErrUnsafe = errors.New("stopped for safety")

// A guard is the transport of all clients: it refuses hosts that are not on the list, spaces requests, and ends the run when too
// many were made, too much time has passed, or the site is in trouble.
type guard struct {
	next   http.RoundTripper
	limits Limits
	allow  map[string]bool
	ends   time.Time
	now    func() time.Time

	mu     sync.Mutex
	free   time.Time // when the next request may go
	made   int64
	recent []bool // whether the latest answers were errors
	why    string
}

// window is how many of the latest answers are looked at.
const window = 40

// newGuard makes the guard of a file; extra hosts come from the command line.
func newGuard(f *File, next http.RoundTripper, now func() time.Time) *guard {
	g := &guard{next: next, limits: f.Limits, allow: map[string]bool{}, now: now, ends: now().Add(f.Limits.Duration)}
	if u, err := url.Parse(f.Target); err == nil {
		g.allow[strings.ToLower(u.Host)] = true
	}
	for _, h := range f.Allow {
		g.allow[strings.ToLower(h)] = true
	}
	return g
}

// allowed reports whether a host is on the list, with its port or for all ports.
func (g *guard) allowed(u *url.URL) bool {
	return g.allow[strings.ToLower(u.Host)] || g.allow[strings.ToLower(u.Hostname())]
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.admit(r); err != nil {
		return nil, err
	}
	answer, err := g.next.RoundTrip(r)
	if r.Context().Err() == nil {
		g.note(err != nil || answer.StatusCode >= 500)
	}
	return answer, err
}

// admit waits for the request's turn.
func (g *guard) admit(r *http.Request) error {
	g.mu.Lock()
	if g.why == "" {
		switch {
		case !g.allowed(r.URL):
			g.why = "a step or a redirect leads to " + r.URL.Host + ", which is not on the list of hosts (allow)"
		case g.made >= g.limits.Requests:
			g.why = fmt.Sprintf("the limit of %d requests is reached", g.limits.Requests)
		case g.now().After(g.ends):
			g.why = "the time limit of " + g.limits.Duration.String() + " is over"
		}
	}
	if g.why != "" {
		defer g.mu.Unlock()
		return fmt.Errorf("%w: %s", ErrUnsafe, g.why)
	}
	g.made++
	now := g.now()
	at := now
	if g.free.After(now) {
		at = g.free
	}
	g.free = at.Add(time.Duration(float64(time.Second) / g.limits.Rate))
	g.mu.Unlock()
	return sleep(r.Context(), at.Sub(now))
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// note counts an answer, and stops the run if the site is in trouble.
func (g *guard) note(failed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.recent = append(g.recent, failed); len(g.recent) > window {
		g.recent = g.recent[1:]
	}
	bad := 0
	for _, f := range g.recent {
		if f {
			bad++
		}
	}
	if len(g.recent) == window && g.why == "" && float64(bad) >= g.limits.Errors*window && bad > 0 {
		g.why = fmt.Sprintf("%d of the latest %d answers were errors of the server", bad, window)
	}
}

// stopped says why the run was stopped, "" if it was not.
func (g *guard) stopped() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.why
}
