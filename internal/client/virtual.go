package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"limpet.dev/cookie"
)

// Virtual is a client that computes: what it keeps and sends follows from a row of package
// cookie's table. Its fields are set before first use.
type Virtual struct {
	// Kind is the row of the client table. Required.
	Kind *cookie.Client

	// Transport makes the requests; nil means http.DefaultTransport.
	Transport http.RoundTripper

	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// MaxBody is how many octets of an answer are kept; 0 means 1 MiB.
	MaxBody int64

	// Header is sent with every request.
	Header http.Header

	jar  *cookie.Jar
	page cookie.URL
}

// ErrNoPage is what an action in a page returns when none is open.
var ErrNoPage = errors.New("no page is open")

// ErrRedirects is what a chain of more than 20 redirects returns (Fetch, 4.4).
var ErrRedirects = errors.New("more than 20 redirects")

// Jar returns the cookie store, for questions about it.
func (v *Virtual) Jar() *cookie.Jar {
	if v.jar == nil {
		v.jar = cookie.NewJar(v.Kind)
	}
	return v.jar
}

// Take puts another store in the place of the client's own.
func (v *Virtual) Take(jar *cookie.Jar) { v.jar = jar }

// Do implements Client.
func (v *Virtual) Do(ctx context.Context, a Action) (*Outcome, error) {
	r, err := v.request(a)
	if err != nil {
		return nil, err
	}
	switch a.Verb {
	case Read:
		return &Outcome{Text: string(v.Jar().AppendHeader(nil, r, v.now()))}, nil
	case Write:
		verdict := v.Jar().Set(a.Text, r, v.now())
		return &Outcome{Hops: []Hop{{Refused: refused([]cookie.Verdict{verdict})}}}, nil
	}
	out := &Outcome{}
	return out, v.chain(ctx, r, a, out)
}

// request says what an action asks for, in terms of package cookie.
func (v *Virtual) request(a Action) (*cookie.Request, error) {
	r := &cookie.Request{From: v.page, Method: http.MethodGet}
	if a.Verb != Open && v.page.IsZero() {
		return nil, ErrNoPage
	}
	if a.Inside != "" {
		frame, err := cookie.ParseURL(a.Inside)
		if err != nil {
			return nil, fmt.Errorf("inside: %w", err)
		}
		r.Top, r.From = v.page, frame
		r.Foreign = !frame.SameSite(&v.page, v.Kind.Rules.Schemeful)
	}
	var err error
	if a.Verb == Read || a.Verb == Write {
		r.URL, r.Kind = r.From, cookie.Script
		return r, nil
	}
	if r.URL, err = cookie.ParseURL(a.URL); err != nil {
		return nil, err
	}
	switch a.Verb {
	case Open:
		r.From = cookie.URL{}
	case Submit:
		r.Method = http.MethodPost
	case Frame:
		r.Kind = cookie.Frame
	case Image:
		r.Kind = cookie.Resource
	case Fetch:
		r.Kind, r.Credentials = cookie.Fetch, a.Credentials
	}
	if a.Method != "" {
		r.Method = a.Method
	}
	return r, nil
}

// chain makes a request and follows its redirects. A navigation leaves the last page open.
func (v *Virtual) chain(ctx context.Context, r *cookie.Request, a Action, out *Outcome) error {
	target := a.URL
	for range 21 {
		if ok, err := v.allowed(ctx, r, target, a, out); err != nil || !ok {
			return err
		}
		answer, err := v.exchange(ctx, r, target, a, out)
		if err != nil {
			return err
		}
		out.URL, out.Status, out.Header = target, answer.StatusCode, answer.Header
		out.Hidden = r.Kind == cookie.Fetch && v.scripted() && !readable(r)
		next, follow := redirect(answer, target)
		if follow && out.Hidden {
			drain(answer) // a redirect that may not be read ends the fetch (Fetch, 4.4)
			return nil
		}
		if !follow {
			out.Body, err = v.body(answer)
			if a.Verb.navigates() {
				v.page = r.URL
			}
			return err
		}
		drain(answer)
		to, err := cookie.ParseURL(next)
		if err != nil {
			return fmt.Errorf("redirect: %w", err)
		}
		r, target = r.Follow(answer.StatusCode, to), next
	}
	return ErrRedirects
}

// redirect returns where an answer sends its client.
func redirect(answer *http.Response, from string) (to string, ok bool) {
	switch answer.StatusCode {
	case 301, 302, 303, 307, 308:
	default:
		return "", false
	}
	base, err := url.Parse(from)
	if err != nil {
		return "", false
	}
	next, err := base.Parse(answer.Header.Get("Location"))
	if err != nil || answer.Header.Get("Location") == "" {
		return "", false
	}
	return next.String(), true
}

// exchange makes one request with the cookies that go with it and keeps those that come back.
func (v *Virtual) exchange(ctx context.Context, r *cookie.Request, target string, a Action, out *Outcome) (*http.Response, error) {
	now := v.now()
	req, err := v.build(ctx, r, target, a)
	if err != nil {
		return nil, err
	}
	hop := Hop{Method: r.Method, URL: target, Withheld: withheld(v.Jar().Explain(r, now))}
	if cookies := v.Jar().AppendHeader(nil, r, now); len(cookies) > 0 {
		req.Header.Set("Cookie", string(cookies))
	}
	transport := v.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	answer, err := transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Origin(), err)
	}
	r.CORS = corsOf(answer.Header, r)
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil && skewed(date.Sub(v.now())) {
		r.Date = date
	}
	hop.Status = answer.StatusCode
	hop.Refused = refused(v.Jar().SetAll(answer.Header.Values("Set-Cookie"), r, v.now()))
	out.Hops = append(out.Hops, hop)
	return answer, nil
}

// build makes the HTTP request. A form goes into the body, or for GET into the query.
func (v *Virtual) build(ctx context.Context, r *cookie.Request, target string, a Action) (*http.Request, error) {
	var body io.Reader
	form := a.Form.Encode()
	switch {
	case form != "" && r.Method != http.MethodGet && r.Method != http.MethodHead:
		body = strings.NewReader(form)
	case form != "" && len(r.Via) == 0:
		target, _, _ = strings.Cut(target, "#")
		before, _, _ := strings.Cut(target, "?")
		target = before + "?" + form
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target, body)
	if err != nil {
		return nil, errors.New("not a URL that can be requested") // the error would show the query
	}
	for name, values := range v.Header {
		req.Header[name] = values
	}
	for name, values := range a.Header {
		req.Header[name] = values
	}
	if body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if v.scripted() {
		provenance(req.Header, r)
	}
	return req, nil
}

// provenance sets the headers by which a server sees where a browser's request comes from.
func provenance(h http.Header, r *cookie.Request) {
	if r.From.IsZero() {
		return
	}
	h.Set("Referer", r.From.Origin()+"/")
	if r.Kind == cookie.Fetch && crosses(r) || r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Origin", origin(r))
	}
}

// skewed reports a difference that is more than the way and the second of a Date header.
func skewed(d time.Duration) bool { return d.Abs() > 5*time.Second }

func (v *Virtual) body(answer *http.Response) ([]byte, error) {
	defer drain(answer)
	limit := v.MaxBody
	if limit == 0 {
		limit = 1 << 20
	}
	return io.ReadAll(io.LimitReader(answer.Body, limit))
}

// drain reads a little more, so that the connection can be used again.
func drain(answer *http.Response) {
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10)
	_ = answer.Body.Close()
}

// Cookies implements Client.
func (v *Virtual) Cookies(context.Context) ([]cookie.Cookie, error) { return v.Jar().Cookies(), nil }

// Restart implements Client.
func (v *Virtual) Restart(_ context.Context, with Profile) error {
	v.page = cookie.URL{}
	if with == NewProfile {
		v.Jar().Clear()
		return nil
	}
	v.Jar().Restart(v.now())
	return nil
}

// Close implements Client.
func (v *Virtual) Close() error { return nil }

func (v *Virtual) now() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}

func withheld(offered []cookie.Offered) (causes []Cause) {
	for _, o := range offered {
		if !o.Sent() {
			causes = append(causes, Cause{o.Cookie.Name, o.Why})
		}
	}
	return causes
}

func refused(verdicts []cookie.Verdict) (causes []Cause) {
	for _, v := range verdicts {
		if v.Outcome == cookie.Rejected {
			causes = append(causes, Cause{v.Name, v.Why})
		}
	}
	return causes
}
