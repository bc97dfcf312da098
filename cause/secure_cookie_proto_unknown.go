package cause

import (
	"fmt"
	"strings"

	"limpet.dev/session"
)

var _ = register(Cause{
	ID:       "secure-cookie-proto-unknown",
	Title:    "The application takes https for http and keeps its Secure cookie to itself",
	Category: Client,
	Root:     ClientCompatibility,
	Summary: `
TLS ends before the application, and the application does not learn, or does not believe, that the client came over https. Its session
cookie is for https only, so it does not send it, without a word in its log: signing in succeeds, the answer carries no cookie, and the next
request comes from a stranger.`,
	LooksAs: "Nobody can stay signed in: the right password leads straight back to the login page, on the public address only.",
	Remedy: `
Have whatever ends TLS set X-Forwarded-Proto, let no later hop overwrite it, and tell the application to trust that
header from the balancer's addresses (trust proxy, ForwardedHeaders, SECURE_PROXY_SSL_HEADER).`,
	Rollback: `The former setting of the cookie's Secure attribute (auto, where the framework has it), until the header is trusted.`,
	Runbook: `
1. Sign in over the public address and look at the answer: is there a Set-Cookie?

       curl -s -o /dev/null -D - -d user=… -d password=… https://shop.example/login | grep -i '^set-cookie'

2. Ask the application directly, with the header that the balancer should send:

       curl -s -o /dev/null -D - -H 'X-Forwarded-Proto: https' -d user=… http://app1:9001/login | grep -i '^set-cookie'

3. If only the second shows a cookie, look at each hop for who sets or overwrites the header; if neither does, at the application's trust in proxies.
4. Mend it, sign in once more, and check that limpet diagnose shows follow-ups again.`,
	Kinds: []string{"never-established", "lost"},
	Uses:  []Source{Events, Config},
	Neighbours: map[string]string{
		"client-credentials-omitted": "there the answer carries a Set-Cookie, and only scripts come without it",
		"cookie-domain-invalid":      "there the answer carries a Set-Cookie that the browser refuses",
		"secure-cookie-over-http":    "there the cookie works on https and is missing on plain http",
	},
	Detect: detectSchemeLost,
	Lab:    Scenario{Fault: "secure-cookie-proto-unknown"},
})

func detectSchemeLost(ev *Evidence) []Clue {
	never := ev.Breaks[0].Kind == "never-established"
	clues := ev.Clue("kept", "signing in succeeded, and the answer carried no session cookie", func(b *Break) bool { return b.Kept })
	if clues == nil || !never && !someNever(ev) {
		return nil
	}
	clues = append(clues, contradiction(ev, "sent", "the answer carried a session cookie, and the client did not return it", func(b *Break) bool { return b.Handed != nil && !b.Kept })...)
	clues = append(clues, ev.Clue("https", "the client had come over https", func(b *Break) bool { return b.Scheme == "https" })...)
	clues = append(clues, contradiction(ev, "http", "the client had come over plain http", func(b *Break) bool { return b.Scheme == "http" })...)
	clues = append(clues, contradiction(ev, "store-errors", "the store gave errors", func(b *Break) bool { return b.Result&session.AppError != 0 })...)
	clues = append(clues, keptWhere(ev)...)
	return append(clues, schemeTold(ev)...)
}

// someNever reports whether some other session of the run never was established.
func someNever(ev *Evidence) bool {
	for _, b := range ev.All {
		if b.Kind == "never-established" {
			return true
		}
	}
	return false
}

// keptWhere says whether all instances leave the cookie out, or some.
func keptWhere(ev *Evidence) []Clue {
	from := map[string]int{}
	for _, b := range ev.Breaks {
		from[b.From]++
	}
	if ev.Counts.Honoured == 0 {
		return []Clue{{ID: "nobody", Strength: 1, Text: "no session was ever presented"}}
	}
	if len(from) == 1 && ev.Breaks[0].From != "" {
		return []Clue{{ID: "one-instance", Strength: 1, Text: "it is always the same instance that leaves it out: " + ev.Breaks[0].From}}
	}
	return nil
}

// schemeTold says what the configurations tell the application about the scheme.
func schemeTold(ev *Evidence) []Clue {
	for _, t := range ev.Tiers {
		for _, l := range t.Listeners {
			for _, r := range l.Routes {
				for _, h := range r.Forwarded {
					if !strings.EqualFold(h.Name, "X-Forwarded-Proto") {
						continue
					}
					if strings.EqualFold(h.Value, "http") || strings.EqualFold(h.Value, "$scheme") && ev.Share(func(b *Break) bool { return b.Scheme == "https" }) < 0.5 {
						return []Clue{{ID: "overwritten", Strength: 1, Text: fmt.Sprintf("the balancer tells the application %s: %s, whatever the client used", h.Name, h.Value), Source: h.Pos.String()}}
					}
				}
			}
		}
	}
	return nil
}
