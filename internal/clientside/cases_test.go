package clientside_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"limpet.dev/capture"
	"limpet.dev/session"
)

const iOS12 = "Mozilla/5.0 (iPhone; CPU iPhone OS 12_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1"

// A made case is a cause that no browser of today can show: its captures and events are written by hand.
type madeCase struct {
	cause, name, story string
	files              map[string]string
	broken             string // the credential of the session that broke
}

func madeCases() []madeCase {
	phone := strings.ReplaceAll(har(
		entry{at: 0, method: "POST", url: "https://shop.test/login", answer: []string{"Set-Cookie: sid=4711; Path=/; Secure; HttpOnly; SameSite=None"}},
		entry{at: 1, url: "https://shop.test/account", request: []string{"Cookie: sid=4711"}},
		entry{at: 40, url: "https://shop.test/welcome", request: []string{"Referer: https://idp.example/"}, status: 302, answer: []string{"Location: /login"}},
	), chromeAgent, iOS12)
	origin := har(entry{at: 0, method: "POST", url: "https://shop.test/login", answer: []string{"Set-Cookie: sid=4712; Path=/; Secure; HttpOnly; SameSite=Lax"}})
	edge := har(entry{at: 60, method: "POST", url: "https://shop.test/login", answer: []string{"Via: 1.1 edge (CDN)", "X-Cache: Miss"}},
		entry{at: 61, url: "https://shop.test/cart", status: 302, answer: []string{"Location: /login", "Via: 1.1 edge (CDN)"}})
	id := session.Key(caseKey).Pseudonym([]byte("4713")).String()
	var events strings.Builder
	at := 0
	event := func(name, rest string) {
		at += 5
		fmt.Fprintf(&events, `{"time":"2026-01-02T10:%02d:%02dZ","event":"websession.%s","session":"%s","instance":"app1","store":"redis"%s}`+"\n", at/60, at%60, name, id, rest)
	}
	event("create", `,"result":"hit","route":"/login"`)
	event("read", `,"result":"hit","route":"/cart"`)
	event("read", `,"result":"hit","route":"/cart"`)
	event("read", `,"result":"miss","reason":"ip-mismatch","route":"/cart"`)
	cases := []madeCase{
		{"samesite-legacy-client", "iphone-ios12", "An iPhone with iOS 12 signs in, visits an identity provider and comes back without its session: it takes SameSite=None for Strict.", map[string]string{"session.har": phone}, "4711"},
		{"cookie-stripped-by-cdn", "origin-and-edge", "The application's own answer sets the session cookie; the same request through the CDN gets none.", map[string]string{"1-origin.har": origin, "2-edge.har": edge}, "4712"},
		{"session-ip-binding", "phone-changes-networks", "A phone changes networks; the application rejects the session because of the address.", map[string]string{"events.jsonl": events.String()}, "4713"},
	}
	return append(cases, nearMisses()...)
}

// nearMisses are captures in which the same rule is at work and nothing is lost: one for each cause.
func nearMisses() []madeCase {
	const cart = "https://shop.test/cart"
	login := func(attributes string) entry {
		return entry{at: 0, method: "POST", url: "https://shop.test/login", answer: []string{"Set-Cookie: sid=4711; Path=/; Secure" + attributes}}
	}
	signedIn := func(at int, url string) entry { return entry{at: at, url: url, request: []string{"Cookie: sid=4711"}} }
	from := func(at int, url, site string, more ...string) entry {
		return entry{at: at, url: url, request: append([]string{"Referer: " + site}, more...)}
	}
	near := func(cause, story string, entries ...entry) madeCase {
		return madeCase{"none", "near-" + cause, story, map[string]string{"session.har": har(entries...)}, ""}
	}
	old := near("samesite-legacy-client", "An iPhone with iOS 12 comes from another site to a page that everybody may see; its session goes on.",
		login("; SameSite=None"), signedIn(1, cart), from(40, "https://shop.test/news", "https://idp.example/"), signedIn(50, cart))
	old.files["session.har"] = strings.ReplaceAll(old.files["session.har"], chromeAgent, iOS12)
	both := signedIn(1, "https://shop.test/cart/show")
	both.request = []string{"Cookie: sid=4711; sid=old"}
	wiki := entry{at: 2, url: "https://shop.test/wiki/", request: []string{"Cookie: sid=4711"}, answer: []string{"Set-Cookie: wiki=1; Path=/wiki; Secure"}}
	id := session.Key(caseKey).Pseudonym([]byte("4714")).String()
	idle := fmt.Sprintf(`{"time":"2026-01-02T10:00:00Z","event":"websession.create","session":"%[1]s","result":"hit","instance":"app1","route":"/login"}
{"time":"2026-01-02T10:00:10Z","event":"websession.read","session":"%[1]s","result":"hit","instance":"app1","route":"/cart"}
{"time":"2026-01-02T10:40:00Z","event":"websession.read","session":"%[1]s","result":"miss","reason":"idle","instance":"app1","route":"/cart"}
`, id)
	return []madeCase{
		near("samesite-strict-redirect", "A link from another site leads to a page that everybody may see: the Strict cookie stays at home and nobody misses it.",
			login("; SameSite=Strict"), signedIn(1, cart), from(40, "https://shop.test/news", "https://idp.example/"), signedIn(50, cart)),
		old,
		near("cookie-duplicate-scope", "Two cookies of one name are presented, and the application reads the right one.",
			entry{at: 0, method: "POST", url: "https://shop.test/login", answer: []string{"Set-Cookie: sid=4711; Path=/cart/; Secure", "Set-Cookie: sid=old; Path=/; Secure"}}, both, both),
		near("cookie-name-collision", "A second application on the host keeps its own cookie under a name of its own.", login(""), signedIn(1, cart), wiki, signedIn(3, cart)),
		near("cookie-path-rewrite", "The session belongs to /app only, and the help pages beside it need none.",
			entry{at: 0, method: "POST", url: "https://shop.test/app/login", answer: []string{"Set-Cookie: sid=4711; Path=/app; Secure"}}, signedIn(1, "https://shop.test/app/cart"),
			entry{at: 2, url: "https://shop.test/help"}, signedIn(3, "https://shop.test/app/cart")),
		near("cookie-domain-invalid", "A cookie of measuring names a foreign domain and is refused; the session is fine.",
			login(""), entry{at: 1, url: cart, request: []string{"Cookie: sid=4711"}, answer: []string{"Set-Cookie: _ga=1; Domain=metrics.example"}}, signedIn(2, cart)),
		near("cookie-too-large", "A cookie of taste is too large and is refused; the session is fine.",
			login(""), entry{at: 1, url: cart, request: []string{"Cookie: sid=4711"}, answer: []string{"Set-Cookie: theme=" + strings.Repeat("x", 5000)}}, signedIn(2, cart)),
		near("third-party-cookie-blocked", "A frame in another site shows a page that needs no session.",
			login("; SameSite=Lax"), signedIn(1, cart), from(40, "https://shop.test/widget", "https://portal.example/", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"), signedIn(50, cart)),
		near("client-credentials-omitted", "A script asks the shop's other host for public data, without credentials.",
			login("; Domain=shop.test"), signedIn(1, cart), entry{at: 2, kind: "fetch", url: "https://api.shop.test/prices", request: []string{"Origin: https://shop.test", "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors"}}, signedIn(3, cart)),
		near("secure-cookie-over-http", "An old http address leads to https at once.",
			login(""), signedIn(1, cart), entry{at: 2, url: "http://shop.test/cart", status: 301, answer: []string{"Location: " + cart}}, signedIn(3, cart)),
		near("cookie-stripped-by-cdn", "A page out of the CDN sets no cookie, and need not.",
			login(""), signedIn(1, cart), entry{at: 2, url: "https://shop.test/static/x.css", kind: "stylesheet", answer: []string{"Via: 1.1 edge (CDN)", "X-Cache: Hit"}}, signedIn(3, cart)),
		{"none", "near-session-ip-binding", "The session ended because it was idle, as it should.", map[string]string{"events.jsonl": idle}, ""},
	}
}

// TestMadeCasesAreKept: the cases that are written by hand lie in the catalogue as they are made here; LIMPET_RECORD writes them.
func TestMadeCasesAreKept(t *testing.T) {
	for _, c := range madeCases() {
		var text strings.Builder
		fmt.Fprintf(&text, "%s\n\nWritten by: LIMPET_RECORD=cause/testdata go test ./internal/clientside -run MadeCases\n\n-- limpet.key --\n%x\n", c.story, caseKey[:])
		for _, name := range []string{"1-origin.har", "2-edge.har", "events.jsonl", "session.har"} {
			body := c.files[name]
			if strings.HasSuffix(name, ".har") && body != "" {
				var out strings.Builder
				if err := (&capture.Scrubber{Key: caseKey}).ScrubHAR(&out, strings.NewReader(body)); err != nil {
					t.Fatal(err)
				}
				body = out.String()
			}
			if body != "" {
				fmt.Fprintf(&text, "-- %s --\n%s", name, body)
			}
		}
		if c.broken == "" {
			fmt.Fprintf(&text, "-- want --\n%s\nbreaks 0\n", c.cause)
		} else {
			fmt.Fprintf(&text, "-- want --\n%s\nbreaks 1\nbroken %s\n", c.cause, session.Key(caseKey).Pseudonym([]byte(c.broken)))
		}
		path := filepath.Join("..", "..", "cause", "testdata", c.cause, c.name+".txtar")
		if os.Getenv("LIMPET_RECORD") != "" {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		kept, err := os.ReadFile(path)
		if err != nil || string(kept) != text.String() {
			t.Errorf("%s/%s differs from what is made here: %v", c.cause, c.name, err)
		}
	}
}
