package lab

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
)

// A node is one balancer process: a tier has one, or several equal ones.
type node struct {
	st      *stage
	tier    *tier
	place   string // the tier's name: edge, inner
	index   int    // among equal ones, from 0
	name    string // edge, or edge2 among equal ones
	listen  string // address to accept on
	members []member
	config  string            // the configuration's text
	files   map[string]string // what it refers to
	logs    []*lineFile
	balancer
}

// A balancer stands in front of the instances.
type balancer interface {
	// start returns when the balancer accepts connections.
	start(ctx context.Context) error
	// reload takes the node's configuration over, which may have changed.
	reload(ctx context.Context) error
	stop()
}

// The places of tiers in the path.
const (
	edgePlace  = "edge"
	innerPlace = "inner"
)

// buildNodes makes the balancers of all tiers, from the instances outwards: a tier's members are the
// nodes of the tier behind it.
func (st *stage) buildNodes() error {
	members := make([]member, 0, len(st.instances))
	for _, in := range st.instances[:st.sc.instances] {
		members = append(members, member{in.name, in.addr})
	}
	if st.sc.inner != nil {
		inner, err := st.tierNodes(innerPlace, st.sc.inner, members)
		if err != nil {
			return err
		}
		st.inner = inner
		members = members[:0:0]
		for i, n := range inner {
			members = append(members, member{fmt.Sprintf("node%d", i+1), n.listen})
		}
	}
	var err error
	st.edges, err = st.tierNodes(edgePlace, &st.sc.tier, members)
	return err
}

// tierNodes makes the nodes of one tier.
func (st *stage) tierNodes(place string, t *tier, members []member) ([]*node, error) {
	var nodes []*node
	for i := range max(1, t.nodes) {
		n := &node{st: st, tier: t, place: place, index: i, name: place, members: members}
		if t.nodes > 1 {
			n.name = fmt.Sprintf("%s%d", place, i+1)
		}
		var err error
		if n.listen, err = freeAddr(); err != nil {
			return nil, err
		}
		if n.config, err = st.lb.dialect.configure(n); err != nil {
			return nil, err
		}
		if err := n.openLogs(); err != nil {
			return nil, err
		}
		if n.balancer, err = n.make(); err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// openLogs makes the node's log files; a silent tier's lines are thrown away.
func (n *node) openLogs() error {
	for _, name := range n.st.lb.dialect.logs {
		out := discardLines()
		if !n.tier.silent {
			var err error
			if out, err = newLineFile(filepath.Join(n.st.dir, n.file(name))); err != nil {
				return err
			}
		}
		n.logs = append(n.logs, out)
	}
	return nil
}

func (n *node) closeLogs() {
	for _, l := range n.logs {
		l.close()
	}
}

// requests is the log of requests, messages that of the product's own words.
func (n *node) requests() *lineFile { return n.logs[0] }
func (n *node) messages() *lineFile { return n.logs[len(n.logs)-1] }

func (n *node) make() (balancer, error) {
	if n.st.lb.binary == "" {
		return newEmulator(n)
	}
	return newRealBalancer(n)
}

// file is a node's own name for one of the product's files: as it is where there is one balancer only.
func (n *node) file(base string) string {
	if n.st.sc.balancers() == 1 {
		return base
	}
	ext := filepath.Ext(base)
	return strings.TrimSuffix(base, ext) + "-" + n.name + ext
}

// isNodeFile reports whether a name is what file makes of base.
func isNodeFile(name, base string) bool {
	ext := filepath.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	rest, ok := strings.CutPrefix(name, stem)
	if !ok {
		return false
	}
	rest, ok = strings.CutSuffix(rest, ext)
	return ok && (rest == "" || rest[0] == '-')
}

// nodes are all balancers, in the order in which a request passes them.
func (st *stage) nodes() []*node { return append(append([]*node(nil), st.edges...), st.inner...) }

// freeAddr finds a free port. Another program could take it before the balancer does;
// the balancer then says so.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
