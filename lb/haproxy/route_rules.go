package haproxy

import (
	"limpet.dev/lb"
	"limpet.dev/topology"
)

// useRule is a use-server line, persistRule a force-persist or ignore-persist line, stickCond a stick line.
type (
	useRule struct {
		server string
		when   aclExpr
	}
	persistRule struct {
		force bool
		when  aclExpr
	}
	stickCond struct {
		stickRule
		when  aclExpr
		table *table
	}
)

// pending is a table entry that the answer will write.
type pending struct {
	table  *table
	key    string
	before *server // what it was bound to, nil: nothing
}

func (r *router) readRules() {
	for _, s := range r.pool.Settings["use-server"] {
		r.rules = append(r.rules, useRule{s.Args[0], r.condition(s.Pos, s.Args[1:])})
	}
	for _, s := range byPosition(r.pool.Settings["force-persist"], r.pool.Settings["ignore-persist"]) {
		r.persist = append(r.persist, persistRule{s.first, r.condition(s.Pos, s.Args)})
	}
}

// placed is a setting of one of two lists.
type placed struct {
	topology.Setting
	first bool
}

// byPosition merges two lists in the order of their lines.
func byPosition(a, b []topology.Setting) []placed {
	var out []placed
	for len(a)+len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && (a[0].Pos.File != b[0].Pos.File || a[0].Pos.Line < b[0].Pos.Line) {
			out, a = append(out, placed{a[0], true}), a[1:]
		} else {
			out, b = append(out, placed{b[0], false}), b[1:]
		}
	}
	return out
}

func (r *router) readTables(cfg *topology.Config) {
	r.tables = map[string]*table{}
	for _, s := range stickRules(r.pool.Settings["stick"]) {
		name := orElse(s.stickRule.table, r.pool.Name)
		if r.tables[name] == nil {
			for _, t := range cfg.Tables {
				if t.Name == name {
					r.tables[name] = newTable(t)
				}
			}
		}
		if r.tables[name] == nil {
			r.limit(s.pos, "the stick rule's table is not in the configuration")
			continue
		}
		r.checkExpr(s.pos, s.expr)
		r.stick = append(r.stick, stickCond{s.stickRule, r.condition(s.pos, s.cond), r.tables[name]})
	}
}

// condition compiles "if …" or "unless …" and notes what it cannot follow; none is always true.
func (r *router) condition(pos topology.Pos, words []string) aclExpr {
	e := r.acls.compile(words)
	if e.unclear {
		r.limit(pos, "a condition that the router cannot follow; it counts as never true")
	}
	return e
}

func (r *router) checkExpr(pos topology.Pos, expr string) {
	if _, err := parseSample(expr); err != nil {
		r.limit(pos, "an expression that the router cannot follow ("+err.Error()+"); its key counts as absent")
	}
}

// persistence applies the first force-persist or ignore-persist rule of each kind that holds.
func (r *router) persistence(q *request) {
	for _, p := range r.persist {
		if p.when.holds(q.Call) {
			q.forcePersist, q.ignorePersist = q.forcePersist || p.force, q.ignorePersist || !p.force
			return
		}
	}
}

// useServer returns the server of the first use-server rule that holds, if that server can be used.
func (r *router) useServer(q *request) (*server, bool) {
	for _, rule := range r.rules {
		if !rule.when.holds(q.Call) {
			continue
		}
		if s := r.byName[rule.server]; s != nil && (s.up || r.keepDown || q.forcePersist) {
			return s, true
		}
		return nil, false
	}
	return nil, false
}

// stickRequest looks the client up in the learned tables, and notes what is to be stored: per
// table the first rule that has a key.
func (r *router) stickRequest(q *request, n *note) {
	for _, rule := range r.stick {
		if rule.response || rule.store && stored(n.stores, rule.table) || !rule.when.holds(q.Call) {
			continue
		}
		v, ok := fetch(rule.expr, &sampleSource{call: q.Call})
		key, fits := rule.table.key(v.text)
		if !ok || !fits {
			continue
		}
		bound := rule.table.peek(key, q.Now)
		if rule.match {
			rule.table.touch(key, q.Now)
		}
		if rule.match && n.srv == nil && bound != nil && (bound.up || r.keepDown || q.forcePersist) {
			n.srv, n.direct = bound, true
		}
		if rule.store {
			n.stores = append(n.stores, pending{rule.table, key, bound})
		}
	}
}

func stored(stores []pending, t *table) bool {
	for _, p := range stores {
		if p.table == t {
			return true
		}
	}
	return false
}

// store writes the decision's table entries. HAProxy writes them when the answer comes; here
// they are written at once and taken back if there is none.
func (r *router) store(n *note) {
	if n.srv.nonStick {
		return
	}
	for _, p := range n.stores {
		p.table.bind(p.key, n.srv, n.req.Now)
	}
}

// unstore takes back what store wrote, because no server answered.
func (r *router) unstore(n *note) {
	for _, p := range n.stores {
		if p.before != nil {
			p.table.bind(p.key, p.before, n.req.Now)
		} else {
			p.table.unbind(p.key)
		}
	}
}

// stickResponse learns from an answer.
func (r *router) stickResponse(n *note, a lb.Answer) {
	var done []pending
	for _, rule := range r.stick {
		if !rule.response || stored(done, rule.table) || n.srv == nil || n.srv.nonStick || !rule.when.holds(n.req.Call) {
			continue
		}
		v, ok := fetch(rule.expr, &sampleSource{call: n.req.Call, answer: &a})
		if key, fits := rule.table.key(v.text); ok && fits {
			rule.table.bind(key, n.srv, n.req.Now)
			done = append(done, pending{table: rule.table})
		}
	}
}
