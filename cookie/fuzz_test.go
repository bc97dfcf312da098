package cookie

import (
	"strings"
	"testing"
)

// FuzzSet gives any line to every client: none panics, a line is kept or refused for a
// reason, what is kept stays within the client's limits, and the value shows nowhere.
func FuzzSet(f *testing.F) {
	for _, line := range append(gridLines, speedLines...) {
		f.Add(line, "https://www.shop.example/app/login")
	}
	f.Add("a=1; Path=/, b=2; Path=/", "http://127.0.0.1/")
	f.Add("=__Host-x; Domain=..; Max-Age=\xff; Expires=1 Jan 1 1:1:1; SameSite", "http://[::1]:8080")
	f.Add("\x00=\t;;=;domain", "https://bücher.example/a%20b?q")
	f.Fuzz(func(t *testing.T, line, address string) {
		u, err := ParseURL(address)
		if err != nil {
			u = parse(t, "https://shop.example/a")
		}
		requests := []*Request{Typed(u), Embed(parse(t, "https://other.test/"), u), Document(u)}
		for _, client := range table {
			for _, r := range requests {
				jar := NewJar(client)
				v := jar.Set(line, r, noon)
				if v.Kept() != (v.Why == 0) || v.Kept() != (jar.Len() == 1) {
					t.Fatalf("%s: %v for %q with %d cookies in the jar", client.ID, v.Outcome, v.Why, jar.Len())
				}
				if !v.Kept() {
					continue
				}
				if limit := client.Rules.MaxPair; limit > 0 && len(v.Cookie.Name)+len(v.Cookie.Value) > limit {
					t.Fatalf("%s keeps %d octets", client.ID, len(v.Cookie.Name)+len(v.Cookie.Value))
				}
				if c := v.Cookie; c.Expires.Before(noon) && c.Persistent() || c.Domain == "" || c.Domain != u.Host && !under(u.Host, c.Domain) {
					t.Fatalf("%s keeps a cookie of domain %q that ends %v", client.ID, c.Domain, c.Expires)
				}
				header := string(jar.AppendHeader(nil, r, noon))
				if client.Rules.Dialect == Bis && strings.ContainsAny(header, "\r\n\x00") {
					t.Fatalf("%s sends control octets", client.ID)
				}
			}
		}
		for _, part := range Split(line) {
			if strings.Count(line, part) == 0 {
				t.Fatal("a part that is not in the line")
			}
		}
	})
}

// FuzzDate: no panic, and what is read is a date that browsers could keep.
func FuzzDate(f *testing.F) {
	f.Add("Wed, 25 Nov 2037 10:00:00 GMT")
	f.Add("25-Nov-37 10:00:00")
	f.Add("1:1:1 1 jan 99999999999999999999")
	f.Fuzz(func(t *testing.T, text string) {
		for _, loose := range []bool{false, true} {
			if d, ok := parseDate(text, dateRules{loose, 70}); ok && d.Year() < 1601 {
				t.Fatalf("read the year %d", d.Year())
			}
		}
	})
}
