package caddy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"limpet.dev/topology"
)

func looksLikeJSON(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 1 && text[0] == '{' && bytes.HasPrefix(bytes.TrimLeft(text[1:], " \t\r\n"), []byte(`"`))
}

// A value is a JSON value with its line.
type value struct {
	pos    topology.Pos
	fields map[string]*value
	order  []string
	list   []*value
	text   string // scalars as written, texts without quotes
}

func (v *value) get(path ...string) *value {
	for _, k := range path {
		if v == nil {
			return nil
		}
		v = v.fields[k]
	}
	return v
}

func (v *value) str() string {
	if v == nil {
		return ""
	}
	return v.text
}

// span reads a duration: nanoseconds, or a text.
func (v *value) span() time.Duration {
	if n, err := strconv.ParseInt(v.str(), 10, 64); err == nil {
		return time.Duration(n)
	}
	d, _ := parseSpan(v.str())
	return d
}

// json reads a configuration as Caddy's API takes it: apps.http.servers.NAME.routes.
func (b *builder) json(file string, text []byte) {
	d := &decoder{file: file, text: text, json: json.NewDecoder(bytes.NewReader(text))}
	d.json.UseNumber()
	root, err := d.value()
	if err != nil {
		b.fault(d.here(), "%s", jsonFault(err))
		return
	}
	servers := root.get("apps", "http", "servers")
	if servers == nil {
		return
	}
	for _, name := range servers.order {
		s := servers.fields[name]
		l := topology.Listener{Name: name, Pos: s.pos, HTTP: true}
		for _, a := range listOf(s.get("listen")) {
			l.Binds = append(l.Binds, a.str())
			l.TLS = l.TLS || strings.HasSuffix(a.str(), ":443")
		}
		if logs := s.get("logs"); logs != nil {
			l.Logs = append(l.Logs, topology.Log{Format: "json", BuiltIn: "json", Pos: logs.pos})
		}
		b.trusted = b.trusted[:0:0]
		for _, t := range listOf(s.get("trusted_proxies", "ranges")) {
			b.trusted = append(b.trusted, t.str())
		}
		b.routes(s.get("routes"), "", &l)
		b.cfg.Listeners = append(b.cfg.Listeners, l)
	}
}

// jsonFault is the error without what stands in the file.
func jsonFault(err error) string {
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return "this is no JSON from here on"
	}
	if errors.Is(err, errDepth) {
		return "the JSON is nested too deep"
	}
	return "the JSON ends before it is complete"
}

func listOf(v *value) []*value {
	if v == nil {
		return nil
	}
	return v.list
}

// routes goes through routes and what stands in them (subroutes).
func (b *builder) routes(rs *value, when string, l *topology.Listener) {
	for _, r := range listOf(rs) {
		w := join(when, matcherOf(r))
		for _, h := range listOf(r.get("handle")) {
			switch h.get("handler").str() {
			case "subroute":
				b.routes(h.get("routes"), w, l)
			case "reverse_proxy":
				b.add(b.jsonProxy(h, w, l), w, l)
			}
		}
	}
}

// matcherOf shows the hosts and paths that a route matches.
func matcherOf(r *value) string {
	var out []string
	for _, m := range listOf(r.get("match")) {
		for _, kind := range []string{"host", "path"} {
			for _, v := range listOf(m.get(kind)) {
				out = append(out, v.str())
			}
		}
	}
	return strings.Join(out, " ")
}

func (b *builder) jsonProxy(h *value, when string, l *topology.Listener) *proxy {
	p := &proxy{name: b.poolName(l, when), pos: h.pos}
	for _, u := range listOf(h.get("upstreams")) {
		p.upstreams = append(p.upstreams, upstream{dial: u.get("dial").str(), max: number(u.get("max_requests").str()), weight: 1, pos: u.pos})
	}
	if d := h.get("dynamic_upstreams"); d != nil {
		p.dynamic = cmp.Or(d.get("source").str(), "unknown")
	}
	if lbal := h.get("load_balancing"); lbal != nil {
		if s := lbal.get("selection_policy"); s != nil {
			p.policy, p.policyPos = jsonPolicy(s), s.pos
		}
		p.retries, p.tryFor, p.tryEvery, p.retryPos = number(lbal.get("retries").str()), lbal.get("try_duration").span(), lbal.get("try_interval").span(), lbal.pos
	}
	if a := h.get("health_checks", "active"); a != nil {
		p.active = &activeCheck{
			uri: cmp.Or(a.get("uri").str(), a.get("path").str()), method: a.get("method").str(), status: a.get("expect_status").str(),
			interval: a.get("interval").span(), timeout: a.get("timeout").span(), passes: number(a.get("passes").str()), fails: number(a.get("fails").str()), pos: a.pos,
		}
	}
	if s := h.get("health_checks", "passive"); s != nil {
		p.passive = passiveCheck{failFor: s.get("fail_duration").span(), maxFails: number(s.get("max_fails").str()), pos: s.pos}
	}
	p.dial = h.get("transport", "dial_timeout").span()
	for _, name := range listOf(h.get("headers", "response", "delete")) {
		if strings.EqualFold(name.str(), "set-cookie") {
			p.cookies = append(p.cookies, topology.CookieEdit{Kind: "drop", Pos: name.pos})
		}
	}
	return p
}

func jsonPolicy(s *value) policy {
	p := policy{
		name: s.get("policy").str(), choose: number(s.get("choose").str()), field: cmp.Or(s.get("field").str(), s.get("key").str()),
		secret: s.get("secret").str(), maxAge: s.get("max_age").span(),
	}
	if p.name == "cookie" {
		p.cookie = cmp.Or(s.get("name").str(), "lb")
	}
	for _, w := range listOf(s.get("weights")) {
		p.weights = append(p.weights, number(w.str()))
	}
	if f := s.get("fallback"); f != nil {
		fp := jsonPolicy(f)
		p.fallback = &fp
	}
	return p
}

// A decoder reads JSON with lines.
type decoder struct {
	file  string
	text  []byte
	json  *json.Decoder
	seen  int64
	lines int
	depth int
}

const maxDepth = 500

var errDepth = errors.New("nested too deep")

// here is the place up to which the text was read.
func (d *decoder) here() topology.Pos {
	off := min(d.json.InputOffset(), int64(len(d.text)))
	if off > d.seen {
		d.lines += bytes.Count(d.text[d.seen:off], []byte{'\n'})
		d.seen = off
	}
	return topology.Pos{File: d.file, Line: d.lines + 1}
}

func (d *decoder) value() (*value, error) {
	t, err := d.json.Token()
	if err != nil {
		return nil, err
	}
	v := &value{pos: d.here()}
	if d.depth++; d.depth > maxDepth {
		return nil, errDepth
	}
	defer func() { d.depth-- }()
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return v, d.object(v)
		}
		return v, d.array(v)
	case string:
		v.text = t
	case json.Number:
		v.text = t.String()
	case bool:
		v.text = fmt.Sprint(t)
	}
	return v, nil
}

func (d *decoder) object(v *value) error {
	v.fields = map[string]*value{}
	for d.json.More() {
		k, err := d.json.Token()
		if err != nil {
			return err
		}
		name, _ := k.(string)
		if v.fields[name], err = d.value(); err != nil {
			return err
		}
		v.order = append(v.order, name)
	}
	_, err := d.json.Token()
	return err
}

func (d *decoder) array(v *value) error {
	for d.json.More() {
		e, err := d.value()
		if err != nil {
			return err
		}
		v.list = append(v.list, e)
	}
	_, err := d.json.Token()
	return err
}
