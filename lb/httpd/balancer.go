package httpd

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"limpet.dev/topology"
)

// A balancer is balancer://NAME with its members and parameters, later ones over earlier ones.
type balancer struct {
	name    string
	pos     topology.Pos
	members []*member
	params  map[string]topology.Setting // lower case
}

// A member is a BalancerMember, or the one server of a ProxyPass.
type member struct {
	address, scheme string
	worker          string // its URL as it stands in logs (BALANCER_WORKER_NAME)
	pos             topology.Pos
	params          map[string]topology.Setting
}

// balancer returns the one that target names, new or not.
func (b *builder) balancer(target string, pos topology.Pos) *balancer {
	name := balancerName(target)
	key := "balancer://" + name
	if bal, ok := b.balancers[key]; ok {
		return bal
	}
	bal := &balancer{name: name, pos: pos, params: map[string]topology.Setting{}}
	b.balancers[key] = bal
	b.order = append(b.order, key)
	return bal
}

func (bal *balancer) set(b *builder, params []string, pos topology.Pos) {
	pairs(b, params, pos, balancerParams, bal.params)
}

// member adds BalancerMember URL [key=value …]. The same URL again changes the member that is there.
func (bal *balancer) member(b *builder, args []string, pos topology.Pos) {
	if len(args) == 0 {
		b.fault(pos, "BalancerMember without an address")
		return
	}
	host, scheme, ok := address(args[0])
	if !ok {
		b.fault(pos, "the member's address is no URL with a host")
		return
	}
	m := &member{address: host, scheme: scheme, worker: strings.TrimSuffix(args[0], "/"), pos: pos, params: map[string]topology.Setting{}}
	for _, old := range bal.members {
		if old.worker == m.worker {
			m = old
		}
	}
	if m.pos == pos {
		bal.members = append(bal.members, m)
	}
	pairs(b, args[1:], pos, memberParams, m.params)
}

// memberParams and balancerParams are the parameters of the manual (mod_proxy, ProxyPass), "BalancerMember parameters" and
// "Balancer parameters". Those of a member may stand in a ProxySet, and hold for the balancer then.
var (
	memberParams = wordSet(`min max smax acquire connectiontimeout disablereuse enablereuse flushpackets flushwait iobuffersize
		responsefieldsize keepalive lbset loadfactor ping receivebuffersize redirect retry route status timeout ttl flusher secret
		upgrade addressttl mapping nocanon interpolate hcmethod hcinterval hcpasses hcfails hcuri hcexpr hctemplate bandwidth`)
	balancerParams = wordSet(`lbmethod maxattempts nofailover stickysession stickysessionsep scolonpathdelim timeout failonstatus
		failontimeout nonce growth forcerecovery`)
)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// pairs takes key=value words into a map, and keeps what neither kind knows.
func pairs(b *builder, params []string, pos topology.Pos, known map[string]bool, into map[string]topology.Setting) {
	for _, p := range params {
		key, value, ok := strings.Cut(p, "=")
		key = strings.ToLower(key)
		switch {
		case !ok && (key == "nocanon" || key == "interpolate" || key == "noquery"):
		case !ok:
			b.fault(pos, "parameter without a value, key=value expected")
		case known[key], memberParams[key], balancerParams[key]:
			into[key] = topology.Setting{Args: []string{value}, Pos: pos}
		default:
			shown := key
			if !keywordLike(key) {
				shown = "a parameter"
			}
			b.cfg.Unknown = append(b.cfg.Unknown, topology.Unknown{Pos: pos, Text: shown + "=[removed]", Affinity: strings.Contains(key, "stick") || strings.Contains(key, "route")})
		}
	}
}

// text returns a parameter's value, "" if it is not set.
func text(params map[string]topology.Setting, key string) string {
	if s, ok := params[key]; ok {
		return s.Args[0]
	}
	return ""
}

func isOn(params map[string]topology.Setting, key string) bool {
	return strings.EqualFold(text(params, key), "on")
}

// span reads httpd's times: seconds, or with a unit (ap_timeout_parameter_parse).
func span(value string, fallback time.Duration) time.Duration {
	digits := strings.TrimRight(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || n < 0 || n > 1e9 {
		return fallback
	}
	unit := time.Second
	switch strings.ToLower(value[len(digits):]) {
	case "ms":
		unit = time.Millisecond
	case "mi", "min", "m":
		unit = time.Minute
	case "h":
		unit = time.Hour
	}
	return time.Duration(n * float64(unit))
}

// pools makes the topology's pools of the balancers.
func (b *builder) pools() {
	for _, key := range b.order {
		bal := b.balancers[key]
		pool := topology.Pool{
			Name: bal.name, Pos: bal.pos, HTTP: true, Settings: map[string][]topology.Setting{},
			Balance: topology.Balance{Algorithm: cmp.Or(text(bal.params, "lbmethod"), "byrequests"), Pos: cmp.Or(bal.params["lbmethod"].Pos, bal.pos)},
		}
		for k, s := range bal.params {
			pool.Settings[k] = []topology.Setting{s}
		}
		unique := bal.uniqueRoutes()
		for _, m := range bal.members {
			pool.Instances = append(pool.Instances, b.instance(bal, m, unique))
		}
		pool.Retry = bal.retry()
		pool.Affinity = b.affinity(bal, &pool)
		b.cfg.Pools = append(b.cfg.Pools, pool)
	}
}

// uniqueRoutes reports whether each member has a route of its own, so that routes can name instances.
func (bal *balancer) uniqueRoutes() bool {
	seen := map[string]bool{}
	for _, m := range bal.members {
		route := text(m.params, "route")
		if route == "" || seen[route] {
			return false
		}
		seen[route] = true
	}
	return true
}

func (b *builder) instance(bal *balancer, m *member, unique bool) topology.Instance {
	in := topology.Instance{
		Name: m.address, Address: m.address, Pos: m.pos, Weight: 1, CookieValue: text(m.params, "route"),
		Settings: m.params, Check: b.health(bal, m),
	}
	if unique {
		in.Name = in.CookieValue
	}
	if f, err := strconv.ParseFloat(text(m.params, "loadfactor"), 64); err == nil && f >= 1 {
		in.Weight = int(f)
	}
	in.MaxConn, _ = strconv.Atoi(text(m.params, "max"))
	st := statusOf(text(m.params, "status"))
	in.Backup = st.standby || st.spare
	in.Disabled = st.disabled
	return in
}

// A status is what status=+X says of a member at the start.
type status struct{ disabled, standby, spare, drain, failed, ignore bool }

func statusOf(text string) status {
	var s status
	set := true
	for _, c := range strings.ToUpper(text) {
		switch c {
		case '+':
			set = true
		case '-':
			set = false
		case 'D', 'S':
			s.disabled = set
		case 'H':
			s.standby = set
		case 'R':
			s.spare = set
		case 'N':
			s.drain = set
		case 'E':
			s.failed = set
		case 'I':
			s.ignore = set
		}
	}
	return s
}

// retry: another member is tried only when the connection fails, at most maxattempts times (mod_proxy.c).
func (bal *balancer) retry() topology.Retry {
	n := max(1, len(bal.members)-1)
	if v, err := strconv.Atoi(text(bal.params, "maxattempts")); err == nil && v >= 0 {
		n = v
	}
	if len(bal.members) < 2 {
		n = 0
	}
	return topology.Retry{Attempts: n, Redispatch: !isOn(bal.params, "nofailover"), On: []string{"connect failure"}, Pos: cmp.Or(bal.params["maxattempts"].Pos, bal.pos)}
}
