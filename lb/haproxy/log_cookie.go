package haproxy

import (
	"bytes"

	"limpet.dev/lb/logtext"
)

// cookie notes a captured cookie, "NAME=value" (%CC, %CS). HAProxy captures by the beginning of the name and
// cuts name and value together at the declared length.
func (w *filler) cookie(v []byte, answer bool) {
	eq := bytes.IndexByte(v, '=')
	if eq <= 0 {
		return
	}
	cut := w.caps.cookieMax > 0 && len(v) >= w.caps.cookieMax
	name, value := v[:eq], v[eq+1:]
	e := w.e
	switch {
	case w.v.isAffinity(name):
		if answer {
			e.SetAffinity = value
		} else {
			e.Affinity = value
		}
	case w.v.isSession(name):
		affinity, rest := w.v.unprefix(value, secretRaw)
		if rest != nil {
			value = rest
		}
		if answer {
			e.SetSession = credential(value, secretRaw, cut)
			e.SetSession.Cut = cut
			return
		}
		if rest != nil {
			e.Affinity = affinity
		}
		e.Session = credential(value, secretRaw, cut)
	}
}

// cookieHeader finds the cookies in a captured Cookie header.
func (w *filler) cookieHeader(v []byte, max int) {
	whole := len(v)
	for len(v) > 0 {
		name, value, rest, ok := logtext.NextCookie(v)
		v = rest
		cut := len(v) == 0 && max > 0 && whole >= max
		switch {
		case !ok:
		case w.v.isAffinity(name):
			w.e.Affinity = value
		case w.v.session == "" || !w.v.isSession(name):
		case len(w.e.Session.Raw) == 0:
			w.e.Session = credential(value, secretRaw, cut)
		default:
			w.e.Twice = true
		}
	}
}

// setCookieHeader reads a captured Set-Cookie header.
func (w *filler) setCookieHeader(v []byte, max int) {
	name, value, attributes, cut, ok := logtext.SetCookie(v)
	switch {
	case !ok:
	case w.v.isAffinity(name):
		w.e.SetAffinity = value
	case w.v.session != "" && w.v.isSession(name):
		if logtext.Deletes(value, attributes) {
			w.e.Cleared = true
			return
		}
		w.e.SetSession = credential(value, secretRaw, cut && max > 0 && len(v) >= max)
	}
}
