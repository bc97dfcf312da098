package haproxy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"limpet.dev/lb"
	"limpet.dev/lb/lbtest"
	"limpet.dev/topology"
)

// browser is a client that keeps cookies, and one session cookie of its own.
type browser struct {
	t   *testing.T
	r   *router
	jar map[string]string
	// refuse names a server that refuses connections though nobody knows yet.
	refuse string
}

// get sends a request as a proxy would and returns the server, "" if none answered.
func (b *browser) get() string {
	b.t.Helper()
	var cookies []string
	for _, n := range []string{"SRV", "SID"} {
		if v, ok := b.jar[n]; ok {
			cookies = append(cookies, n+"="+v)
		}
	}
	h := http.Header{}
	if len(cookies) > 0 {
		h.Set("Cookie", strings.Join(cookies, "; "))
	}
	c := lbtest.Call("GET", "/a/b?sid=u7", "127.0.0.9", h)
	d := b.r.Route(c)
	for attempt := 1; d.Instance != "" && d.Instance == b.refuse; attempt++ {
		next, ok := b.r.Failed(c, d, attempt)
		if d = next; !ok {
			return ""
		}
	}
	if d.Instance == "" {
		return ""
	}
	_, lines := b.r.Answered(c, d, lb.Answer{Status: 200, SetCookie: b.application()})
	for _, line := range lines {
		name, rest, _ := strings.Cut(line, "=")
		b.jar[name], _, _ = strings.Cut(rest, ";")
	}
	return d.Instance
}

// application sets the session cookie for a client that has none.
func (b *browser) application() []string {
	if _, ok := b.jar["SID"]; ok {
		return nil
	}
	return []string{"SID=u7; Path=/"}
}

// What the topology says of a bound client is what the router does, which is proven on the real program.
func TestFatesAreWhatTheRouterDoes(t *testing.T) {
	const servers = " server s1 127.0.0.1:1 check cookie A\n server s2 127.0.0.1:2 check cookie B\n server s3 127.0.0.1:3 check cookie C\n"
	for name, text := range map[string]string{
		"insert":            "cookie SRV insert indirect\n" + servers,
		"insert, redisp":    "cookie SRV insert\n option redispatch\n" + servers,
		"insert, persist":   "cookie SRV insert\n option persist\n" + servers,
		"persist, redisp":   "cookie SRV insert\n option persist\n option redispatch\n" + servers,
		"insert, unchecked": "cookie SRV insert\n" + strings.ReplaceAll(servers, " check", ""),
		"prefix":            "cookie SID prefix\n" + servers,
		"table":             "stick-table type ip size 10k\n stick on src\n" + servers,
		"table, cookie":     "stick-table type string len 32 size 10k\n stick on req.cook(SID)\n stick store-response res.cook(SID)\n" + servers,
		"table with peers":  "stick-table type ip size 10k peers p\n stick on src\n" + servers + "peers p\n peer a 127.0.0.1:1\n peer b 127.0.0.1:2\n",
		"source":            "balance source\n" + servers,
		"cookie hash":       "balance hash req.cook(SID)\n hash-type consistent\n" + servers,
		"path":              "balance uri\n" + servers,
	} {
		t.Run(name, func(t *testing.T) {
			config := "defaults\n mode http\nbackend b\n " + text
			pool, _ := parse(t, config).Pool("b")
			if len(pool.Affinity) == 0 {
				t.Fatal("no affinity")
			}
			a := pool.Affinity[0]
			checked := pool.Instances[0].Check != nil
			expect(t, "down", a.WhenDown, func() topology.Fate { return fateDown(t, config, checked) })
			expect(t, "drained", a.WhenDrained, func() topology.Fate { return fateAfter(t, config, (*router).drainBound) })
			expect(t, "reloaded", a.WhenReloaded, func() topology.Fate {
				return fateAfter(t, config, func(r *router, _ string) {
					r.Reload()
					r.choose(&request{Call: lbtest.Call("GET", "/", "127.0.0.1", nil)}, nil)
				})
			})
		})
	}
}

func (r *router) drainBound(server string) { r.SetDrain(server, true) }

func expect(t *testing.T, what string, said topology.Fate, does func() topology.Fate) {
	t.Helper()
	if got := does(); got != said {
		t.Errorf("%s: the topology says %q, the router does %q", what, said, got)
	}
}

func bound(t *testing.T, config string) (*browser, string) {
	t.Helper()
	b := &browser{t: t, r: mustRouter(t, config, "b", ""), jar: map[string]string{}}
	b.get()
	at := b.get()
	if again := b.get(); again != at || at == "" {
		t.Fatalf("the client is not bound: %q then %q", at, again)
	}
	return b, at
}

// fateDown makes the client's server refuse connections, tells the router if there is a check,
// and heals it again.
func fateDown(t *testing.T, config string, checked bool) topology.Fate {
	t.Helper()
	b, at := bound(t, config)
	b.refuse = at
	if checked {
		b.r.SetUp(at, false)
	}
	moved := b.get()
	b.refuse = ""
	b.r.SetUp(at, true)
	switch after := b.get(); {
	case moved == "":
		return topology.Fails
	case moved != at && after == at:
		return topology.MovesBack
	case moved != at:
		return topology.Moves
	}
	return topology.Stays
}

func fateAfter(t *testing.T, config string, do func(*router, string)) topology.Fate {
	t.Helper()
	b, at := bound(t, config)
	do(b.r, at)
	if b.get() != at {
		return topology.Moves
	}
	return topology.Stays
}

// Each family of affinity is recognised. Proves S15.
func TestFamiliesAreRecognised(t *testing.T) {
	for text, want := range map[string]string{
		"cookie SRV insert":                             "balancer cookie, inserted: cookie SRV",
		"cookie SRV rewrite":                            "application cookie, rewritten: cookie SRV",
		"cookie SID prefix":                             "application cookie, prefixed: cookie SID",
		"cookie SRV":                                    "cookie, read only: cookie SRV",
		"balance source":                                "client address: source address",
		"balance uri":                                   "hash of the address line: path",
		"balance url_param sid":                         "hash of the address line: query parameter sid",
		"balance hdr(X-User)":                           "hash of a header: header X-User",
		"balance hash req.cook(SID)":                    "hash of a cookie: cookie SID",
		"balance hash src,ipmask(24)":                   "client address: source address (src,ipmask(24))",
		"balance rdp-cookie":                            "hash of another value: rdp_cookie(mstshash)",
		"stick-table type ip size 1k\n stick on src":    "learned table: source address",
		"persist rdp-cookie(msts)":                      "cookie, read only: RDP cookie msts",
		"use-server s if { path /x }":                   "fixed rule: server s",
		"balance roundrobin":                            "",
		"balance leastconn\n option prefer-last-server": "",
	} {
		cfg := parse(t, "backend b\n mode http\n "+text+"\n server s 127.0.0.1:1\n")
		var got []string
		for _, a := range cfg.Pools[0].Affinity {
			got = append(got, fmt.Sprint(a.Method, ": ", a.Carrier))
		}
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("%q: got %q, want %q", text, s, want)
		}
	}
}

// A reload keeps the version: the ring of 3.2 differs from that of 2.6.
func TestAReloadKeepsTheRing(t *testing.T) {
	const config = "defaults\n mode http\nbackend b\n balance source\n hash-type consistent\n server s1 127.0.0.1:1\n server s2 127.0.0.1:2\n server s3 127.0.0.1:3\n"
	r, other := mustRouter(t, config, "b", "3.2.0"), mustRouter(t, config, "b", "2.6.12")
	differ := 0
	for i := range 100 {
		c := lbtest.Call("GET", "/", fmt.Sprintf("10.0.0.%d", i+1), nil)
		before := r.Route(c).Instance
		r.Reload()
		if after := r.Route(c).Instance; after != before {
			t.Fatalf("client %d: %s before the reload, %s after it", i, before, after)
		}
		if other.Route(c).Instance != before {
			differ++
		}
	}
	if differ < 30 {
		t.Errorf("%d of 100 clients differ between 2.6.12 and 3.2.0, want most", differ)
	}
}
