package haproxy

import (
	"fmt"
	"strconv"
	"strings"
)

// balanceRule is a balance directive.
type balanceRule struct {
	algorithm  string // roundrobin, source, uri, url_param, hdr, hash, random …
	name       string // the parameter's or header's name
	expr       string // hash: the expression
	length     int    // uri: bytes, 0 all
	depth      int    // uri: directories, 0 all
	whole      bool   // uri: with the query
	pathOnly   bool   // uri: without scheme and authority
	domainOnly bool   // hdr
	draws      int    // random
}

var plainBalance = wordSet("roundrobin static-rr leastconn first source log-hash sticky")

// parseBalance reads the words after "balance".
func parseBalance(args []string) (balanceRule, error) {
	if len(args) == 0 {
		return balanceRule{algorithm: "roundrobin"}, nil
	}
	word, inner, err := cutCall(args[0])
	if err != nil {
		return balanceRule{}, err
	}
	b := balanceRule{algorithm: word}
	rest := args[1:]
	switch {
	case plainBalance[word]:
		return b, nil
	case word == "random":
		b.draws = 2
		if inner != "" {
			b.draws, err = parseInt(inner, 1, 100_000)
		}
		return b, err
	case word == "uri":
		return b, b.uri(rest)
	case word == "url_param":
		if len(rest) == 0 {
			return b, fmt.Errorf("the parameter's name is missing")
		}
		b.name = rest[0]
		if len(rest) > 1 && rest[1] != "check_post" {
			return b, fmt.Errorf("only check_post may follow the parameter's name")
		}
		return b, nil
	case word == "hdr":
		b.name = inner
		if inner == "" {
			return b, fmt.Errorf("the header's name is missing")
		}
		b.domainOnly = len(rest) > 0 && rest[0] == "use_domain_only"
		if len(rest) > 0 && !b.domainOnly {
			return b, fmt.Errorf("only use_domain_only may follow the header's name")
		}
		return b, nil
	case word == "rdp-cookie":
		b.name = inner
		if inner == "" {
			b.name = "mstshash"
		}
		return b, nil
	case word == "hash":
		b.expr = strings.Join(rest, " ")
		if b.expr == "" {
			return b, fmt.Errorf("the expression is missing")
		}
		return b, nil
	}
	return b, fmt.Errorf("an algorithm that is not known")
}

func (b *balanceRule) uri(rest []string) error {
	for i := 0; i < len(rest); i++ {
		var err error
		switch rest[i] {
		case "whole":
			b.whole = true
		case "path-only":
			b.pathOnly = true
		case "len", "depth":
			if i+1 >= len(rest) {
				return fmt.Errorf("a number is missing")
			}
			into := &b.length
			if rest[i] == "depth" {
				into = &b.depth
			}
			*into, err = parseInt(rest[i+1], 1, 1<<30)
			i++
		default:
			return fmt.Errorf("only len, depth, whole and path-only may follow uri")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cutCall splits "name(argument)".
func cutCall(text string) (name, arg string, err error) {
	open := strings.IndexByte(text, '(')
	if open < 0 {
		return text, "", nil
	}
	if !strings.HasSuffix(text, ")") {
		return "", "", fmt.Errorf("a closing parenthesis is missing")
	}
	return text[:open], text[open+1 : len(text)-1], nil
}

func checkBalance(args []string) error {
	_, err := parseBalance(args)
	return err
}

// deterministic reports whether the algorithm sends the same key to the same server.
func (b balanceRule) deterministic() bool {
	switch b.algorithm {
	case "source", "uri", "url_param", "hdr", "hash", "rdp-cookie":
		return true
	}
	return false
}

// key names what is hashed, for people.
func (b balanceRule) key() string {
	switch b.algorithm {
	case "source":
		return "source address"
	case "uri":
		switch {
		case b.whole:
			return "request target with query"
		case b.depth > 0:
			return "first " + strconv.Itoa(b.depth) + " directories of the path"
		}
		return "path"
	case "url_param":
		return "query parameter " + b.name
	case "hdr":
		return "header " + b.name
	case "rdp-cookie":
		return "RDP cookie " + b.name
	case "hash":
		return shownExpr(b.expr)
	}
	return ""
}

// hashRule is a hash-type directive.
type hashRule struct {
	consistent, avalanche bool
	function              string
}

// parseHashType reads the words after "hash-type". Without a function, consistent means
// "sdbm avalanche" and map-based plain sdbm; a named function takes the implicit avalanche away.
func parseHashType(args []string) (hashRule, error) {
	h := hashRule{function: "sdbm"}
	if len(args) == 0 {
		return h, nil
	}
	switch args[0] {
	case "consistent":
		h.consistent = true
	case "map-based":
	default:
		return h, fmt.Errorf("expects map-based or consistent")
	}
	if len(args) == 1 {
		h.avalanche = h.consistent
		return h, nil
	}
	rest := args[1:]
	if rest[0] != "avalanche" {
		if err := oneOf("sdbm", "djb2", "wt6", "crc32", "none")(rest); err != nil {
			return h, err
		}
		h.function, rest = rest[0], rest[1:]
	}
	if len(rest) > 0 {
		if rest[0] != "avalanche" {
			return h, fmt.Errorf("only avalanche may follow the function")
		}
		h.avalanche = true
	}
	return h, nil
}

func checkHashType(args []string) error {
	if err := needArg(args); err != nil {
		return err
	}
	_, err := parseHashType(args)
	return err
}

func (h hashRule) String() string {
	text := "map-based "
	if h.consistent {
		text = "consistent "
	}
	text += h.function
	if h.avalanche {
		text += " avalanche"
	}
	return text
}
