package haproxy

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"limpet.dev/topology"
)

// serverLine reads a server, server-template or default-server line of the present section.
func (r *reader) serverLine(words []string) {
	p := r.proxy
	if words[0] == "default-server" {
		if !p.add("default-server", topology.Setting{Args: words[1:], Pos: r.pos()}) {
			r.fail(r.pos(), "more than %d default-server lines in one section", maxOwn)
		}
		if len(words) < 2 {
			r.fail(r.pos(), "default-server needs at least one setting")
		}
		r.checkServer(words[1:], &serverSpec{})
		return
	}
	template := words[0] == "server-template"
	need := 3
	if template {
		need = 4
	}
	switch {
	case p.kind == "defaults":
		r.fail(r.pos(), "%s is not allowed in a defaults section", words[0])
		return
	case p.kind == "frontend":
		return // HAProxy warns and ignores it
	case len(words) < need || words[1] == "":
		r.fail(r.pos(), "%s needs a name and an address", words[0])
		return
	}
	if strings.Trim(words[1], nameChars) != "" {
		r.fail(r.pos(), "the server's name holds a character that is not allowed")
	}
	n := 1
	if template {
		lo, hi, err := templateRange(words[2])
		if err != nil {
			r.fail(r.pos(), "server-template: %v", err)
			return
		}
		n = hi - lo + 1
	}
	if r.instances += n; r.instances > maxInstances {
		r.instances -= n
		r.fail(r.pos(), "more than %d servers", maxInstances)
		return
	}
	var spec serverSpec
	r.checkServer(words[need:], &spec)
	args := append([]string{}, words[1:]...)
	args[need-2] = expandAddress(args[need-2], r.lookup)
	p.servers = append(p.servers, serverLine{topology.Setting{Args: args, Pos: r.pos()}, template, len(p.all("default-server"))})
}

// checkServer reports what is wrong or not known in a server's settings.
func (r *reader) checkServer(args []string, spec *serverSpec) {
	unknown, err := spec.apply(args, r.pos())
	if err != nil {
		r.fail(r.pos(), "server: %v", err)
	}
	// After the first word that is not known the others may be its arguments.
	if len(unknown) > 0 {
		r.cfg.Unknown = append(r.cfg.Unknown, topology.Unknown{
			Pos: r.pos(), Text: "server " + harmless([]string{unknown[0], ""}), Affinity: affinityWord(unknown[:1]),
		})
	}
}

// templateRange reads "5" or "1-5".
func templateRange(text string) (lo, hi int, err error) {
	first, last, two := strings.Cut(text, "-")
	if !two {
		first, last = "1", text
	}
	if lo, err = parseInt(first, 0, maxInstances); err == nil {
		hi, err = parseInt(last, lo, maxInstances)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("the number of servers: %w", err)
	}
	return lo, hi, nil
}

// A serverSpec is what server and default-server lines say about one server.
type serverSpec struct {
	id, weight, maxConn, maxQueue int
	backup, disabled, check       bool
	agent, nonStick               bool
	cookie                        string
	slowStart                     time.Duration
	health                        healthSpec
	settings                      map[string]topology.Setting // all keywords, by name
}

// healthSpec holds the timers of a server's checks; 0 is "not said".
type healthSpec struct {
	inter, fast, down, agentInter time.Duration
	rise, fall, errorLimit        int
	observe, onError              string
}

// clone returns a copy whose settings are its own.
func (s serverSpec) clone() serverSpec {
	m := make(map[string]topology.Setting, len(s.settings)+4)
	for k, v := range s.settings {
		m[k] = v
	}
	s.settings = m
	return s
}

// apply adds the settings of one line. It returns the words that it does not know.
func (s *serverSpec) apply(args []string, pos topology.Pos) (unknown []string, err error) {
	if s.settings == nil {
		s.settings = map[string]topology.Setting{}
	}
	for i := 0; i < len(args); i++ {
		w := args[i]
		name, _, _ := strings.Cut(w, "(")
		switch {
		case serverFlags[w]:
			s.flag(w)
			s.settings[w] = topology.Setting{Pos: pos}
		case serverArgs[w] || name == "set-proxy-v2-tlv-fmt":
			if i+1 >= len(args) {
				return unknown, fmt.Errorf("%s: its argument is missing", name)
			}
			i++
			if e := s.value(w, args[i]); e != nil && err == nil {
				err = fmt.Errorf("%s: %w", w, e)
			}
			s.settings[w] = topology.Setting{Args: args[i : i+1], Pos: pos}
		default:
			unknown = append(unknown, w)
		}
	}
	return unknown, err
}

func (s *serverSpec) flag(w string) {
	switch w {
	case "backup", "no-backup":
		s.backup = w == "backup"
	case "disabled", "enabled":
		s.disabled = w == "disabled"
	case "check", "no-check":
		s.check = w == "check"
	case "agent-check", "no-agent-check":
		s.agent = w == "agent-check"
	case "non-stick", "stick":
		s.nonStick = w == "non-stick"
	}
}

func (s *serverSpec) value(w, v string) (err error) {
	h := &s.health
	switch w {
	case "id":
		s.id, err = parseInt(v, 1, 1<<31-1)
	case "weight":
		s.weight, err = parseInt(v, 0, 256)
	case "maxconn":
		s.maxConn, err = parseInt(v, 0, 1<<31-1)
	case "maxqueue":
		s.maxQueue, err = parseInt(v, 0, 1<<31-1)
	case "cookie":
		s.cookie = v
	case "slowstart":
		s.slowStart, err = parseTimer(v)
	case "inter":
		h.inter, err = parsePositive(v)
	case "fastinter":
		h.fast, err = parsePositive(v)
	case "downinter":
		h.down, err = parsePositive(v)
	case "agent-inter":
		h.agentInter, err = parsePositive(v)
	case "rise":
		h.rise, err = parseInt(v, 1, 1<<31-1)
	case "fall":
		h.fall, err = parseInt(v, 1, 1<<31-1)
	case "error-limit":
		h.errorLimit, err = parseInt(v, 1, 1<<31-1)
	case "observe":
		h.observe, err = v, oneOf("none", "layer4", "layer7")([]string{v})
	case "on-error":
		h.onError, err = v, oneOf("fastinter", "fail-check", "sudden-death", "mark-down")([]string{v})
	case "on-marked-down":
		err = oneOf("shutdown-sessions")([]string{v})
	case "on-marked-up":
		err = oneOf("shutdown-backup-sessions")([]string{v})
	case "init-state":
		err = oneOf("none", "up", "down", "fully-up", "fully-down")([]string{v})
	case "hash-key":
		err = oneOf("id", "addr", "addr-port", "guid", "id32")([]string{v})
	}
	return err
}

func parsePositive(text string) (time.Duration, error) {
	d, err := parseTimer(text)
	if err == nil && d <= 0 {
		return 0, fmt.Errorf("a time above zero is expected")
	}
	return d, err
}

// splitAddress parts host and port as HAProxy does: the last colon divides them. Prefixes
// ("ipv4@") are dropped. ok is false for addresses that are not literal.
func splitAddress(text string) (netip.AddrPort, bool) {
	if _, rest, found := strings.Cut(text, "@"); found {
		text = rest
	}
	n := strings.LastIndexByte(text, ':')
	if n < 0 {
		return netip.AddrPort{}, false
	}
	host := strings.Trim(text[:n], "[]")
	addr, err := netip.ParseAddr(host)
	port, err2 := strconv.ParseUint(text[n+1:], 10, 16)
	if err != nil || err2 != nil {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(addr, uint16(port)), true
}
