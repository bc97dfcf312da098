package intent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"limpet.dev/intent"
	"limpet.dev/topology"
)

func TestRoutes(t *testing.T) {
	tests := []struct {
		pattern, method, path string
		want                  bool
	}{
		{"POST /login", "POST", "/login", true},
		{"POST /login", "GET", "/login", false},
		{"post /login", "POST", "/login", true},
		{"POST /login", "POST", "/login?next=/cart", true},
		{"POST /login", "POST", "/login;jsessionid=x", true},
		{"POST /login", "POST", "/login/", false},
		{"/cart*", "DELETE", "/cart/items/4", true},
		{"/cart*", "GET", "/cart", true},
		{"/cart*", "GET", "/shop/cart", false},
		{"*/cart/*", "GET", "/shop/cart/4", true},
		{"/a*b*c", "GET", "/axxbyybzzc", true},
		{"/a*b*c", "GET", "/axxbyyb", false},
		{"*", "GET", "/", true},
	}
	for _, tt := range tests {
		in, err := intent.Parse("x", []byte(fmt.Sprintf("sessions: [{routes: {cart: %q}}]", tt.pattern)))
		if err != nil {
			t.Fatal(err)
		}
		if got := in.Sessions[0].Routes.Cart[0].Match(tt.method, tt.path); got != tt.want {
			t.Errorf("%q matches %s %s: %v, want %v", tt.pattern, tt.method, tt.path, got, tt.want)
		}
	}
}

func TestLifetimesMayCountDays(t *testing.T) {
	in, err := intent.Parse("x", []byte("sessions: [{lifetime: {idle: 7d, absolute: 1h30m}}]"))
	if err != nil {
		t.Fatal(err)
	}
	if got := in.Sessions[0].Lifetime; got.Idle != 7*24*time.Hour || got.Absolute != 90*time.Minute {
		t.Errorf("got %+v", got)
	}
}

const canary = "CANARY-7f3a9c"

// A store's URL holds a password; no way of printing an intent shows it.
func TestAStoresPasswordIsNeverPrinted(t *testing.T) {
	in, err := intent.Parse("x", []byte("sessions: [{store: {url: 'redis://user:"+canary+"@host:6379/0?auth="+canary+"'}}]"))
	if err != nil {
		t.Fatal(err)
	}
	u := in.Sessions[0].Store.URL
	if !strings.Contains(u.Raw(), canary) {
		t.Fatal("the URL lost its password")
	}
	encoded, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{string(encoded), u.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		shown = append(shown, fmt.Sprintf(verb, in), fmt.Sprintf(verb, u), fmt.Sprintf(verb, in.Sessions[0]))
	}
	for _, s := range shown {
		if strings.Contains(s, canary) || strings.Contains(s, fmt.Sprintf("%x", canary)) {
			t.Errorf("shows the password: %s", strings.ReplaceAll(s, canary, "(the password)"))
		}
	}
	if got := u.String(); got != "redis://host:6379/0" {
		t.Errorf("shown as %q", got)
	}
}

// A secret may stand on the wrong line or in a broken one: no error repeats it.
func TestErrorsQuoteNoValues(t *testing.T) {
	for _, text := range []string{
		"service: [" + canary,
		"service: {a: " + canary + "}",
		"service: \"" + canary,
		"service: '" + canary + "\nsessions: [}",
		canary,
		canary + ": a",
		canary + ": a\n" + canary + ": b",
		"service: a\n  " + canary + ": b",
		"service: a\n" + canary,
		"redis://user:" + canary + "@host: x",
		"%YAML " + canary + "\n---\na: b",
		"service: &" + canary + " a",
		"service: *" + canary,
		"service: !" + canary + " a",
		"? " + canary + "\n: b",
		"sessions: [{storage: " + canary + "}]",
		"sessions: [{store: {url: " + canary + "}}]",
		"sessions: [{store: " + canary + "}]",
		"sessions: [{lifetime: {idle: " + canary + "}}]",
		"sessions: [{routes: {cart: " + canary + "}}]",
		"sessions: " + canary,
		"sessions: [{name: \"" + canary + "\x07\"}]",
		"tiers: [{name: " + canary + "}, {name: " + canary + "}]",
	} {
		_, err := intent.Parse("x.yaml", []byte(text))
		if err == nil {
			t.Errorf("%s: no error", strings.ReplaceAll(text, canary, "(secret)"))
			continue
		}
		if strings.Contains(strings.ToLower(err.Error()), strings.ToLower(canary)) {
			t.Errorf("the error repeats the secret: %s", strings.ReplaceAll(err.Error(), canary, "(secret)"))
		}
	}
}

func TestWhatIsWrittenReadsBack(t *testing.T) {
	full := parseShop(t)
	odd := &intent.Intent{
		Service: "no", Include: []string{"a b.yaml", "c.yaml"},
		Sessions: []intent.Session{
			{Name: "with: colon", Carrier: intent.Carrier{PathParameter: "jsessionid"}, Storage: intent.Redis,
				Store:    intent.Store{URL: "redis://u:p@h:1/0", Prefix: `s"#{`},
				Routes:   intent.Routes{Cart: []intent.RoutePattern{{Path: "/cart*"}, {Method: "GET", Path: "*/basket"}}},
				Lifetime: intent.Lifetime{Idle: 90 * time.Second, Absolute: 72 * time.Hour}},
			{Name: "42", Carrier: intent.Carrier{Header: "X-Session"}, Critical: []string{"- a", "yes", "ä"}},
		},
		Tiers:  []intent.Tier{{Name: "edge", Config: []string{"a.cfg", "b.cfg"}, Logs: []string{"x y.log"}, Format: `%ci:%cp "%r" #`}},
		Events: []string{"*.jsonl"},
	}
	for _, want := range []*intent.Intent{full, odd, {}} {
		text := intent.Marshal(want, intent.Notes{"sessions[0].storage": "seen in\nevents.jsonl", "tiers": "one # of them"})
		got, err := intent.Parse("back.yaml", text)
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		if a, b := withoutPositions(got), withoutPositions(want); !reflect.DeepEqual(a, b) {
			t.Errorf("got  %+v\nwant %+v\n%s", a, b, text)
		}
	}
}

// withoutPositions is an intent as a new value that knows no lines.
func withoutPositions(in *intent.Intent) intent.Intent {
	c := intent.Intent{Service: in.Service, Include: in.Include, Events: in.Events, Changes: in.Changes}
	for _, s := range in.Sessions {
		s.Pos, s.Carrier.Pos, s.Store.Pos, s.Lifetime.Pos = topology.Pos{}, topology.Pos{}, topology.Pos{}, topology.Pos{}
		c.Sessions = append(c.Sessions, s)
	}
	for _, tier := range in.Tiers {
		tier.Pos = topology.Pos{}
		c.Tiers = append(c.Tiers, tier)
	}
	for _, i := range in.Instances {
		i.Pos = topology.Pos{}
		c.Instances = append(c.Instances, i)
	}
	return c
}

func TestThePublishedSchemaIsCurrent(t *testing.T) {
	published, err := os.ReadFile("../docs/limpet.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(published, intent.Schema()) {
		t.Error("docs/limpet.schema.json is not what the table of keys says: run go generate ./intent")
	}
}

func FuzzParse(f *testing.F) {
	shop, err := os.ReadFile("testdata/shop.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(shop)
	f.Add([]byte("sessions:\n- name:\n"))
	for _, seed := range []string{"", "a", "- [", "sessions:\n- carrier: {cookie: a}\n", "service: |\n  a\n  b\n", "? a\n: b", "a: {b: [c, {d: e}]}", "service: \"\\x41\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := intent.Parse("f.yaml", data)
		if err != nil {
			return
		}
		text := intent.Marshal(in, nil)
		again, err := intent.Parse("f.yaml", text)
		if err != nil {
			t.Fatalf("what was written does not read back: %v\n%q\nfrom %q", err, text, data)
		}
		if a, b := withoutPositions(in), withoutPositions(again); !reflect.DeepEqual(a, b) {
			t.Fatalf("what was written reads back as something else:\n%+v\n%+v\n%q", a, b, text)
		}
	})
}
