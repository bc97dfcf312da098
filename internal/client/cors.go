package client

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"limpet.dev/cookie"
)

// allowed asks the question in front of a fetch where CORS wants one (Fetch, 4.8), also in
// front of each redirect. A wrong answer stops the request: nothing is sent or kept.
func (v *Virtual) allowed(ctx context.Context, r *cookie.Request, target string, a Action, out *Outcome) (bool, error) {
	if a.Verb != Fetch || !v.scripted() || !crosses(r) || simple(r.Method, a.Header) {
		return true, nil
	}
	allowed, err := v.ask(ctx, r, target, a, out)
	out.Hidden = !allowed
	return allowed, err
}

// scripted reports a client that runs pages, and so knows where a request comes from.
func (v *Virtual) scripted() bool {
	return v.Kind.Class == cookie.Browser || v.Kind.Class == cookie.WebView
}

// crosses reports a request that leaves its page's origin, or left it on the way.
func crosses(r *cookie.Request) bool {
	from := r.From.Origin()
	for i := range r.Via {
		if r.Via[i].Origin() != from {
			return true
		}
	}
	return r.URL.Origin() != from
}

// origin is what the header Origin says: "null" once another origin has redirected to a third
// one (Fetch, "redirect-taint").
func origin(r *cookie.Request) string {
	from := r.From.Origin()
	for i := range r.Via {
		next := &r.URL
		if i+1 < len(r.Via) {
			next = &r.Via[i+1]
		}
		if hop := r.Via[i].Origin(); hop != from && hop != next.Origin() {
			return "null"
		}
	}
	return from
}

// readable reports whether script, and a redirect, may see the answer to a fetch.
func readable(r *cookie.Request) bool {
	return !crosses(r) || r.CORS == cookie.CORSAllowed || r.CORS == cookie.CORSNoCredentials && r.Credentials != cookie.Include
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
func (v *Virtual) ask(ctx context.Context, r *cookie.Request, target string, a Action, out *Outcome) (bool, error) {
	question := *r
	question.Kind, question.Method = cookie.Preflight, http.MethodOptions
	var names []string
	for name := range a.Header {
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	asked := Action{Header: http.Header{
		"Access-Control-Request-Method": {r.Method}, "Access-Control-Request-Headers": {strings.Join(names, ",")}, "Origin": {origin(r)},
	}}
	answer, err := v.exchange(ctx, &question, target, asked, out)
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
	allowed := h.Get("Access-Control-Allow-Origin")
	switch {
	case r.From.IsZero() || !crosses(r):
		return cookie.CORSAllowed
	case allowed == "*" && r.Credentials == cookie.Include:
		return cookie.CORSNone
	case allowed != "*" && allowed != origin(r):
		return cookie.CORSNone
	case h.Get("Access-Control-Allow-Credentials") != "true":
		return cookie.CORSNoCredentials
	}
	return cookie.CORSAllowed
}
