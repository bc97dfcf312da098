package haproxy

import (
	"fmt"
	"strings"
	"time"

	"limpet.dev/topology"
)

// tableRule is a stick-table directive.
type tableRule struct {
	kind    string // ip, ipv6, integer, string, binary
	length  int    // bytes kept of a string or binary key
	size    int
	expire  time.Duration
	noPurge bool
	peers   string
	byAddr  bool // srvkey addr
}

// The lengths of keys where the table does not say: 32 bytes, of which a string needs one for its end
// (seen on 2.6.12; with "len N" all N count).
const (
	binaryLength = 32
	stringLength = 31
)

// parseTable reads the words after "stick-table".
func parseTable(args []string) (tableRule, error) {
	var t tableRule
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	for i := 0; i < len(args); i++ {
		var err error
		value := arg(i + 1)
		switch args[i] {
		case "type":
			if err = oneOf("ip", "ipv4", "ipv6", "integer", "string", "binary")(args[i+1:]); err != nil {
				break
			}
			t.kind = strings.Replace(value, "ipv4", "ip", 1)
			if t.kind == "string" || t.kind == "binary" {
				t.length = binaryLength
				if t.kind == "string" {
					t.length = stringLength
				}
				if arg(i+2) == "len" {
					t.length, err = parseInt(arg(i+3), 1, 1<<31-1)
					i += 2
				}
			}
		case "size":
			t.size, err = parseSize(value)
		case "expire":
			t.expire, err = parseTimer(value)
		case "peers":
			t.peers = value
		case "srvkey":
			err = oneOf("name", "addr")(args[i+1:])
			t.byAddr = value == "addr"
		case "store", "write-to", "brates-factor":
		case "nopurge":
			t.noPurge = true
			continue
		case "recv-only":
			continue
		default:
			return t, fmt.Errorf("%s is not known", keyword(args[i]))
		}
		if err == nil && value == "" {
			err = fmt.Errorf("its argument is missing")
		}
		if err != nil {
			return t, fmt.Errorf("%s: %w", keyword(args[i]), err)
		}
		i++
	}
	switch {
	case t.kind == "":
		return t, fmt.Errorf("the type is missing")
	case t.size == 0:
		return t, fmt.Errorf("the size is missing")
	}
	return t, nil
}

func checkTable(args []string) error {
	_, err := parseTable(args)
	return err
}

func (t tableRule) table(name string, pos topology.Pos) topology.Table {
	key := "name"
	if t.byAddr {
		key = "addr"
	}
	return topology.Table{Name: name, Pos: pos, Type: t.kind, KeyLength: t.length, Size: t.size,
		Expire: t.expire, NoPurge: t.noPurge, ServerKey: key}
}

// stickRule is one stick directive.
type stickRule struct {
	match, store, response bool
	expr                   string
	table                  string   // "" the backend's own
	cond                   []string // "if …" or "unless …"
}

// parseStick reads the words after "stick".
func parseStick(args []string) (stickRule, error) {
	var s stickRule
	if len(args) == 0 {
		return s, fmt.Errorf("match, on, store-request or store-response is missing")
	}
	switch args[0] {
	case "match":
		s.match = true
	case "on":
		s.match, s.store = true, true
	case "store-request":
		s.store = true
	case "store-response":
		s.store, s.response = true, true
	default:
		return s, fmt.Errorf("expects match, on, store-request or store-response")
	}
	if len(args) < 2 {
		return s, fmt.Errorf("the expression is missing")
	}
	var parts []string
	for i := 1; i < len(args); i++ {
		switch {
		case args[i] == "table":
			if i+1 >= len(args) {
				return s, fmt.Errorf("the table's name is missing")
			}
			s.table = args[i+1]
			i++
		case args[i] == "if" || args[i] == "unless":
			s.cond = args[i:]
			if len(s.cond) < 2 {
				return s, fmt.Errorf("a condition is missing")
			}
			i = len(args)
		default:
			parts = append(parts, args[i])
		}
	}
	// Arguments may be written as words of their own: "stick on src table t", "stick on hdr(x) lower".
	s.expr = strings.Join(parts, " ")
	if s.expr == "" {
		return s, fmt.Errorf("the expression is missing")
	}
	return s, nil
}

func checkStick(args []string) error {
	_, err := parseStick(args)
	return err
}

// A placedStick is a rule and where it stands.
type placedStick struct {
	stickRule
	pos topology.Pos
}

func stickRules(settings []topology.Setting) []placedStick {
	var rules []placedStick
	for _, s := range settings {
		if rule, err := parseStick(s.Args); err == nil {
			rules = append(rules, placedStick{rule, s.Pos})
		}
	}
	return rules
}
