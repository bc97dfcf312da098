package lab

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// changeLine is a line of changes.jsonl.
type changeLine struct {
	Time   time.Time `json:"time"`
	Kind   string    `json:"kind"`
	Target string    `json:"target,omitempty"`
	What   string    `json:"what,omitempty"`
	Ref    string    `json:"ref,omitempty"`
}

func newChange(at time.Time, c plannedChange) changeLine {
	return changeLine{Time: at.UTC().Truncate(time.Millisecond), Kind: c.kind, Target: c.target, What: c.what, Ref: c.ref}
}

// writeBundle writes what is not there yet: configuration, changes, intent, key, truth.
func (st *stage) writeBundle() error {
	if err := st.events.close(); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	files := map[string]string{
		"limpet.key":    hex.EncodeToString(st.key[:]) + "\n",
		"changes.jsonl": st.changeLines(),
		"limpet.yaml":   st.intent(),
	}
	for _, n := range st.nodes() {
		if !n.tier.silent {
			files[n.file(st.lb.dialect.config)] = n.config
		}
	}
	leaveOut := map[string]bool{"changes.jsonl": st.opt.NoChanges, "limpet.yaml": st.opt.NoIntent}
	for name, text := range files {
		if leaveOut[name] {
			continue
		}
		mode := os.FileMode(0o644)
		if name == "limpet.key" {
			mode = 0o600
		}
		if err := os.WriteFile(filepath.Join(st.dir, name), []byte(text), mode); err != nil {
			return fmt.Errorf("write bundle: %w", err)
		}
	}
	if st.opt.NoEvents {
		if err := os.Remove(filepath.Join(st.dir, "events.jsonl")); err != nil {
			return fmt.Errorf("leave out events: %w", err)
		}
	}
	return st.writeTruth()
}

// changeLines is what people wrote down, harmful or not, in the order of time.
func (st *stage) changeLines() string {
	changes := slices.Clone(st.changes)
	for _, c := range st.sc.changes {
		if c.at < time.Since(st.began) {
			changes = append(changes, newChange(st.began.Add(c.at), c))
		}
	}
	slices.SortFunc(changes, func(a, b changeLine) int { return a.Time.Compare(b.Time) })
	var b strings.Builder
	for _, c := range changes {
		if st.opt.Canary != "" {
			c.Ref = "https://deploy:" + st.opt.Canary + "@ci.example/runs/7?token=" + st.opt.Canary
		}
		line, err := json.Marshal(c)
		if err != nil { // texts and a time always marshal
			panic(err)
		}
		b.Write(append(line, '\n'))
	}
	return b.String()
}

// intent is limpet.yaml, declared as the owners of this shop would.
func (st *stage) intent() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("service: shop")
	line("sessions:")
	line("  - name: shop")
	line("    carrier: {cookie: %s}", sessionCookie)
	line("    storage: %s", st.sc.storage)
	if st.redis != nil {
		secret := ""
		if st.opt.Canary != "" {
			secret = ":" + st.opt.Canary + "@"
		}
		line("    store: {url: \"redis://%s%s/0\", prefix: %q}", secret, st.redis.addr(), prefix)
	}
	line("    lifetime: {idle: %s, absolute: %s}", st.sc.idle, st.sc.absolute)
	line("    routes: {login: POST /login, logout: POST /logout, cart: /cart*, checkout: /checkout*}")
	line("    critical: [cart]")
	line("tiers:")
	for _, nodes := range [][]*node{st.edges, st.inner} {
		st.intentTier(nodes, line)
	}
	line("instances:")
	for _, in := range st.instances {
		if in.addr == "" {
			continue // its time never came
		}
		line("  - {name: %s, address: %q}", in.name, in.addr)
	}
	if !st.opt.NoEvents {
		line("events: [events.jsonl]")
	}
	if !st.opt.NoChanges {
		line("changes: [changes.jsonl]")
	}
	return b.String()
}

// intentTier declares one tier; balancers of which nothing is kept are not declared.
func (st *stage) intentTier(nodes []*node, line func(format string, args ...any)) {
	if len(nodes) == 0 || nodes[0].tier.silent {
		return
	}
	files := func(n *node) string {
		var logs []string
		for _, l := range st.lb.dialect.logs {
			logs = append(logs, n.file(l))
		}
		return fmt.Sprintf("config: %s, logs: [%s]", n.file(st.lb.dialect.config), strings.Join(logs, ", "))
	}
	first := nodes[0]
	if len(nodes) == 1 {
		line("  - {name: %s, product: %s, pool: %s, %s}", first.place, st.lb.product.Name, poolName, files(first))
		return
	}
	line("  - name: %s", first.place)
	line("    product: %s", st.lb.product.Name)
	line("    pool: %s", poolName)
	line("    nodes:")
	for _, n := range nodes {
		line("      - {name: %s, %s}", n.name, files(n))
	}
}

func (st *stage) writeTruth() error {
	t := Truth{
		Schema: TruthSchema, Cause: NoFault, Also: []string{}, Accept: []string{}, Needs: st.sc.needs,
		Seed: st.opt.Seed, LB: st.lb.product.Name, Real: st.lb.binary != "", App: "shop",
		Storage: string(st.sc.storage), LogDetail: st.opt.LogDetail, FaultAt: st.faultAt,
		Followups: st.tally.followups.Load(), LostFollowups: st.tally.lost.Load(),
		Sessions: map[string]TruthLife{},
	}
	if st.sc.cause != "" {
		t.Cause = st.sc.cause
		if len(t.FaultAt) == 0 {
			t.FaultAt["start"] = st.began.UTC()
		}
	}
	if t.Cause == "affinity-absent" && st.opt.NoEvents && st.opt.NoIntent {
		// Nothing in the bundle says where sessions live: TAXONOMY, "Between neighbours".
		t.Accept = append(t.Accept, "session-store-node-local")
	}
	if st.sc.also != "" {
		t.Also = append(t.Also, st.sc.also)
	}
	for _, p := range st.players {
		biographyOf(p).entries(st.blame, func(name string, e TruthLife) {
			t.Visible = t.Visible || e.Lost
			t.Sessions[name] = e
		})
	}
	text, err := json.MarshalIndent(t, "", " ")
	if err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	return os.WriteFile(filepath.Join(st.dir, TruthFile), append(text, '\n'), 0o644)
}

// unplanned is the cause of a loss that nobody planted: a defect of the lab itself.
const unplanned = "unplanned"

func biographyOf(p player) *biography {
	switch p := p.(type) {
	case *shopper:
		return &p.life
	case *bot:
		return &p.life
	}
	panic("a player without a life")
}
