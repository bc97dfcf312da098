package differential

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"limpet.dev/cookie"
	"limpet.dev/internal/client"
)

// A Trace is what a client did in a scenario.
type Trace struct {
	Sent     string          // the probe's Cookie header; for Read, document.cookie
	Reached  bool            // the probe's target was asked
	Stored   []cookie.Cookie // after the set steps
	Refused  []client.Cause  // of the set steps, where the client says why
	Withheld []client.Cause  // of the probe
	Hops     []string        // Cookie headers of redirects on the probe's way, and of questions
	At       time.Time       // when the cookies were set, about
}

// play has a client act a scenario out. who tells its requests from those of others.
func play(ctx context.Context, s *Scenario, c client.Client, site *Site, who string) (*Trace, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := c.Restart(ctx, client.NewProfile); err != nil {
		return nil, fmt.Errorf("new profile: %w", err)
	}
	t := &Trace{At: time.Now()}
	for i, step := range s.Set {
		name := fmt.Sprintf("%s-%d-%d", who, s.ID, i)
		if step.Verb == client.Write {
			if err := write(ctx, c, site, step); err != nil {
				return nil, err
			}
			continue
		}
		out, err := act(ctx, c, site, step, name)
		if err != nil {
			return nil, err
		}
		for _, token := range tokens(step, name) {
			t.Refused = append(t.Refused, causes(out.Hops, token, func(h client.Hop) []client.Cause { return h.Refused })...)
			site.Take(token)
		}
	}
	var err error
	if t.Stored, err = c.Cookies(ctx); err != nil {
		return nil, err
	}
	return t, t.probe(ctx, c, site, s.Probe, fmt.Sprintf("%s-%d-p", who, s.ID))
}

func (t *Trace) probe(ctx context.Context, c client.Client, site *Site, step Step, name string) error {
	out, err := act(ctx, c, site, step, name)
	if err != nil {
		return err
	}
	if step.Verb == client.Read {
		t.Sent, t.Reached = out.Text, true
		return nil
	}
	for i := range step.Via {
		t.Hops = append(t.Hops, headers(site.Take(fmt.Sprintf("%s-%d", name, i)))...)
	}
	for _, seen := range site.Take(name + "-t") {
		if seen.Method == http.MethodOptions {
			t.Hops = append(t.Hops, "question: "+seen.Cookie)
			continue
		}
		t.Sent, t.Reached = seen.Cookie, true
	}
	t.Withheld = causes(out.Hops, name+"-t", func(h client.Hop) []client.Cause { return h.Withheld })
	return nil
}

// tokens names the requests of a step, redirects first.
func tokens(step Step, name string) (out []string) {
	for i := range step.Via {
		out = append(out, fmt.Sprintf("%s-%d", name, i))
	}
	return append(out, name+"-t")
}

func headers(all []Seen) (out []string) {
	for _, s := range all {
		out = append(out, s.Cookie)
	}
	return out
}

// causes takes the hop with a token, not its question.
func causes(hops []client.Hop, token string, of func(client.Hop) []client.Cause) (out []client.Cause) {
	for _, h := range hops {
		if strings.HasSuffix(h.URL, "t="+token) && h.Method != http.MethodOptions {
			out = append(out, of(h)...)
		}
	}
	return out
}

// act opens the step's page and does what it does, through its redirects.
func act(ctx context.Context, c client.Client, site *Site, step Step, name string) (*client.Outcome, error) {
	if err := openPage(ctx, c, site, step.Page); err != nil {
		return nil, err
	}
	target := site.URL(step.Target, name+"-t")
	site.Lay(name+"-t", Answer{Status: step.Status, SetCookie: step.Lines, CORS: step.CORS})
	for i := len(step.Via) - 1; i >= 0; i-- {
		hop, token := step.Via[i], fmt.Sprintf("%s-%d", name, i)
		site.Lay(token, Answer{Status: hop.Status, Location: target, SetCookie: hop.Lines, CORS: step.CORS})
		target = site.URL(hop.Place, token)
	}
	a := client.Action{Verb: step.Verb, URL: target, Credentials: step.Credentials}
	if step.Inside != (Place{}) {
		a.Inside = site.URL(step.Inside, "")
	}
	if step.Preflight {
		a.Header = http.Header{"X-Test": {"1"}}
	}
	return c.Do(ctx, a)
}

func write(ctx context.Context, c client.Client, site *Site, step Step) error {
	if err := openPage(ctx, c, site, step.Page); err != nil {
		return err
	}
	for _, line := range step.Lines {
		a := client.Action{Verb: client.Write, Text: line}
		if step.Inside != (Place{}) {
			a.Inside = site.URL(step.Inside, "")
		}
		if _, err := c.Do(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func openPage(ctx context.Context, c client.Client, site *Site, p Place) error {
	if p == (Place{}) {
		return nil
	}
	_, err := c.Do(ctx, client.Action{Verb: client.Open, URL: site.URL(p, "")})
	if err != nil {
		return errors.Join(errors.New("open the page"), err)
	}
	return nil
}
