package nginx

import (
	"strings"

	"limpet.dev/topology"
)

// A group is an upstream, or an address that a pass directive names directly.
type group struct {
	topology.Pool
	http     bool
	implicit bool

	method  *directive // ip_hash, hash …: the balancing method in force, nil for round robin
	sticky  *directive // in force, nil for none
	undone  *directive // a sticky that the method after it has undone
	zone    *directive
	foreign bool // servers come from elsewhere: a state file, a Lua program
}

// methods are the directives that choose among the servers of an upstream. Each replaces what
// stands before it, stickiness too (reference: "load balancing method redefined").
var methods = wordSet("ip_hash hash least_conn random least_time fair consistent_hash")

// stickies are the directives that put stickiness on top of the method before them: nginx's own and
// those of the modules nginx-sticky-module, Tengine and jvm_route.
var stickies = wordSet("sticky session_sticky jvm_route")

// upstream reads one upstream block.
func (r *reader) upstream(d *directive, http bool) {
	if len(d.args) != 1 || !d.has {
		r.fail(d.pos, "upstream needs one name and a block")
		return
	}
	g := &group{http: http, Pool: topology.Pool{Name: d.args[0], Pos: d.pos, HTTP: http, Settings: map[string][]topology.Setting{}}}
	if r.pools[groupKey(http, g.Name)] != nil {
		r.fail(d.pos, "an upstream of this name stands above already")
		return
	}
	for _, e := range d.block {
		r.upstreamLine(g, e)
	}
	if len(g.Instances) == 0 && !g.foreign {
		r.fail(d.pos, "the upstream has no servers")
	}
	r.groups = append(r.groups, g)
	r.pools[groupKey(http, g.Name)] = g
}

func (r *reader) upstreamLine(g *group, d *directive) {
	switch {
	case d.name == "server":
		r.upstreamServer(g, d)
	case methods[d.name]:
		if needs := map[string]int{"hash": 1, "consistent_hash": 1, "least_time": 1}[d.name]; len(d.args) < needs {
			r.fail(d.pos, "%s needs an argument", d.name)
			return
		}
		if d.name == "hash" && len(d.args) > 1 && d.args[1] != "consistent" || len(d.args) > 2 && d.name == "hash" {
			r.fail(d.pos, `hash takes a key and "consistent"`)
		}
		g.method = d
		if g.sticky != nil {
			g.undone, g.sticky = g.sticky, nil
		}
	case stickies[d.name]:
		r.checkSticky(d)
		g.sticky, g.undone = d, nil
	case d.name == "zone":
		g.zone = d
	case d.name == "state", strings.HasPrefix(d.name, "balancer_by_lua"), d.name == "check":
		g.foreign = g.foreign || d.name != "check"
	}
	if g.Settings[d.name] == nil || d.name == "server" {
		g.Settings[d.name] = append(g.Settings[d.name], topology.Setting{Args: d.args, Pos: d.pos})
	}
}

// upstreamServer reads a server line: its address as the log shows it, with port 80 where none is said.
func (r *reader) upstreamServer(g *group, d *directive) {
	if len(d.args) == 0 {
		r.fail(d.pos, "server needs an address")
		return
	}
	in := topology.Instance{Name: withPort(d.args[0]), Address: withPort(d.args[0]), Pos: d.pos, Weight: 1, ID: len(g.Instances) + 1,
		Settings: map[string]topology.Setting{"server": {Args: d.args, Pos: d.pos}}}
	check := &topology.HealthCheck{Kind: "passive", Fall: 1, Rise: 1, Interval: defaultFailTimeout, Pos: d.pos, Observe: "live requests"}
	for _, a := range d.args[1:] {
		key, value, _ := strings.Cut(a, "=")
		var err error
		switch key {
		case "weight":
			in.Weight, err = parseInt(value, 1<<30)
			if in.Weight == 0 {
				err, in.Weight = errNumber, 1
			}
		case "max_conns":
			in.MaxConn, err = parseInt(value, 1<<30)
		case "max_fails":
			check.Fall, err = parseInt(value, 1<<30)
		case "fail_timeout":
			check.Interval, err = parseTime(value)
		case "slow_start":
			in.SlowStart, err = parseTime(value)
		case "backup":
			in.Backup = true
			if g.method != nil && (strings.HasSuffix(g.method.name, "hash") || g.method.name == "random") {
				r.fail(d.pos, "server: %s takes no backup servers", g.method.name)
			}
		case "down":
			in.Disabled = true
		case "route", "id", "srun_id":
			in.CookieValue = value
			if len(value) > 32 && key == "route" {
				err = errNumber
			}
		case "drain", "resolve", "service", "no-fail", "max_busy", "port", "down-on-init":
			in.Settings[key] = topology.Setting{Args: []string{value}, Pos: d.pos}
		default:
			r.fail(d.pos, "server: invalid parameter %s", keyword(key))
			continue
		}
		if err != nil {
			r.fail(d.pos, "server: invalid value of %s", key)
		}
	}
	in.Check = check
	if check.Fall == 0 || check.Interval == 0 {
		in.Check = nil // max_fails=0 or fail_timeout=0: never found to be down
	}
	g.Instances = append(g.Instances, in)
}

// withPort adds nginx's default port to an address that has none.
func withPort(addr string) string {
	if strings.HasPrefix(addr, "unix:") || hasPort(addr) {
		return addr
	}
	return addr + ":80"
}
