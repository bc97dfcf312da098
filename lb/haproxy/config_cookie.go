package haproxy

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"limpet.dev/topology"
)

// cookieRule is a backend's cookie directive.
type cookieRule struct {
	name                                  string
	insert, rewrite, prefix               bool // none: passive, read only
	indirect, nocache, postonly, preserve bool
	httpOnly, secure, dynamic             bool
	domains                               []string
	attrs                                 []string
	maxIdle, maxLife                      time.Duration
}

// parseCookie reads the words after "cookie".
func parseCookie(args []string) (cookieRule, error) {
	var c cookieRule
	if err := needArg(args); err != nil {
		return c, fmt.Errorf("the cookie's name is missing")
	}
	c.name = args[0]
	flags := map[string]*bool{
		"insert": &c.insert, "rewrite": &c.rewrite, "prefix": &c.prefix, "indirect": &c.indirect,
		"nocache": &c.nocache, "postonly": &c.postonly, "preserve": &c.preserve,
		"httponly": &c.httpOnly, "secure": &c.secure, "dynamic": &c.dynamic,
	}
	for i := 1; i < len(args); i++ {
		if f := flags[args[i]]; f != nil {
			*f = true
			continue
		}
		if i+1 >= len(args) {
			return c, fmt.Errorf("%s is not known, or its argument is missing", keyword(args[i]))
		}
		value := args[i+1]
		var err error
		switch args[i] {
		case "domain":
			c.domains = append(c.domains, value)
		case "attr":
			c.attrs = append(c.attrs, value)
		case "maxidle":
			c.maxIdle, err = parseTime(value, time.Second)
		case "maxlife":
			c.maxLife, err = parseTime(value, time.Second)
		default:
			err = fmt.Errorf("%s is not known", keyword(args[i]))
		}
		if err != nil {
			return c, fmt.Errorf("%s: %w", keyword(args[i]), err)
		}
		i++
	}
	modes := 0
	for _, on := range []bool{c.insert, c.rewrite, c.prefix} {
		if on {
			modes++
		}
	}
	if modes > 1 {
		return c, fmt.Errorf("insert, rewrite and prefix exclude each other")
	}
	if c.rewrite && c.indirect {
		return c, fmt.Errorf("rewrite and indirect exclude each other")
	}
	if c.preserve && !c.insert && !c.indirect {
		return c, fmt.Errorf("preserve needs insert or indirect")
	}
	return c, nil
}

// least is the shorter of two lifetimes, 0 being none.
func least(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

func checkCookie(args []string) error {
	_, err := parseCookie(args)
	return err
}

func (c cookieRule) method() topology.Method {
	switch {
	case c.insert:
		return topology.MethodInsert
	case c.rewrite:
		return topology.MethodRewrite
	case c.prefix:
		return topology.MethodPrefix
	}
	return topology.MethodPassive
}

// affinity is the rule in product-neutral words, fates apart.
func (c cookieRule) affinity(pos topology.Pos) topology.Affinity {
	a := topology.Affinity{
		Method: c.method(), Carrier: "cookie " + c.name, Cookie: c.name, Pos: pos,
		Idle: c.maxIdle, Absolute: c.maxLife, Domain: c.domains,
		Secure: c.secure, HTTPOnly: c.httpOnly, Attrs: c.attrs,
		ReadOnly: !c.insert && !c.rewrite && !c.prefix,
	}
	if c.insert {
		a.Path = "/"
	}
	for _, attr := range c.attrs {
		name, value, _ := strings.Cut(attr, "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "samesite":
			a.SameSite = value
		case "path": // behind HAProxy's own: clients take the last one (RFC 6265, 5.2)
			a.Path = value
		case "max-age":
			if n, err := strconv.Atoi(value); err == nil && n > 0 {
				a.Absolute = least(a.Absolute, time.Duration(n)*time.Second)
			}
		}
	}
	return a
}
