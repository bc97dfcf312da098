package intent_test

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"limpet.dev/intent"
	"limpet.dev/topology"
)

func parseShop(t *testing.T) *intent.Intent {
	t.Helper()
	data, err := os.ReadFile("testdata/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	in, err := intent.Parse("shop.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestEveryKeyOfTheExampleArrives(t *testing.T) {
	in := parseShop(t)
	if in.Service != "shop" || len(in.Sessions) != 1 || len(in.Tiers) != 1 || len(in.Instances) != 2 {
		t.Fatalf("got %+v", in)
	}
	s := in.Sessions[0]
	if s.Carrier.String() != "cookie SHOPSESSION" || s.Storage != intent.Memory || s.Shared() {
		t.Errorf("session is %s in %s", s.Carrier, s.Storage)
	}
	if s.Store.URL.Raw() != "redis://127.0.0.1:6379/0" || s.Store.Prefix != "sess:" {
		t.Errorf("store is %+v", s.Store)
	}
	if s.Lifetime.Idle != 30*time.Minute || s.Lifetime.Absolute != 8*time.Hour {
		t.Errorf("lifetime is %+v", s.Lifetime)
	}
	want := intent.Routes{
		Login: []intent.RoutePattern{{Method: "POST", Path: "/login"}}, Logout: []intent.RoutePattern{{Method: "POST", Path: "/logout"}},
		Cart: []intent.RoutePattern{{Path: "/cart*"}}, Checkout: []intent.RoutePattern{{Path: "/checkout*"}},
	}
	if !reflect.DeepEqual(s.Routes, want) || !reflect.DeepEqual(s.Critical, []string{"cart"}) {
		t.Errorf("routes are %+v, critical %v", s.Routes, s.Critical)
	}
	tier := in.Tiers[0]
	if tier.Name != "edge" || tier.Product != "haproxy" || tier.Pool != "be_app" || tier.Config[0] != "haproxy.cfg" || tier.Logs[0] != "haproxy.log" {
		t.Errorf("tier is %+v", tier)
	}
	if in.Instances[1].Name != "app2" || in.Instances[1].Address != "127.0.0.1:9002" {
		t.Errorf("instances are %+v", in.Instances)
	}
	if in.Events[0] != "events.jsonl" || in.Changes[0] != "changes.jsonl" {
		t.Errorf("events %v, changes %v", in.Events, in.Changes)
	}
}

func TestEveryKeyKnowsItsLine(t *testing.T) {
	in := parseShop(t)
	for path, line := range map[string]int{
		"service": 1, "sessions": 2, "sessions[0]": 3, "sessions[0].carrier.cookie": 4, "sessions[0].storage": 5,
		"sessions[0].store.url": 6, "sessions[0].lifetime.absolute": 7, "sessions[0].routes.checkout": 8, "sessions[0].critical[0]": 9,
		"tiers[0].pool": 11, "instances[1].address": 12, "events[0]": 13, "changes": 14,
	} {
		if got, want := in.At(path), (topology.Pos{File: "shop.yaml", Line: line}); got != want {
			t.Errorf("%s is at %v, want %v", path, got, want)
		}
	}
	if in.Sessions[0].Pos.Line != 3 || in.Sessions[0].Carrier.Pos.Line != 4 || in.Tiers[0].Pos.Line != 11 || in.Instances[1].Pos.Line != 12 {
		t.Error("an object does not know its line")
	}
}

func TestWhatIsWrongIsSaidWithFileAndLine(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"a misspelt key", "service: a\nsesions: []", `x.yaml:2: unknown key "sesions"; did you mean "sessions"?`},
		{"a misspelt key inside", "sessions:\n  - carier: {cookie: a}", `x.yaml:2: unknown key "carier" in a session; did you mean "carrier"?`},
		{"swapped letters", "tiers:\n - proudct: a", `x.yaml:2: unknown key "proudct" in a tier; did you mean "product"?`},
		{"a key that resembles none", "colour: red", `x.yaml:1: unknown key "colour"; known here: service, include, sessions, tiers, instances, events, changes`},
		{"a key given twice", "service: a\nservice: b", `x.yaml:2: key "service" is given twice`},
		{"a storage that is none", "sessions:\n - storage: memry", `x.yaml:2: sessions[0].storage: unknown storage; did you mean "memory"?`},
		{"two carriers", "sessions:\n - carrier: {cookie: a, header: b}", "x.yaml:2: carrier takes exactly one of cookie, header, query, path parameter"},
		{"no carrier", "sessions:\n - carrier: {}", "x.yaml:2: carrier takes exactly one of"},
		{"a duration without unit", "sessions:\n - lifetime:\n     idle: 30", `x.yaml:3: sessions[0].lifetime.idle: a duration needs its unit: "30m", "8h", "7d"`},
		{"a negative duration", "sessions:\n - lifetime: {idle: -5m}", "x.yaml:2: sessions[0].lifetime.idle: a lifetime is longer than nothing"},
		{"an endless duration", "sessions:\n - lifetime: {idle: 99999999d}", "a lifetime is at most ten years"},
		{"a route without slash", "sessions:\n - routes: {login: POST login}", "x.yaml:2: sessions[0].routes.login: a route's path begins with /"},
		{"a route of three words", "sessions:\n - routes: {login: POST GET /login}", "x.yaml:2: sessions[0].routes.login: a route is a path, or a method and a path"},
		{"a list where a mapping belongs", "sessions:\n - carrier: [a]", "x.yaml:2: sessions[0].carrier is a mapping with the keys"},
		{"a mapping where a list belongs", "sessions:\n  name: a", "x.yaml:2: sessions is a list: begin each entry with a dash"},
		{"a mapping where a text belongs", "service: {a: b}", "x.yaml:1: service is one text"},
		{"not a mapping at all", "- a\n- b", "x.yaml:1: limpet.yaml is a mapping with the keys"},
		{"two tiers of one name", "tiers:\n - name: a\n - name: a", "x.yaml:3: this tier has the name of the one in line 2"},
		{"an unfinished bracket", "service: a\nevents: [a", "x.yaml:2: is not YAML"},
		{"a tab for indentation", "sessions:\n\t- name: a", "x.yaml:2: is not YAML"},
		{"an anchor", "service: &a x", "x.yaml:1: anchors are not used"},
		{"an alias", "service: a\nevents: *a", "x.yaml:2: aliases are not used"},
		{"a tag", "service: !!binary aGk=", "x.yaml:1: tags are not used"},
		{"a merge", "sessions:\n - <<: {name: a}", "x.yaml:2: merge keys are not used"},
		{"a second document", "service: a\n---\nservice: b", "x.yaml:2: a second document begins here"},
		{"a NUL byte", "service: a\nevents: \x00", "x.yaml:2: is not text"},
		{"Latin-1", "service: caf\xe9", "x.yaml:1: is not text"},
		{"an empty value", "service: ''", "x.yaml:1: service: is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in, err := intent.Parse("x.yaml", []byte(tt.yaml))
			if err == nil {
				t.Fatalf("read as %+v", in)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %q\nwant %q", err, tt.want)
			}
		})
	}
}

func TestAllThatIsWrongIsSaidAtOnce(t *testing.T) {
	_, err := intent.Parse("x.yaml", []byte("srvice: a\nsessions:\n - storage: disk\n   critcal: [a]\n"))
	if got := strings.Count(fmt.Sprint(err), "x.yaml:"); got != 3 {
		t.Errorf("%d problems, want 3:\n%v", got, err)
	}
}

func TestAnEmptyFileIsAnEmptyIntent(t *testing.T) {
	for _, text := range []string{"", "# nothing yet\n", "---\n", "service:\nsessions:\n"} {
		in, err := intent.Parse("x.yaml", []byte(text))
		if err != nil || in.Service != "" || len(in.Sessions) != 0 {
			t.Errorf("%q: %+v, %v", text, in, err)
		}
	}
}

// What costs the library minutes is refused before it sees it. The test has no clock: it
// would not end in time if the parser got the file.
func TestHostileFilesAreRefusedBeforeTheyAreParsed(t *testing.T) {
	const n = 60_000
	for name, text := range map[string]string{
		"nested lists":      "events: " + strings.Repeat("[", n) + strings.Repeat("]", n),
		"open lists":        "events: " + strings.Repeat("[", n),
		"nested mappings":   "service: " + strings.Repeat("{a: ", n),
		"nested entries":    strings.Repeat("- ", n) + "a",
		"hidden in quotes":  "service: 'a\nevents: \"]]]\"\n'\nevents: " + strings.Repeat("[", n),
		"complex keys":      strings.Repeat("? ", n) + "a",
		"many documents":    strings.Repeat("---\na: b\n", n/4),
		"aliases of alias":  "a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n",
		"far too long":      "service: " + strings.Repeat("a", 300<<10),
		"nested by columns": nestedByColumns(400),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := intent.Parse("x.yaml", []byte(text))
			var bad *topology.SyntaxError
			if !errors.As(err, &bad) {
				t.Fatalf("got %v, want a SyntaxError", err)
			}
			if len(err.Error()) > 200 {
				t.Errorf("the message is %d bytes long", len(err.Error()))
			}
		})
	}
}

func nestedByColumns(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestIncludedFilesComeFirstAndKeepTheirPositions(t *testing.T) {
	fsys := fstest.MapFS{
		"conf/limpet.yaml":      {Data: []byte("service: shop\ninclude: team/edge.yaml\ntiers:\n - {name: app, logs: [nginx.log]}\nevents: e.jsonl\n")},
		"conf/team/edge.yaml":   {Data: []byte("# edge\nservice: other\ntiers:\n - {name: edge, config: haproxy.cfg, logs: [a.log]}\n")},
		"conf/loop.yaml":        {Data: []byte("include: loop.yaml\n")},
		"conf/out.yaml":         {Data: []byte("service: a\ninclude: [../../etc/passwd]\n")},
		"conf/same.yaml":        {Data: []byte("include: team/edge.yaml\ntiers: [{name: edge}]\n")},
		"conf/missing.yaml":     {Data: []byte("include: nowhere.yaml\n")},
		"conf/broken.yaml":      {Data: []byte("include: team/broken.yaml\n")},
		"conf/team/broken.yaml": {Data: []byte("\nsevice: a\n")},
	}
	in, err := intent.Load(fsys, "conf/limpet.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if in.Service != "shop" || len(in.Tiers) != 2 || in.Tiers[0].Name != "edge" || in.Tiers[1].Name != "app" {
		t.Fatalf("got %+v", in)
	}
	if got := in.Tiers[0].Pos.String(); got != "conf/team/edge.yaml:4" {
		t.Errorf("the included tier is at %s", got)
	}
	if got := in.Tiers[0].Config[0] + " " + in.Tiers[1].Logs[0]; got != "team/haproxy.cfg nginx.log" {
		t.Errorf("paths are %q", got)
	}
	for name, want := range map[string]string{
		"conf/loop.yaml": "loop.yaml:1: this file is included already", "conf/out.yaml": "out.yaml:2: an included file lies",
		"conf/same.yaml": "same.yaml:2: this tier has the name", "conf/missing.yaml": "included by conf/missing.yaml:1: open",
		"conf/broken.yaml": "included by conf/broken.yaml:1: conf/team/broken.yaml:2: unknown key",
	} {
		if _, err := intent.Load(fsys, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}
