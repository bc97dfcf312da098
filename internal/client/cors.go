package client

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"limpet.dev/cookie"
)

// fetch makes a fetch with the question in front of it where CORS wants one (Fetch, 4.8). A
// question that is answered wrongly stops the request: nothing is sent or kept.
func (v *Virtual) fetch(ctx context.Context, r *cookie.Request, a Action) (*Outcome, error) {
	out := &Outcome{}
	crosses := r.From.Origin() != r.URL.Origin()
	if v.Kind.Class != cookie.Browser && v.Kind.Class != cookie.WebView {
		return out, v.chain(ctx, r, a, out)
	}
	if crosses && !simple(r.Method, a.Header) {
		allowed, err := v.ask(ctx, r, a, out)
		if err != nil || !allowed {
			out.Hidden = true
			return out, err
		}
	}
	if err := v.chain(ctx, r, a, out); err != nil {
		return out, err
	}
	final, err := cookie.ParseURL(out.URL)
	if err != nil {
		return out, err
	}
	last := &cookie.Request{URL: final, From: r.From, Credentials: r.Credentials}
	said := corsOf(out.Header, last)
	out.Hidden = (crosses || final.Origin() != r.From.Origin()) &&
		(said == cookie.CORSNone || said == cookie.CORSNoCredentials && r.Credentials == cookie.Include)
	return out, nil
}

// simple reports a request that needs no question (Fetch, "CORS-safelisted").
func simple(method string, h http.Header) bool {
	if !slices.Contains([]string{"", "GET", "HEAD", "POST"}, method) {
		return false
	}
	for name, values := range h {
		switch http.CanonicalHeaderKey(name) {
		case "Accept", "Accept-Language", "Content-Language":
		case "Content-Type":
			if !slices.ContainsFunc(values, safeType) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func safeType(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return slices.Contains([]string{"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}, strings.ToLower(strings.TrimSpace(kind)))
}

// ask sends the question, which never carries cookies, and reports whether the answer allows
// the request.
func (v *Virtual) ask(ctx context.Context, r *cookie.Request, a Action, out *Outcome) (bool, error) {
	question := *r
	question.Kind, question.Method = cookie.Preflight, http.MethodOptions
	var names []string
	for name := range a.Header {
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	asked := Action{Header: http.Header{
		"Access-Control-Request-Method": {r.Method}, "Access-Control-Request-Headers": {strings.Join(names, ",")}, "Origin": {r.From.Origin()},
	}}
	answer, err := v.exchange(ctx, &question, a.URL, asked, out)
	if err != nil {
		return false, err
	}
	drain(answer)
	said := corsOf(answer.Header, r)
	ok := answer.StatusCode/100 == 2 && (said == cookie.CORSAllowed || said == cookie.CORSNoCredentials && r.Credentials != cookie.Include)
	return ok && lists(answer.Header, "Access-Control-Allow-Methods", r, r.Method) && listsAll(answer.Header, r, names), nil
}

// lists reports whether a header of the answer names a word; "*" counts only without credentials.
func lists(h http.Header, name string, r *cookie.Request, word string) bool {
	if word == http.MethodGet || word == http.MethodHead || word == http.MethodPost {
		return true
	}
	for _, value := range h.Values(name) {
		for item := range strings.SplitSeq(value, ",") {
			item = strings.TrimSpace(item)
			if strings.EqualFold(item, word) || item == "*" && r.Credentials != cookie.Include {
				return true
			}
		}
	}
	return false
}

func listsAll(h http.Header, r *cookie.Request, names []string) bool {
	for _, name := range names {
		if !lists(h, "Access-Control-Allow-Headers", r, name) {
			return false
		}
	}
	return true
}

// corsOf reads what an answer says about the origin that asked.
func corsOf(h http.Header, r *cookie.Request) cookie.CORS {
	origin := h.Get("Access-Control-Allow-Origin")
	switch {
	case r.From.IsZero() || r.From.Origin() == r.URL.Origin() && len(r.Via) == 0:
		return cookie.CORSAllowed
	case origin == "*" && r.Credentials == cookie.Include:
		return cookie.CORSNone
	case origin != "*" && origin != r.From.Origin():
		return cookie.CORSNone
	case h.Get("Access-Control-Allow-Credentials") != "true":
		return cookie.CORSNoCredentials
	}
	return cookie.CORSAllowed
}
