package httpd

import (
	"strings"

	"limpet.dev/topology"
)

// edits are what a server does to cookies and headers on all of its ways (mod_proxy, mod_headers, mod_cache).
type edits struct {
	cookies   []topology.CookieEdit
	forwarded []topology.Header
	cache     *topology.Cache
	drops     topology.Pos // CacheIgnoreHeaders Set-Cookie
}

// edit takes a directive that changes cookies or headers, and reports whether it is one.
func (e *edits) edit(d *directive) bool {
	switch d.name {
	case "proxypassreversecookiepath":
		e.cookies = append(e.cookies, topology.CookieEdit{Kind: "path", From: d.arg(0), To: d.arg(1), Pos: d.pos})
	case "proxypassreversecookiedomain":
		e.cookies = append(e.cookies, topology.CookieEdit{Kind: "domain", From: d.arg(0), To: d.arg(1), Pos: d.pos})
	case "requestheader":
		e.request(d)
	case "proxypreservehost":
		if strings.EqualFold(d.arg(0), "on") {
			e.forwarded = append(e.forwarded, topology.Header{Name: "Host", Value: "as the client sent it", Pos: d.pos})
		}
	case "cacheenable":
		// Answers are kept with their Set-Cookie unless CacheIgnoreHeaders names it (manual, mod_cache).
		e.cache = &topology.Cache{Zone: strings.Join(d.args, " "), Pos: d.pos, IgnoresSetCookie: d.pos}
	case "cacheignoreheaders":
		for _, h := range d.args {
			if strings.EqualFold(h, "set-cookie") || strings.EqualFold(h, "all") {
				e.drops = d.pos
			}
		}
	default:
		return false
	}
	return true
}

// request reads RequestHeader set NAME VALUE for the headers that tell the application about the client.
func (e *edits) request(d *directive) {
	action, name := strings.ToLower(d.arg(0)), strings.ToLower(d.arg(1))
	if action != "set" && action != "add" && action != "append" && action != "setifempty" {
		return
	}
	switch name {
	case "x-forwarded-proto", "x-forwarded-for", "x-real-ip", "forwarded", "host", "x-forwarded-host", "x-forwarded-ssl", "x-scheme":
		e.forwarded = append(e.forwarded, topology.Header{Name: d.arg(1), Value: d.arg(2), Pos: d.pos})
	}
}

// cookieHeader reads Header edit|edit*|unset Set-Cookie …
func (e *edits) cookieHeader(action string, args []string, pos topology.Pos) {
	switch strings.ToLower(action) {
	case "unset":
		e.cookies = append(e.cookies, topology.CookieEdit{Kind: "drop", Pos: pos})
	case "edit", "edit*":
		if len(args) > 1 {
			e.cookies = append(e.cookies, topology.CookieEdit{Kind: "flags", From: args[0], To: args[1], Pos: pos})
		}
	}
}

// onto puts the edits on each way of a listener.
func (e *edits) onto(l *topology.Listener) {
	if e.cache != nil && e.drops.File != "" {
		e.cache.DropsSetCookie, e.cache.IgnoresSetCookie = e.drops, topology.Pos{}
	}
	for i := range l.Routes {
		r := &l.Routes[i]
		r.Cookies, r.Forwarded, r.Cache = e.cookies, e.forwarded, e.cache
	}
}
