package client

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/chromedp/cdproto/network"

	"limpet.dev/cookie"
)

// begin forgets what was heard of earlier actions.
func (h *hearing) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.order, h.heard = nil, map[string]*exchange{}
}

// event takes in one event. The two with cookies come before or after the one that names the
// URL, so each part finds its place by its number within the request.
func (h *hearing) event(ev any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(ev.Request.URL, "http") {
			return
		}
		x := h.of(string(ev.RequestID))
		at := 0
		for at < len(x.hops) && x.hops[at].URL != "" {
			at++
		}
		hop := x.hop(at)
		hop.Method, hop.URL = ev.Request.Method, ev.Request.URL
		if at == 0 {
			h.order = append(h.order, string(ev.RequestID))
		}
	case *network.EventRequestWillBeSentExtraInfo:
		x := h.of(string(ev.RequestID))
		hop := x.hop(x.requests)
		x.requests++
		for _, k := range ev.AssociatedCookies {
			if len(k.BlockedReasons) > 0 {
				hop.Withheld = append(hop.Withheld, Cause{k.Cookie.Name, reasons(k.BlockedReasons)})
			}
		}
	case *network.EventResponseReceivedExtraInfo:
		x := h.of(string(ev.RequestID))
		hop := x.hop(x.responses)
		x.responses++
		hop.Status = int(ev.StatusCode)
		for _, k := range ev.BlockedCookies {
			hop.Refused = append(hop.Refused, Cause{nameOf(k), reasons(k.BlockedReasons)})
		}
	}
}

func (h *hearing) of(id string) *exchange {
	if h.heard == nil {
		h.heard = map[string]*exchange{}
	}
	x := h.heard[id]
	if x == nil {
		x = &exchange{}
		h.heard[id] = x
	}
	return x
}

func (x *exchange) hop(at int) *Hop {
	for len(x.hops) <= at {
		x.hops = append(x.hops, Hop{})
	}
	return &x.hops[at]
}

// outcome returns what was heard, once every request has its cookies, or after a moment: an
// answer out of a cache has none.
func (h *hearing) outcome(ctx context.Context) *Outcome {
	limit, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_ = wait(limit, func() (bool, error) { return h.complete(), nil })
	h.mu.Lock()
	defer h.mu.Unlock()
	out := &Outcome{}
	for _, id := range h.order {
		for _, hop := range h.heard[id].hops {
			if strings.HasSuffix(hop.URL, "/favicon.ico") || hop.URL == "" {
				continue
			}
			out.Hops = append(out.Hops, hop)
			out.URL, out.Status = hop.URL, hop.Status
		}
	}
	return out
}

func (h *hearing) complete() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range h.order {
		if x := h.heard[id]; x.requests < len(x.hops) || x.responses < len(x.hops) {
			return false
		}
	}
	return true
}

// nameOf names a refused line, by its text if the browser could not read it.
func nameOf(k *network.BlockedSetCookieWithReason) string {
	if k.Cookie != nil {
		return k.Cookie.Name
	}
	line, _ := cookie.Parse(k.CookieLine)
	return line.Name
}

// reasons turns the protocol's names into ours; an unknown one is UnknownError.
func reasons[R ~string](names []R) (why cookie.Reasons) {
	for _, name := range names {
		r, ok := cookie.ReasonNamed(string(name))
		if !ok {
			r = cookie.UnknownError
		}
		why |= r.Set()
	}
	return why
}

func cdpUnmarshal(raw []byte, v any) error {
	if len(raw) == 0 {
		return nil
	}
	return json.Unmarshal(raw, v)
}
