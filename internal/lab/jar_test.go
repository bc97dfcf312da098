package lab

import (
	"testing"
	"time"
)

// TestJarSendsWhatABrowserSends walks through the rules of RFC 6265bis that decide whether
// a session cookie comes back.
func TestJarSendsWhatABrowserSends(t *testing.T) {
	now := time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)
	get := navigation{method: "GET", path: "/cart"}
	crossGet := navigation{method: "GET", path: "/cart", crossSite: true}
	crossPost := navigation{method: "POST", path: "/checkout/return", crossSite: true}
	tests := []struct {
		name  string
		jar   jar
		set   []string
		later time.Duration
		nav   navigation
		want  string
	}{
		{"plain", jar{}, []string{"A=1; Path=/"}, 0, get, "A=1"},
		{"two", jar{}, []string{"A=1; Path=/", "SRV=s1; path=/"}, 0, get, "A=1; SRV=s1"},
		{"replaced", jar{}, []string{"A=1; Path=/", "A=2; Path=/"}, 0, get, "A=2"},
		{"deleted by Max-Age", jar{}, []string{"A=1; Path=/", "A=deleted; Path=/; Max-Age=0"}, 0, get, ""},
		{"deleted by Expires", jar{}, []string{"A=1; Path=/", "A=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/"}, 0, get, ""},
		{"Max-Age over", jar{}, []string{"A=1; Path=/; Max-Age=60"}, time.Minute, get, ""},
		{"Max-Age running", jar{}, []string{"A=1; Path=/; Max-Age=60"}, 59 * time.Second, get, "A=1"},
		{"another path", jar{}, []string{"A=1; Path=/admin"}, 0, get, ""},
		{"path is no prefix of a word", jar{}, []string{"A=1; Path=/car"}, 0, get, ""},
		{"Secure over http", jar{}, []string{"A=1; Path=/; Secure"}, 0, get, ""},
		{"Secure over https", jar{secure: true}, []string{"A=1; Path=/; Secure"}, 0, get, "A=1"},
		{"foreign Domain", jar{}, []string{"A=1; Path=/; Domain=other.example"}, 0, get, ""},
		{"parent Domain", jar{}, []string{"A=1; Path=/; Domain=.example"}, 0, get, "A=1"},
		{"None without Secure", jar{}, []string{"A=1; Path=/; SameSite=None"}, 0, get, ""},
		{"Lax, cross-site GET", jar{}, []string{"A=1; Path=/; SameSite=Lax"}, 0, crossGet, "A=1"},
		{"Lax, cross-site POST", jar{}, []string{"A=1; Path=/; SameSite=Lax"}, 0, crossPost, ""},
		{"Strict, cross-site GET", jar{}, []string{"A=1; Path=/; SameSite=Strict"}, 0, crossGet, ""},
		{"no attribute, cross-site POST, young, Chrome", jar{family: familyChrome}, []string{"A=1; Path=/"}, time.Minute, crossPost, "A=1"},
		{"no attribute, cross-site POST, old, Chrome", jar{family: familyChrome}, []string{"A=1; Path=/"}, 3 * time.Minute, crossPost, ""},
		{"no attribute, cross-site POST, old, Firefox", jar{family: familyFirefox}, []string{"A=1; Path=/"}, 3 * time.Minute, crossPost, "A=1"},
		{"not kept", jar{ignores: func(name string) bool { return name == "SRV" }}, []string{"A=1; Path=/", "SRV=s1; Path=/"}, 0, get, "A=1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.jar.host = shopHost
			tt.jar.store(tt.set, "/login", now)
			if got := tt.jar.header(tt.nav, now.Add(tt.later)); got != tt.want {
				t.Errorf("sends %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDefaultPath(t *testing.T) {
	for path, want := range map[string]string{"/": "/", "/login": "/", "/a/b": "/a", "": "/"} {
		if got := defaultPath(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}
