package journey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"limpet.dev/cookie"
	"limpet.dev/internal/client"
)

// Options say how to play a file. The zero value plays everything.
type Options struct {
	Only    []string // names of journeys; nil: all
	Clients []string // clients or classes; nil: as the file says

	// Transport reaches the site; nil means http.DefaultTransport.
	Transport http.RoundTripper

	// Getenv gives secrets.
	Getenv func(name string) (string, bool)

	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// Progress is told which cell begins, nil: nobody.
	Progress func(text string)
}

// A Plan is what a run would do.
type Plan struct {
	Target   string
	Hosts    []string
	Journeys []string
	Clients  []string
	Cells    int
	Limits   Limits
}

// Plan says what Run would do, without contacting anybody.
func (f *File) Plan(opt Options) (*Plan, error) {
	p := &Plan{Target: f.Target, Limits: f.Limits, Hosts: slices.Clone(f.Allow)}
	if _, err := f.values(opt.Getenv); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, j := range f.chosen(opt) {
		p.Journeys = append(p.Journeys, j.Name)
		for _, k := range f.kinds(j, opt) {
			if p.Cells++; !seen[k.ID] {
				seen[k.ID] = true
				p.Clients = append(p.Clients, k.ID)
			}
		}
	}
	if len(p.Journeys) == 0 {
		return nil, errors.New("no journey has that name")
	}
	return p, nil
}

func (f *File) chosen(opt Options) []*Journey {
	var out []*Journey
	for i := range f.Journeys {
		if opt.Only == nil || slices.Contains(opt.Only, f.Journeys[i].Name) {
			out = append(out, &f.Journeys[i])
		}
	}
	return out
}

// kinds are the clients that play a journey, in the table's order.
func (f *File) kinds(j *Journey, opt Options) []*cookie.Client {
	var out []*cookie.Client
	for _, k := range cookie.Clients() {
		if k.Class == cookie.Standard || !selects(f.Clients, k) || !selects(j.Clients, k) || !selects(opt.Clients, k) {
			continue
		}
		out = append(out, k)
	}
	return out
}

// selects reports whether a list names a client or its class; an empty one names all.
func selects(list []string, k *cookie.Client) bool {
	return len(list) == 0 || slices.Contains(list, k.ID) || slices.Contains(list, string(k.Class))
}

// values are the variables' texts.
func (f *File) values(getenv func(string) (string, bool)) (map[string]string, error) {
	out := map[string]string{}
	var missing []string
	for name, v := range f.Variables {
		if v.Env == "" {
			out[name] = v.Text
			continue
		}
		ok := false
		if getenv != nil {
			out[name], ok = getenv(v.Env)
		}
		if !ok {
			missing = append(missing, v.Env)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, fmt.Errorf("not in the environment: %s", strings.Join(missing, ", "))
	}
	return out, nil
}

// Run plays the journeys one after the other, each in each client. A safety rule that stops it is in the result, not an error.
func (f *File) Run(ctx context.Context, opt Options) (*Result, error) {
	vars, err := f.values(opt.Getenv)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(f.Target)
	if err != nil {
		return nil, errors.New("target: not an address")
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	next := opt.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	g := newGuard(f, next, opt.Now)
	res := &Result{Schema: Schema, Target: base.Scheme + "://" + base.Host, Verdict: Passed}
	for _, j := range f.chosen(opt) {
		for _, k := range f.kinds(j, opt) {
			if ctx.Err() != nil || g.stopped() != "" {
				break
			}
			if opt.Progress != nil {
				opt.Progress(j.Name + " as " + k.Name)
			}
			res.Cells = append(res.Cells, playCell(ctx, j, k, base, vars, g, opt.Now))
		}
	}
	res.Requests, res.Stopped = g.made, g.stopped()
	res.conclude()
	return res, ctx.Err()
}

func playCell(ctx context.Context, j *Journey, k *cookie.Client, base *url.URL, vars map[string]string, g *guard, now func() time.Time) Cell {
	cell := Cell{Journey: j.Name, Client: k.ID, Class: k.Class}
	for _, s := range j.Steps {
		if !s.Expect.empty() {
			cell.Checks++
		}
	}
	if ok, why := able(k, j); !ok {
		cell.Outcome, cell.Reason = Unable, why
		return cell
	}
	began := now()
	clock := &clock{now: now}
	t := &tape{next: g, now: clock.time}
	header := http.Header{"User-Agent": {"limpet-journey/1 (" + k.ID + ")"}}
	p := &player{
		base: base, vars: vars, tape: t, clock: clock, cell: &cell,
		virt: &client.Virtual{Kind: k, Transport: t, Now: clock.time, Header: header},
	}
	ok, err := p.steps(ctx, j.Steps, true)
	switch {
	case err != nil:
		cell.Outcome, cell.Reason = Broken, plain(err)
	case ok:
		cell.Outcome = Pass
	default:
		cell.Outcome = Fail
		p.explain()
	}
	if cell.Outcome != Broken {
		p.cleanUp(ctx, j)
	}
	cell.Took = now().Sub(began)
	return cell
}

// plain is an error without addresses' queries; the transport's own texts name host and port only.
func plain(err error) string {
	if errors.Is(err, ErrUnsafe) {
		return err.Error()
	}
	text := err.Error()
	if u, ok := errors.AsType[*url.Error](err); ok {
		text = u.Err.Error()
	}
	return text
}

// cleanUp ends what the journey began, and looks with the cookies of before whether the state is really gone (S79).
func (p *player) cleanUp(ctx context.Context, j *Journey) {
	if len(j.Cleanup) == 0 {
		return
	}
	before := p.virt.Jar().Clone()
	if ok, err := p.steps(ctx, j.Cleanup, false); err != nil || !ok {
		p.cell.Clean = "not ended"
		return
	}
	if len(j.Gone) == 0 {
		return
	}
	ghost := *p
	ghost.virt = &client.Virtual{Kind: p.virt.Kind, Transport: p.virt.Transport, Now: p.virt.Now, Header: p.virt.Header}
	ghost.virt.Take(before)
	ok, err := ghost.steps(ctx, j.Gone, false)
	switch {
	case err != nil:
	case ok:
		p.cell.Clean = "gone"
	default:
		p.cell.Clean = "still there"
	}
}

// conclude makes the verdict of the cells.
func (r *Result) conclude() {
	answered := false
	for i := range r.Cells {
		switch c := &r.Cells[i]; {
		case c.Outcome == Broken:
			r.Verdict = Failed
		case c.Outcome == Fail, c.Clean == "still there", c.Clean == "not ended":
			r.Verdict, answered = Failed, true
		case c.Outcome == Pass:
			answered = true
		}
	}
	switch {
	case r.Stopped != "":
		r.Verdict = Stopped
	case !answered:
		r.Verdict = NotProven
	}
}
