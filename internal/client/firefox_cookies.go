package client

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"limpet.dev/cookie"
)

// Cookies implements Client. Partitions are found for the sites of opt.Hosts. The protocol does
// not tell a partition of a site's own from the common jar: both have no Partition here.
func (f *Firefox) Cookies(ctx context.Context) ([]cookie.Cookie, error) {
	var out []cookie.Cookie
	var origins []string
	for _, host := range f.opt.Hosts {
		origins = append(origins, "https://"+host, "http://"+host)
	}
	origins = append(origins, "") // all that there is
	seen := map[cookie.Partition]bool{}
	for _, origin := range origins {
		at := cookie.Partition{}
		if u, err := cookie.ParseURL(origin); err == nil {
			at = cookie.Partition{Scheme: u.Scheme, Site: u.Site()}
		}
		if seen[at] {
			continue
		}
		seen[at] = true
		key := map[string]any{"type": "storageKey", "userContext": f.user}
		if at.Site != "" {
			key["sourceOrigin"] = at.String()
		}
		var found struct{ Cookies []firefoxCookie }
		if err := f.bidi.call(ctx, "storage.getCookies", map[string]any{"partition": key}, &found); err != nil {
			return nil, fmt.Errorf("read cookies: %w", err)
		}
		for _, k := range found.Cookies {
			c := k.cookie()
			if owner, err := cookie.ParseURL("https://" + c.Domain); err == nil && owner.Site() == at.Site {
				continue // comes with the last list
			}
			c.Partition = at
			if !slices.ContainsFunc(out, func(o cookie.Cookie) bool { return same(&o, &c) }) {
				out = append(out, c)
			}
		}
	}
	return out, nil
}

// same reports a cookie that was listed before.
func same(a, b *cookie.Cookie) bool {
	return a.Name == b.Name && a.Value == b.Value && a.Domain == b.Domain && a.HostOnly == b.HostOnly && a.Path == b.Path
}

// firefoxCookie is a cookie in the words of BiDi.
type firefoxCookie struct {
	Name  string
	Value struct {
		Type  string
		Value string
	}
	Domain, Path, SameSite string
	HTTPOnly, Secure       bool
	Expiry                 int64
}

func (k *firefoxCookie) cookie() cookie.Cookie {
	c := cookie.Cookie{
		Name: octets(k.Name), Value: octets(k.Value.Value), Domain: strings.TrimPrefix(k.Domain, "."), HostOnly: !strings.HasPrefix(k.Domain, "."),
		Path: k.Path, Secure: k.Secure, HttpOnly: k.HTTPOnly, SameSite: sameSiteNamed(k.SameSite),
	}
	switch {
	case k.Expiry > 1e11: // some versions count milliseconds
		c.Expires = time.UnixMilli(k.Expiry)
	case k.Expiry != 0:
		c.Expires = time.Unix(k.Expiry, 0)
	}
	return c
}

// octets turns text in which each character stands for an octet back into octets.
func octets(text string) string {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			return text
		}
		out = append(out, byte(r))
	}
	return string(out)
}
