package haproxy

import (
	"testing"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// TestObjectsThatNobodyDeclared: JSON lines tell by their keys what they hold.
func TestObjectsThatNobodyDeclared(t *testing.T) {
	const first = `{"time":"24/Nov/2026:10:39:03.119","client_ip":"10.0.0.7","backend":"be","server":"s1","status":200,"bytes":1543,"method":"GET","path":"/cart?x=1","termination_state":"--VN","Ta":12,"user_agent":"Mozilla \"5\"","session_cookie":"abc"}`
	const second = `{"time":"24/Nov/2026:10:39:04.119","client_ip":"10.0.0.8","backend":"be","server":"<NOSRV>","status":503,"bytes":0,"method":"POST","path":"/a","termination_state":"SCDI","Ta":-1,"user_agent":"a, b","session_cookie":"-"}`
	p := mustParser(t, lb.LogOptions{Sample: []byte(first + "\n" + second + "\n")})
	if p.Format() != "haproxy/json" {
		t.Errorf("format %s", p.Format())
	}
	var e session.Event
	if skip := p.Parse([]byte(first), &e); skip != lb.Read {
		t.Fatal(skip)
	}
	if e.Start != time.Date(2026, 11, 24, 10, 39, 3, 119e6, time.UTC).UnixNano() || string(e.Client) != "10.0.0.7" || string(e.Instance) != "s1" || e.Status != 200 || e.TotalMs != 12 ||
		string(e.UserAgent) != `Mozilla "5"` || string(e.Session.Raw) != "abc" || string(e.Target) != "/cart?x=1" || e.Flow.Affinity != session.AffinityValid || e.Bytes != 1543 {
		t.Errorf("first line: client %s, instance %s, status %d, agent %s, %+v", e.Client, e.Instance, e.Status, e.UserAgent, e.Flow)
	}
	if skip := p.Parse([]byte(second), &e); skip != lb.Read || !e.Flow.Unserved || !e.Session.Empty() || e.TotalMs != session.UnknownMs || string(e.UserAgent) != "a, b" {
		t.Errorf("second line: %q, %+v", skip, e.Flow)
	}
	if e.Has&(session.HasSession|session.HasInstance|session.HasUserAgent|session.HasReferer) != session.HasSession|session.HasInstance|session.HasUserAgent {
		t.Errorf("facts %b", e.Has)
	}
}
