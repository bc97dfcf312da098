package cause

import "strings"

var _ = register(Cause{
	ID:       "session-ip-binding",
	Title:    "The application ties the session to an address",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
The application remembers the client's address with the session and rejects it when the address changes. Mobile users change it as they move, others leave
through several exits of one network, and behind a balancer the application may see the balancer's address instead. Cookie and instance are right.`,
	LooksAs:  "Mobile users are signed out again and again; users at a fixed address never.",
	Remedy:   `Do not bind sessions to addresses: log the change, or bind to the network at most; and take the client's address from a trusted X-Forwarded-For.`,
	Rollback: `The option's former value.`,
	Runbook: `
1. See that the client's address changed between the last good request and the rejection, and nothing else did.
2. Read the application's own reason in its events or log (an address mismatch).
3. Turn the check off or to logging only, and let the application trust the balancer's X-Forwarded-For.
4. Change networks on a phone while signed in and watch the session survive.`,
	Uses: []Source{Events, Agents},
	Neighbours: map[string]string{
		"affinity-source-ip-unreliable":     "there the instance changes with the address",
		"signing-key-differs-between-nodes": "there the rejection follows the instance, not the address",
	},
	Detect: detectSessionIpBinding,
	Lab:    Scenario{Journey: "a phone changes networks"},
})

func detectSessionIpBinding(ev *Evidence) []Clue {
	clues := ev.Clue("says-address", "the application says that the client's address is not the session's", func(b *Break) bool { return addressReason(b.Reason) })
	if clues == nil {
		return nil
	}
	clues[0].Proof = true
	if n := ev.Count(func(b *Break) bool { return !b.Moved }); n > 0 {
		clues = append(clues, Clue{ID: "same-instance", Strength: share(n, len(ev.Breaks)), Text: "the session was rejected by the instance that knew it", Source: ofBroken(n, len(ev.Breaks))})
	}
	return clues
}

// addressReason reads the words in which applications say that the address changed.
func addressReason(reason string) bool {
	r := strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(reason))
	for _, w := range []string{"ip-mismatch", "ip-changed", "address-mismatch", "address-changed", "ip-binding", "client-address", "remote-addr", "ip-address"} {
		if strings.Contains(r, w) {
			return true
		}
	}
	return false
}
