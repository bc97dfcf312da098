package cause

import (
	"fmt"
	"strings"

	"limpet.dev/session"
)

var _ = register(Cause{
	ID:       "store-failover-writes-fail",
	Title:    "After the store changed roles, instances go on writing to a replica",
	Category: Storage,
	Root:     StorageOutage,
	Summary: `
The store's primary became a replica: a failover, planned or not. Instances whose client has the old address written down, or keeps its old
connections, go on talking to it. What they read is there; what they write is refused as read-only. Signing in, adding to the cart and renewing
a session fail, while pages that only read look healthy, and so do health checks.`,
	LooksAs: "Signing in and adding to the cart fail with an error page; the same users still see pages that only read.",
	Remedy: `
Let clients ask who is primary (Sentinel, cluster mode, the operator's service name), and reconnect when a write is refused with READONLY.
Rehearse a failover with traffic.`,
	Rollback: `Fail back to the former primary, or restart the instances that hold on to it.`,
	Runbook: `
1. Ask each store for its role:

       redis-cli -h store1 role | head -1

2. See to which of them each instance talks: ss -tnp | grep 6379, or the client's own log.
3. Restart the instances that talk to the replica, one after the other, or fail back.
4. Replace the fixed address by one that follows the primary, and rehearse.`,
	Uses:  []Source{Events, Declaration, Changes},
	Tells: []Source{Events},
	Neighbours: map[string]string{
		"store-full-write-rejected":  "there the store says that it is out of memory (OOM), and its role never changed",
		"store-restart-volatile":     "there reads find nothing either: the state is gone",
		"store-node-loss-no-replica": "there a share of the sessions cannot be read at all",
	},
	Detect: detectFailover,
	Lab:    Scenario{Fault: "store-failover-writes-fail"},
})

func detectFailover(ev *Evidence) []Clue {
	failed := func(b *Break) bool { return b.Result&session.AppError != 0 }
	if ev.Count(failed) == 0 {
		return nil
	}
	clues := ev.Clue("write-failed", "the store refused a write", func(b *Break) bool {
		return failed(b) && b.Result&(session.AppWrite|session.AppCreate|session.AppRotate) != 0
	})
	clues = append(clues, ev.Clue("read-only", "the application says that the store is read-only", func(b *Break) bool {
		return strings.Contains(strings.ReplaceAll(strings.ToLower(b.Reason), "-", ""), "readonly")
	})...)
	if clues == nil {
		return nil
	}
	clues = append(clues, ev.Clue("reads-go-on", "the same session was found again later: its state was never gone", func(b *Break) bool { return b.FoundOn != "" })...)
	clues = append(clues, contradiction(ev, "out-of-memory", "the store says that it is out of memory", func(b *Break) bool {
		r := strings.ToLower(b.Reason)
		return strings.Contains(r, "oom") || strings.Contains(r, "memory")
	})...)
	clues = append(clues, contradiction(ev, "no-answer", "the store did not answer in time", func(b *Break) bool { return b.Result&session.AppSlow != 0 })...)
	clues = append(clues, storeClues(ev)...)
	clues = append(clues, someWrite(ev)...)
	if c, ok := ev.ChangeNear(ev.Breaks[0].At, changeWindow, "store"); ok {
		clues = append(clues, changeClue(c))
	}
	return clues
}

// someWrite says whether only some instances fail to write.
func someWrite(ev *Evidence) []Clue {
	failing := map[string]bool{}
	for _, b := range ev.Breaks {
		failing[b.To] = true
	}
	served := 0
	for _, t := range ev.People.ByInstance {
		if t.Total() > 0 {
			served++
		}
	}
	if len(failing) >= served {
		return nil
	}
	names := make([]string, 0, len(failing))
	for n := range failing {
		names = append(names, n)
	}
	return []Clue{{ID: "some-instances", Strength: 1, Text: fmt.Sprintf("only some instances fail to write: %s", some(names, 4)), Source: fmt.Sprintf("%d of %d instances", len(failing), served)}}
}
