package cookie

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// newJar returns the empty jar of a row.
func newJar(t testing.TB, id string) *Jar {
	t.Helper()
	client, ok := ClientNamed(id)
	if !ok {
		t.Fatalf("no client %q", id)
	}
	return NewJar(client)
}

// header returns the names that a request carries, in order.
func sentNames(j *Jar, r *Request, now time.Time) string {
	var names []string
	for _, o := range j.Explain(r, now) {
		if o.Sent() {
			names = append(names, o.Cookie.Name)
		}
	}
	return strings.Join(names, " ")
}

// Every attribute is judged with the rule by its name. Proves S34.
func TestALineIsJudgedByNamedRules(t *testing.T) {
	const site, plain = "https://www.shop.example/app/login", "http://www.shop.example/app/login"
	tests := []struct {
		line, url string
		why       string // of a refusal
		notes     string
	}{
		{"sid=1; Path=/; Secure; HttpOnly; SameSite=Lax", site, "", ""},
		{"sid=1; Domain=shop.example", site, "", ""},
		{"sid=1; Domain=other.example", site, "InvalidDomain", ""},
		{"sid=1; Domain=example", site, "InvalidDomain", ""},
		{"sid=1; Secure", plain, "SecureOnly", ""},
		{"sid=1; SameSite=None", site, "SameSiteNoneInsecure", ""},
		{"sid=1; SameSite=Sometimes", site, "", "X.AttributeIgnored"},
		{"__Host-sid=1; Secure; Path=/; Domain=shop.example", site, "InvalidPrefix", ""},
		{"__Secure-sid=1", site, "InvalidPrefix", ""},
		{"sid=1; Partitioned", site, "X.PartitionedNeedsSecure", ""},
		{"sid=1; Max-Age=99999999", site, "", "X.LifetimeCapped"},
		{"sid=1; Max-Age=soon", site, "", "X.AttributeIgnored"},
		{"sid=1; Path=" + "/" + strings.Repeat("p", 1024), site, "", "X.AttributeTooLong"},
		{"sid=" + strings.Repeat("v", 4094), site, "NameValuePairExceedsMaxSize", ""},
		{"sid=a\x01b", site, "DisallowedCharacter", ""},
		{" ; Path=/", site, "NoCookieContent", ""},
		{"sid=1; SameSite=None; Domain=other.example", site, "InvalidDomain", ""}, // a line wrong in itself is judged no further
	}
	chrome, _ := ClientNamed("chrome")
	for _, tt := range tests {
		v := chrome.Judge(tt.line, Typed(parse(t, tt.url)), noon)
		if v.Why.String() != tt.why || v.Notes.String() != tt.notes || (v.Outcome == Stored) != (tt.why == "") {
			t.Errorf("%.40q over %s: %v, why %q, notes %q; want why %q, notes %q", tt.line, tt.url, v.Outcome, v.Why, v.Notes, tt.why, tt.notes)
		}
	}
}

// Each class of clients has its own rules. Proves S41.
func TestClassesOfClients(t *testing.T) {
	shop, api, idp := parse(t, "https://www.shop.example/"), parse(t, "https://api.shop.example/cart"), parse(t, "https://idp.test/")
	const lax, none = "sid=1; Domain=shop.example; Path=/; Secure; SameSite=Lax", "sid=1; Domain=shop.example; Path=/; Secure; SameSite=None"
	silent := Call(shop, api, Include)
	silent.CORS = CORSNoCredentials
	tests := []struct {
		story, client, line string
		ask                 *Request
		why, notes          string
	}{
		{"a page follows a link from the identity provider", "chrome", lax, Link(idp, shop), "", ""},
		{"the provider posts back", "chrome", lax, Post(idp, shop), "SchemefulSameSiteLax", ""},
		{"a single-page app fetches with the default mode", "chrome", lax, Call(shop, api, SameOrigin), "X.CredentialsOmitted", ""},
		{"it includes credentials", "chrome", lax, Call(shop, api, Include), "", ""},
		{"the API forgets Access-Control-Allow-Credentials", "chrome", lax, silent, "", "X.CorsResponseHidden"},
		{"the question in front of a fetch", "chrome", lax, &Request{URL: api, From: shop, Kind: Preflight, Method: "OPTIONS"}, "X.PreflightNoCookies", ""},
		{"a service worker fetches for its own site", "chrome", lax, &Request{URL: api, From: shop, Kind: Worker, Credentials: Include}, "", ""},
		{"another site's page prefetches", "chrome", none, &Request{URL: api, From: idp, Kind: Prefetch}, "X.CredentialsOmitted", ""},
		{"the shop's own page prefetches", "chrome", lax, &Request{URL: shop, From: shop, Kind: Prefetch}, "", ""},
		{"a WebSocket of another site's page", "chrome", lax, &Request{URL: api, From: idp, Kind: WebSocket}, "SchemefulSameSiteLax", ""},
		{"another site's page fetches", "safari", none, Call(idp, api, Include), "UserPreferences", ""},
		{"the same in Firefox", "firefox", none, Call(idp, api, Include), "X.OtherPartition", ""},
		{"a WebView embeds the shop in another site", "android-webview", none, Embed(idp, shop), "UserPreferences", ""},
		{"an old app's WebView, posted back to", "android-webview-old", "sid=1; Domain=shop.example; Path=/; Secure", Post(idp, shop), "", ""},
		{"an app with OkHttp as it comes", "okhttp", lax, Typed(shop), "X.NoCookieStore", ""},
		{"an app with NSURLSession", "nsurlsession", lax, Post(idp, shop), "", ""},
		{"curl without a jar", "curl", lax, Typed(shop), "X.NoCookieStore", ""},
		{"a crawler", "crawler", lax, Typed(shop), "X.NoCookieStore", ""},
	}
	for _, tt := range tests {
		t.Run(tt.story, func(t *testing.T) {
			jar := newJar(t, tt.client)
			v := jar.Set(tt.line, Typed(shop), noon)
			why := v.Why
			var notes Reasons
			if offered := jar.Explain(tt.ask, noon); len(offered) > 0 {
				why, notes = offered[0].Why, offered[0].Notes
			}
			if why.String() != tt.why || notes.String() != tt.notes {
				t.Errorf("withheld for %q with %q, want %q with %q", why, notes, tt.why, tt.notes)
			}
			if header := jar.AppendHeader(nil, tt.ask, noon); (len(header) > 0) != (tt.why == "") {
				t.Errorf("a header of %d octets although the reasons are %q", len(header), why)
			}
		})
	}
}

// What makes single users lose their session. Proves S43.
func TestEdges(t *testing.T) {
	shop, idp, plain := parse(t, "https://shop.example/app"), parse(t, "https://idp.test/"), parse(t, "http://shop.example/app")
	const login = "sid=1; Path=/; Secure; SameSite=None; Max-Age=3600"
	later := noon.Add(time.Minute)
	t.Run("a private window forgets when it closes, a normal one does not", func(t *testing.T) {
		for id, want := range map[string]string{"chrome": "sid", "chrome-incognito": "", "firefox-private": "", "okhttp-jar": "", "curl-jar": "", "nsurlsession": "sid"} {
			jar := newJar(t, id)
			jar.Set(login, Typed(shop), noon)
			jar.Restart(later)
			if got := sentNames(jar, Typed(shop), later); got != want {
				t.Errorf("%s sends %q after a restart, want %q", id, got, want)
			}
		}
	})
	t.Run("a restart ends session cookies", func(t *testing.T) {
		jar := newJar(t, "chrome")
		jar.Set("sid=1; Path=/", Typed(shop), noon)
		jar.Restart(later)
		if lost := jar.Lost(); len(lost) != 1 || lost[0].Why != SessionEnded || jar.Len() != 0 {
			t.Errorf("lost %v, %d left; want sid lost for %v", lost, jar.Len(), SessionEnded)
		}
	})
	t.Run("third-party cookies are blocked", func(t *testing.T) {
		for id, want := range map[string]string{"chrome": "", "chrome-third-party-blocked": "UserPreferences", "chrome-phaseout": "ThirdPartyPhaseout", "safari": "UserPreferences", "firefox": "X.OtherPartition"} {
			jar := newJar(t, id)
			jar.Set(login, Typed(shop), noon)
			if got := jar.Explain(Embed(idp, shop), later)[0].Why.String(); got != want {
				t.Errorf("%s: in a frame of another site %q, want %q", id, got, want)
			}
		}
	})
	t.Run("a full jar", func(t *testing.T) {
		jar := newJar(t, "chrome")
		jar.Set("sid=1; Path=/", Typed(shop), noon)
		for i := range 180 {
			jar.Set(fmt.Sprintf("tracker%d=1; Path=/", i), Typed(shop), noon.Add(time.Duration(i)*time.Millisecond))
		}
		if jar.Len() != 150 || strings.Contains(" "+sentNames(jar, Typed(shop), later), " sid") {
			t.Errorf("%d cookies are left, sid among them: the oldest of 181 should have gone", jar.Len())
		}
		if !slices.ContainsFunc(jar.Lost(), func(l Lost) bool { return l.Cookie.Name == "sid" && l.Why == Evicted }) {
			t.Error("nothing says that sid was evicted")
		}
	})
	t.Run("an oversized cookie", func(t *testing.T) {
		v := newJar(t, "chrome").Set("basket="+strings.Repeat("x", 4200), Typed(shop), noon)
		if v.Kept() || v.Why != NameValuePairExceedsMaxSize.Set() {
			t.Errorf("%v for %v, want a refusal for its size", v.Outcome, v.Why)
		}
	})
	t.Run("clocks differ by a day", func(t *testing.T) {
		r := Typed(shop)
		r.Date = noon.Add(-24 * time.Hour)
		line := "sid=1; Path=/; Expires=" + noon.Add(-23*time.Hour).Format("Mon, 02 Jan 2006 15:04:05 GMT")
		for id, want := range map[string]Outcome{"chrome": Stored, "firefox": Stored, "go-jar": DeletedNothing} {
			if v := newJar(t, id).Set(line, r, noon); v.Outcome != want {
				t.Errorf("%s: %v, want %v: browsers read Expires by the server's clock", id, v.Outcome, want)
			}
		}
	})
	t.Run("two tabs share a jar", func(t *testing.T) {
		jar := newJar(t, "chrome")
		jar.Set("sid=old; Path=/", Typed(shop), noon)
		jar.Set("sid=new; Path=/", Typed(shop), later)
		if got := string(jar.AppendHeader(nil, Link(shop, shop), later)); got != "sid=new" {
			t.Errorf("the first tab sends the credential of the second in %d octets, want 7", len(got))
		}
	})
	t.Run("from https to http and back", func(t *testing.T) {
		jar := newJar(t, "chrome")
		jar.Set("sid=1; Path=/; Secure; SameSite=Strict", Typed(shop), noon)
		if got := jar.Explain(Link(shop, plain), later)[0].Why; got != Of(SecureOnly, SchemefulSameSiteStrict) {
			t.Errorf("down: %v", got)
		}
		if got := jar.Explain(Link(plain, shop), later)[0].Why; got != SchemefulSameSiteStrict.Set() {
			t.Errorf("up: %v", got)
		}
		if v := jar.Set("sid=; Path=/; Max-Age=0", Typed(plain), later); v.Why != OverwriteSecure.Set() {
			t.Errorf("a logout over http: %v %v, want it refused for %v", v.Outcome, v.Why, OverwriteSecure)
		}
	})
	t.Run("one name twice", func(t *testing.T) {
		jar := newJar(t, "chrome")
		jar.Set("sid=1; Path=/", Typed(shop), noon)
		jar.Set("sid=2; Path=/app", Typed(shop), noon)
		offered := jar.Explain(Typed(shop), later)
		if len(offered) != 2 || !offered[0].Notes.Has(Shadowed) || offered[0].Cookie.Path != "/app" {
			t.Errorf("offered %v: want the longer path first and both noted as shadowed", offered)
		}
	})
}

func TestNoValueGetsOut(t *testing.T) {
	jar := newJar(t, "chrome")
	shop := parse(t, "https://shop.example/")
	v := jar.Set("sid=canary4711; Path=/", Typed(shop), noon)
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v %s %q", v.Cookie, v.Cookie, v.Cookie, v.Cookie, v.Cookie), fmt.Sprintf("%+v %#v", v, v),
		fmt.Sprintf("%+v", jar.Explain(Typed(shop), noon)), fmt.Sprintf("%+v", jar.Cookies()), fmt.Sprintf("%+v", &v.Cookie),
	} {
		if strings.Contains(text, "canary") {
			t.Errorf("the value shows in %.60q…", strings.ReplaceAll(text, "canary4711", "***"))
		}
	}
}

func TestClientFor(t *testing.T) {
	const mozilla = "Mozilla/5.0 "
	tests := map[string]string{
		mozilla + "(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36":                                               "chrome",
		mozilla + "(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0":                                 "chrome",
		mozilla + "(X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/95.0.4638.69 Safari/537.36":                                                      "chrome-91",
		mozilla + "(Linux; Android 8.0; SM-G950F) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/8.2 Chrome/63.0.3239.111 Mobile Safari/537.36":                "chrome-51",
		mozilla + "(X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0":                                                                                        "firefox",
		mozilla + "(Windows NT 10.0; rv:91.0) Gecko/20100101 Firefox/91.0":                                                                                            "firefox-60",
		mozilla + "(iPhone; CPU iPhone OS 12_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/80.0.3987.95 Mobile/15E148 Safari/605.1":                 "safari-ios-12",
		mozilla + "(iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1":                       "safari-13",
		mozilla + "(iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.3 Mobile/15E148 Safari/604.1":                       "safari",
		mozilla + "(Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15":                                         "safari-macos-10.14",
		mozilla + "(Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36":                                         "chrome-114",
		mozilla + "(iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/465.0]":                         "wkwebview",
		mozilla + "(Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/125.0.0.0 Mobile Safari/537.36 Instagram 333.0":         "android-webview",
		mozilla + "(Linux; U; Android 9; en-US; Redmi) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/57.0.2987.108 UCBrowser/12.12.0.1 Mobile Safari/537": "uc-browser",
		mozilla + "(compatible; Googlebot/2.1; +http://www.google.com/bot.html)":                                                                                      "crawler",
		"curl/7.88.1":                               "curl",
		"Go-http-client/2.0":                        "go",
		"python-requests/2.34.2":                    "python-requests",
		"okhttp/4.12.0":                             "okhttp",
		"Shop/4.2 CFNetwork/1494.0.7 Darwin/23.4.0": "nsurlsession",
		"PostmanRuntime/7.39.0":                     "postman",
		"kube-probe/1.30":                           "jmeter",
		"TotallyUnknown/1.0":                        "tool",
		"":                                          "tool",
	}
	for agent, want := range tests {
		if got := ClientFor(agent).ID; got != want {
			t.Errorf("%q is %s, want %s", agent, got, want)
		}
	}
}

func TestRowsAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Clients() {
		if c.ID == "" || c.Name == "" || c.Class == "" || seen[c.ID] {
			t.Errorf("row %q: no name or class, or the second of its kind", c.ID)
		}
		seen[c.ID] = true
	}
	for r := Reason(1); r < lastReason; r++ {
		if again, ok := ReasonNamed(r.String()); !ok || again != r {
			t.Errorf("reason %d has the name %q, which is that of %d", r, r, again)
		}
	}
}

// Odd and enormous input: judged, kept within limits, in every client.
func TestBadInput(t *testing.T) {
	shop := parse(t, "https://shop.example/app")
	huge := strings.Repeat("x", 1<<20)
	for _, client := range Clients() {
		jar := NewJar(client)
		for _, line := range []string{huge, "a=" + huge, "a=1; Path=/" + huge, "a=1; Expires=" + huge, strings.Repeat(";", 1<<20), strings.Repeat("a=b;", 1<<18), "", "\xff\xfe=\xff"} {
			jar.Set(line, Typed(shop), noon)
		}
		many := 300
		if client.ID == "chrome" || client.ID == "python-urllib" {
			many = 10_000
		}
		for i := range many {
			jar.Set(fmt.Sprintf("c%d=1; Path=/", i), Typed(shop), noon)
		}
		if limit := client.Rules.MaxPerSite; limit > 0 && jar.Len() > limit {
			t.Errorf("%s holds %d cookies of one site, want %d at most", client.ID, jar.Len(), limit)
		}
		jar.AppendHeader(nil, Typed(shop), noon)
		jar.Explain(Typed(shop), noon)
	}
}

func TestASuffixListMayChange(t *testing.T) {
	jar := newJar(t, "chrome")
	before := parse(t, "https://alice.blogs.example/")
	jar.Set("sid=1; Domain=blogs.example; Path=/", Typed(before), noon)
	after, err := ParseURLWith("https://alice.blogs.example/", func(string) string { return "blogs.example" })
	if err != nil {
		t.Fatal(err)
	}
	kept := jar.Cookies()[0]
	if why := jar.Client.Withholds(&kept, Typed(after), noon); !why.Has(SuffixRuleChanged) {
		t.Errorf("withheld for %q, want %v", why, SuffixRuleChanged)
	}
}

func TestWithoutASuffixListSitesShareCookies(t *testing.T) {
	shop, other := parse(t, "https://shop.example.co.uk/"), parse(t, "https://other.co.uk/")
	for id, want := range map[string]string{"go-jar-no-suffixes": "sid", "go-jar": "", "python-urllib": "sid", "chrome": ""} {
		jar := newJar(t, id)
		jar.Set("sid=1; Domain=co.uk; Path=/", Typed(shop), noon)
		if got := sentNames(jar, Typed(other), noon); got != want {
			t.Errorf("%s sends %q to another site under co.uk, want %q", id, got, want)
		}
	}
}
