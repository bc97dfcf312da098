package cookie

import "time"

// Sources of the rows: MDN's browser-compat-data (Set-Cookie), chromium.org ("SameSite=None: Known
// Incompatible Clients", "Schemeful Same-Site"), webkit.org (tracking prevention, bugs
// 198181 and 281149), net/cookies/cookie_monster.cc, Firefox's preferences network.cookie.*, and
// what the programs did on loopback (the conformance vectors).

var standards = []*Client{
	{ID: "rfc6265bis", Name: "The standard that browsers follow (RFC 6265bis)", Class: Standard, Rules: bis},
	{ID: "rfc6265", Name: "The standard of 2011 (RFC 6265)", Class: Standard, Rules: Rules{
		Jar: PersistentJar, Suffixes: true, Nameless: NamelessDropped}},
}

var browsers = []*Client{
	{ID: "firefox", Name: "Firefox 143 and later", Class: Browser, Rules: firefox(143),
		claims: func(a *agent) bool { return a.gecko() && a.major >= 143 }},
	{ID: "firefox-131", Name: "Firefox 131 to 142", Class: Browser, Rules: firefox(131),
		claims: func(a *agent) bool { return a.gecko() && a.major >= 131 }},
	{ID: "firefox-103", Name: "Firefox 103 to 130", Class: Browser, Rules: firefox(103),
		claims: func(a *agent) bool { return a.gecko() && a.major >= 103 }},
	{ID: "firefox-60", Name: "Firefox 60 to 102", Class: Browser, Rules: firefox(60),
		claims: (*agent).gecko},
	{ID: "firefox-private", Name: "Firefox, private window", Class: Browser, Rules: private(firefox(143)),
		Note: "one jar for all private windows, gone when the last one closes"},

	{ID: "chrome", Name: "Chrome, Edge and other Chromium 140 and later", Class: Browser, Rules: chromium(140),
		claims: func(a *agent) bool { return a.chromium() >= 140 }},
	{ID: "chrome-114", Name: "Chromium 114 to 139", Class: Browser, Rules: chromium(114),
		claims: func(a *agent) bool { return a.chromium() >= 114 }},
	{ID: "chrome-91", Name: "Chromium 91 to 113", Class: Browser, Rules: chromium(91),
		claims: func(a *agent) bool { return a.chromium() >= 91 }},
	{ID: "chrome-80", Name: "Chromium 80 to 90", Class: Browser, Rules: chromium(80),
		claims: func(a *agent) bool { return a.chromium() >= 80 }},
	{ID: "chrome-67", Name: "Chromium 67 to 79", Class: Browser, Rules: chromium(67),
		claims: func(a *agent) bool { return a.chromium() >= 67 }},
	{ID: "chrome-incognito", Name: "Chromium, private window", Class: Browser, Rules: private(thirdBlocked(chromium(140), UserPreferences)),
		Note: "third-party cookies are blocked; the jar is gone when the last private window closes"},
	{ID: "chrome-third-party-blocked", Name: "Chromium, third-party cookies blocked", Class: Browser, Rules: thirdBlocked(chromium(140), UserPreferences)},
	{ID: "chrome-phaseout", Name: "Chromium with the phase-out switch", Class: Browser, Rules: thirdBlocked(chromium(140), ThirdPartyPhaseout)},

	{ID: "safari", Name: "Safari 26.2 and later, macOS and iOS", Class: Browser, Rules: safari(true), Note: itp,
		claims: func(a *agent) bool { return a.safari(26, 2) }},
	{ID: "safari-13", Name: "Safari 13 to 26.1, macOS and iOS", Class: Browser, Rules: safari(false), Note: itp,
		claims: func(a *agent) bool { return a.safari(0, 0) }},
	{ID: "safari-private", Name: "Safari, private window", Class: Browser, Rules: private(safari(true)),
		Note: "each private tab has a jar of its own"},
	{ID: "webkitgtk", Name: "WebKitGTK (GNOME Web)", Class: Browser, Rules: webkitGTK(BlockThirdSet)},
	{ID: "webkitgtk-itp", Name: "WebKitGTK with tracking prevention", Class: Browser, Rules: webkitGTK(BlockThird)},
}

const itp = "third-party cookies are blocked; cookies that script writes live 7 days at most, as do those of a host whose address is far from the main site's"

// oldBrowsers misread SameSite=None.
var oldBrowsers = []*Client{
	{ID: "uc-browser", Name: "UC Browser before 12.13.2 on Android", Class: Browser, Rules: misread(chromium(51), NoneDropsCookie),
		claims: func(a *agent) bool { return a.has("UCBrowser/") && a.before("UCBrowser/", 12, 13, 2) }},
	{ID: "safari-ios-12", Name: "every browser on iOS 12", Class: Browser, Rules: misread(safari(false), NoneIsStrict),
		claims: func(a *agent) bool { return a.ios() && a.osMajor == 12 }},
	{ID: "safari-macos-10.14", Name: "Safari and embedded views on macOS 10.14", Class: Browser, Rules: misread(safari(false), NoneIsStrict),
		claims: func(a *agent) bool {
			return a.has("Mac OS X 10_14") && a.has("AppleWebKit/") && a.chromium() == 0
		}},
	{ID: "chrome-51", Name: "Chromium 51 to 66 (also Android WebView, Samsung Internet, Opera of that age)", Class: Browser, Rules: misread(chromium(51), NoneDropsCookie),
		claims: func(a *agent) bool { return a.chromium() >= 51 && a.chromium() <= 66 }},
	{ID: "edge-legacy", Name: "Edge 16 to 18", Class: Browser, Rules: legacyEdge(),
		claims: func(a *agent) bool { return a.has("Edge/1") }},
	{ID: "internet-explorer", Name: "Internet Explorer 11", Class: Browser, Rules: Rules{
		Jar: PersistentJar, Suffixes: true, Nameless: NamelessDropped, MaxPair: 4096, MaxPerSite: 180, PurgeSite: 150},
		claims: func(a *agent) bool { return a.has("Trident/", "MSIE ") }},
}

// inApp are browser engines inside apps.
var inApp = []*Client{
	{ID: "android-webview", Name: "Android WebView, app targets SDK 31 or later", Class: WebView, Rules: thirdBlocked(chromium(140), UserPreferences),
		Note:   "one CookieManager for the app, shared neither with Chrome nor with OkHttp; third-party cookies are off unless the app allows them; written to disk after flush() or about 30 s",
		claims: func(a *agent) bool { return a.has("; wv)") && a.chromium() >= 89 }},
	{ID: "android-webview-old", Name: "Android WebView, app targets SDK 30 or earlier", Class: WebView, Rules: thirdBlocked(chromium(67), UserPreferences),
		Note:   "the rules before SameSite=Lax by default, whatever the engine's version",
		claims: func(a *agent) bool { return a.has("; wv)") && a.chromium() >= 67 }},
	{ID: "wkwebview", Name: "WKWebView (in-app browsers on iOS)", Class: WebView, Rules: safari(true),
		Note:   "its own store, not the one of NSURLSession: a login in native code is no login in the view unless the app copies the cookies",
		claims: func(a *agent) bool { return a.ios() && a.osMajor >= 13 && a.has("AppleWebKit/") && !a.has("Safari/") }},
}

// chromium returns the rules of a version.
func chromium(version int) Rules {
	r := Rules{
		Jar: PersistentJar, SameSite: true, Prefixes: ClassicPrefixes, Suffixes: true, HostOnlyInKey: true, SecureNeedsTLS: true, KeepSecure: KeepOverlaid,
		ServerClock: true, RenewOnChange: true, FormFirst: true, IDNDomain: true, LastCounts: true, DotRefused: true, MaxPair: 4096, MaxPerSite: 180, PurgeSite: 150, MaxTotal: 3300, PurgeTotal: 3000, SpareYoung: 30 * 24 * time.Hour,
	}
	if version >= 80 {
		r.LaxByDefault, r.LaxPost, r.NoneNeedsSecure = true, 2*time.Minute, true
	}
	if version >= 91 {
		r.Schemeful, r.SecureLoopback = true, true
	}
	if version >= 114 {
		r.Cap, r.MaxAttribute, r.Chips, r.MaxPartition = maxLife, 1024, true, 10240
	}
	if version >= 140 {
		r.Prefixes, r.ExplicitRoot, r.NoInnerTab, r.PlusMaxAge = HTTPPrefixes, true, true, true
	}
	return r
}

func firefox(version int) Rules {
	r := Rules{
		Jar: PersistentJar, SameSite: true, Prefixes: ClassicPrefixes, Suffixes: true, HostOnlyInKey: true, SecureNeedsTLS: true, KeepSecure: KeepOverlaid,
		ServerClock: true, Redirects: true, LastCounts: true, DotRefused: true, MinusExpires: true, LooseDates: true, Nameless: NamelessNamed, MaxPair: 4096, MaxAttribute: 1024, MaxPerSite: 180, PurgeSite: 150, MaxTotal: 3000, PurgeTotal: 3000,
	}
	if version >= 103 { // total cookie protection for everybody, 2022-23
		r.ThirdParty, r.SecureLoopback = PartitionThird, true
	}
	if version >= 131 {
		r.NoneNeedsSecure, r.Cap = true, maxLife
	}
	if version >= 143 {
		r.Prefixes, r.Chips, r.MaxPartition, r.GhostWrites = HTTPPrefixes, true, 10240, true
		r.HostByScope = true
	}
	return r
}

func safari(chips bool) Rules {
	return Rules{
		Jar: PersistentJar, SameSite: true, Prefixes: ClassicPrefixes, Suffixes: true, HostOnlyInKey: true, SecureNeedsTLS: true, KeepSecure: KeepOverlaid,
		MaxPair: 4096, Cap: maxLife, ScriptCap: 7 * 24 * time.Hour, ThirdParty: BlockThird, Chips: chips, TopOnly: true,
	}
}

// webkitGTK is the page engine of WebKit over libsoup's store.
func webkitGTK(third ThirdParty) Rules {
	return Rules{
		Jar: PersistentJar, SameSite: true, Suffixes: true, HostOnlyInKey: true, TopOnly: true, KeepSecure: KeepSame, SecureNeedsTLS: true,
		Dialect: Soup, PlusMaxAge: true, CaseDomain: true, LooseIP: true, CORSKeepsOut: true, ThirdParty: third,
	}
}

func legacyEdge() Rules {
	return Rules{Jar: PersistentJar, SameSite: true, Suffixes: true, Nameless: NamelessDropped, MaxPair: 4096, MaxPerSite: 180, PurgeSite: 150}
}

func misread(r Rules, how Misread) Rules {
	r.NoneMisread = how
	return r
}

func thirdBlocked(r Rules, why Reason) Rules {
	r.ThirdParty, r.ThirdPartyWhy = BlockThird, why
	return r
}

func private(r Rules) Rules {
	r.Jar = MemoryJar
	return r
}
