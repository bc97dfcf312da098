package client

import (
	"encoding/json"
	"fmt"
	"net/http"

	"limpet.dev/cookie"
)

// script returns what a real browser runs in a page to carry an action out. For a verb that
// navigates it only begins; for the others it is a promise of the end.
func script(a Action) string {
	target := quote(a.URL)
	switch a.Verb {
	case Link:
		return "setTimeout(() => { location.href = " + target + " }, 1); 1" // the answer gets out before the page goes
	case Submit:
		return submit(a, target)
	case Frame:
		return "new Promise(done => { const f = document.createElement('iframe'); f.onload = f.onerror = () => done(1); f.src = " + target + "; document.body.append(f) })"
	case Image:
		return "new Promise(done => { const i = new Image(); i.onload = i.onerror = () => done(1); i.src = " + target + " })"
	case Fetch:
		return fetch(a, target)
	case Read:
		return "document.cookie"
	case Write:
		return "document.cookie = " + quote(a.Text) + "; 1"
	}
	return "1"
}

func submit(a Action, target string) string {
	method := a.Method
	if method == "" {
		method = http.MethodPost
	}
	fields, _ := json.Marshal(a.Form) // a map of strings cannot fail
	return fmt.Sprintf(`(() => {
	const f = document.createElement('form'); f.method = %s; f.action = %s;
	for (const [name, values] of Object.entries(%s || {})) for (const v of values) {
		const i = document.createElement('input'); i.type = 'hidden'; i.name = name; i.value = v; f.append(i);
	}
	document.body.append(f); setTimeout(() => f.submit(), 1); return 1;
})()`, quote(method), target, fields)
}

func fetch(a Action, target string) string {
	mode := map[cookie.Credentials]string{cookie.SameOrigin: "same-origin", cookie.Include: "include", cookie.Omit: "omit"}[a.Credentials]
	method := a.Method
	if method == "" {
		method = http.MethodGet
	}
	headers := map[string]string{}
	for name := range a.Header {
		headers[name] = a.Header.Get(name)
	}
	h, _ := json.Marshal(headers)
	body := "undefined"
	if len(a.Form) > 0 && method != http.MethodGet {
		body = "new URLSearchParams(" + quote(a.Form.Encode()) + ")"
	}
	return fmt.Sprintf("fetch(%s, {method: %s, credentials: %s, headers: %s, body: %s, cache: 'no-store'}).then(r => r.text()).then(text => JSON.stringify({text}), () => '')",
		target, quote(method), quote(mode), h, body)
}

// quote writes text as a JavaScript string.
func quote(text string) string {
	q, _ := json.Marshal(text) // a string cannot fail
	return string(q)
}

// A page is marked before an action navigates away from it; the next page carries no mark. The
// empty document that a browser shows in between is none.
const (
	mark        = "window.limpetWasHere = 1"
	whereabouts = "location.href"
	content     = "document.documentElement.outerHTML"
	arrived     = "window.limpetWasHere === undefined && location.href !== 'about:blank' && document.readyState === 'complete'"
)
