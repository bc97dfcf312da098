package cause

import "fmt"

var _ = register(Cause{
	ID:       "session-store-node-local",
	Title:    "Each instance keeps sessions where no other one finds them",
	Category: Storage,
	Root:     StorageOutage,
	Summary: `
Sessions are kept in files or an embedded database on each instance's own disk. That works with one instance; with
several, a session is known only where it was made. Whoever reaches another instance is a stranger there, gets a new session
over the good one, and is lost.`,
	LooksAs: "Users are signed out at random since a second instance was added; with one instance everything works.",
	Remedy: `
Keep sessions in a store that all instances share (Redis, Memcached, a database), or in a signed cookie. Affinity at the
balancer is a stop-gap: it ends with the instance.`,
	Rollback: `Run a single instance until the shared store is in place; its disk has the sessions made there.`,
	Runbook: `
1. Look where each instance keeps sessions: a files handler, an SQLite file, a folder under /var/lib.
2. Sign in on one instance directly, then ask another one with the same cookie:

       curl -s -c jar -o /dev/null -d user=… -d password=… http://app1:9001/login
       curl -s -b jar -o /dev/null -w '%{http_code}\n' http://app2:9002/account

3. As a stop-gap, switch on affinity at the balancer, or take all instances but one out.
4. Configure the shared store on all instances, restart them, and check that limpet diagnose shows moves that are honoured.`,
	Uses:  []Source{Events, Declaration, Config},
	Tells: []Source{Declaration},
	Neighbours: map[string]string{
		"affinity-absent":                   "there the state lives in the memory of an instance, where a shared store may not be possible; see where the application keeps it",
		"shared-store-not-enabled":          "there a shared store is declared or configured, and holds no session",
		"signing-key-differs-between-nodes": "there the application says that it cannot verify the credential, or the session lives in the cookie",
		"affinity-cookie-not-returned":      "there the balancer issues an affinity cookie, and only some clients lose",
		"store-ttl-wrong":                   "there the instance that knew the session forgets it after a rest",
		"store-eviction":                    "there sessions that rested for longest are gone, wherever the next request goes",
	},
	Detect: detectNodeLocal,
	Lab:    Scenario{Fault: "session-store-node-local"},
})

func detectNodeLocal(ev *Evidence) []Clue {
	clues := ev.Clue("moved", "the request that failed went to another instance than the one before it", func(b *Break) bool { return b.Moved })
	if clues == nil {
		return nil
	}
	switch {
	case NodeLocal(ev.Storage):
		clues = append(clues, Clue{ID: "node-local", Strength: 1, Text: "the state lives on each instance's own disk (" + ev.Storage + ")", Source: ev.Declared.StoragePos.String()})
	case ev.Storage == "memory":
		clues = append(clues, Clue{ID: "memory", Strength: 1, Against: true, Text: "the state lives in the memory of the instance that made it, not on a disk"})
	case ev.SharedStorage():
		clues = append(clues, Clue{ID: "shared", Strength: 1, Against: true, Text: "the state lives in a store that all instances share (" + ev.Storage + ")"})
	case ev.InCookie:
		clues = append(clues, Clue{ID: "in-cookie", Strength: 1, Against: true, Text: "the session lives in the cookie itself"})
	default:
		clues = append(clues, Clue{ID: "undeclared", Strength: 1, Text: "nothing says where the state lives: not in a store that instances share"})
	}
	if rules, known := ev.AffinityOf(); known && len(rules) > 0 {
		clues = append(clues, Clue{ID: "rule", Strength: 1, Against: true, Text: "the balancer is told to bring clients back: " + describeRule(rules[0]), Source: rules[0].Pos.String()})
	} else if known {
		c := Clue{ID: "no-rule", Strength: 1, Text: "the balancer brings nobody back to the instance with the state"}
		if ps := ev.pools(); len(ps) > 0 {
			c.Text = fmt.Sprintf("pool %s has %d instances and no affinity rule", ps[0].Name, len(ps[0].Instances))
			c.Source = ps[0].Pos.String()
		}
		clues = append(clues, c)
	}
	clues = append(clues, affinityOff(ev)...)
	clues = append(clues, noOccasion(ev)...)
	clues = append(clues, steadyMoves(ev)...)
	clues = append(clues, movesSurvive(ev)...)
	return append(clues, contradiction(ev, "signature", "the application could not verify the credential", func(b *Break) bool { return badSignature(b.Reason) })...)
}

// NodeLocal reports whether a kind of storage is one instance's own disk.
func NodeLocal(storage string) bool {
	switch storage {
	case "file", "files", "sqlite", "disk", "embedded":
		return true
	}
	return false
}
