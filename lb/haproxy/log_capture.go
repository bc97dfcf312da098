package haproxy

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"limpet.dev/topology"
)

// A capture is one header that a listener captures for its log.
type capture struct {
	name string
	what meaning
	max  int // bytes kept, 0 unknown
}

// A captureSet is what one listener captures.
type captureSet struct {
	cookie    string // name of the captured cookie, "" none
	prefix    bool   // cookie is only how its name begins
	cookieMax int    // bytes kept of "NAME=value", 0 unknown

	request, response []capture
	vars              map[string]*expr // what the listener's variables hold
}

// readCaptures understands what a listener captures and what its variables hold: Listener.Capture
// ("cookie SID= len 64", "request header Host len 128", "request slot len 32", "request sample EXPR
// len N") and its http-request and http-response rules.
func readCaptures(l *topology.Listener) *captureSet {
	c := &captureSet{vars: map[string]*expr{}}
	for _, line := range l.Capture {
		c.declared(strings.Fields(line))
	}
	for _, directive := range []string{"http-request", "http-response", "http-after-response"} {
		for _, s := range l.Settings[directive] {
			c.rule(directive, s.Args)
		}
	}
	return c
}

func (c *captureSet) declared(w []string) {
	if len(w) < 2 {
		return
	}
	list := &c.request
	if w[0] == "response" {
		list = &c.response
	}
	switch {
	case w[0] == "cookie":
		c.cookie, c.prefix = strings.CutSuffix(w[1], "=")
		c.prefix = !c.prefix
		c.cookieMax = lengthOf(w)
	case w[1] == "header" && len(w) > 2:
		*list = append(*list, capture{w[2], (&binding{}).header(w[2], w[0] == "response"), lengthOf(w)})
	case w[1] == "sample" && len(w) > 2:
		*list = append(*list, capture{w[2], (&binding{}).meaning(parseExpr(w[2]), 0), lengthOf(w)})
	default:
		*list = append(*list, capture{max: lengthOf(w)})
	}
}

// rule reads a rule that keeps a value: "set-var(txn.x) EXPR", or "capture EXPR id N".
func (c *captureSet) rule(directive string, w []string) {
	if len(w) < 2 {
		return
	}
	if name, ok := strings.CutPrefix(w[0], "set-var("); ok {
		name, _, _ = strings.Cut(strings.TrimSuffix(name, ")"), ",")
		e := parseExpr(w[1])
		if old, ok := c.vars[name]; !ok || old.fetch.name == "str" {
			c.vars[name] = e
		}
		return
	}
	id, err := strconv.Atoi(after(w, "id"))
	list := c.request
	if directive != "http-request" {
		list = c.response
	}
	if w[0] == "capture" && err == nil && id >= 0 && id < len(list) {
		list[id].what, list[id].name = (&binding{}).meaning(parseExpr(w[1]), 0), w[1]
	}
}

func lengthOf(words []string) int {
	n, err := strconv.Atoi(after(words, "len"))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// after returns the word behind a key word, "" if there is none.
func after(words []string, key string) string {
	for i := 0; i+1 < len(words); i++ {
		if words[i] == key {
			return words[i+1]
		}
	}
	return ""
}

// binding says what the captures mean for a format's expressions.
func (c *captureSet) binding(session, affinity string) *binding {
	return &binding{session: session, affinity: affinity, request: c.request, response: c.response, vars: c.vars}
}

// affinityNames returns the affinity cookies of a configuration, and whether one of them is a prefix on
// the application's own cookie of that name.
func affinityNames(cfg *topology.Config) (names []string, prefixed string) {
	if cfg == nil {
		return nil, ""
	}
	for _, p := range cfg.Pools {
		for _, a := range p.Affinity {
			switch {
			case a.Cookie == "":
			case a.Method == topology.MethodPrefix:
				prefixed = a.Cookie
			case a.Method == topology.MethodInsert || a.Method == topology.MethodPassive || a.Method == topology.MethodRewrite:
				names = append(names, a.Cookie)
			}
		}
	}
	return names, prefixed
}

// key tells sets of captures apart.
func (c *captureSet) key() string {
	var b strings.Builder
	b.WriteString(c.cookie + "\x00" + strconv.FormatBool(c.prefix) + strconv.Itoa(c.cookieMax))
	for _, list := range [][]capture{c.request, c.response} {
		b.WriteByte(0)
		for _, h := range list {
			b.WriteString(strconv.Itoa(int(h.what)) + "," + strconv.Itoa(h.max) + ";")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.vars)) {
		b.WriteString("\x00" + name + "=" + c.vars[name].text)
	}
	return b.String()
}
