package cookie

import "time"

// Rules are the switches by which clients differ. The zero value is a client that keeps
// everything for ever and knows only Domain, Path and Secure.
type Rules struct {
	Jar     JarKind
	Dialect Dialect // who reads the line

	// How lines are read.
	Nameless     Nameless
	MaxPair      int  // octets of name and value; 0: no limit
	MaxAttribute int  // octets of an attribute's value
	NoInnerTab   bool // a TAB inside the line is refused
	LastCounts   bool // of several Max-Age or Expires the last one counts, even if it cannot be read
	PlusMaxAge   bool // "Max-Age=+5" can be read
	MinusExpires bool // a Max-Age that begins with "-" deletes, whatever follows
	LooseDates   bool // Expires without a time, or with a day that the month lacks, can be read
	AnswerLost   bool // a control octet in one line loses the whole answer (Go's HTTP refuses it)

	// Domain.
	Suffixes   bool // public suffixes are refused
	DotRefused bool // a single dot is refused, not taken for none
	InnerDot   bool // it wants a dot inside
	IDNDomain  bool // other than ASCII letters are converted
	CaseDomain bool // it is compared with case
	LooseIP    bool // it may be a part of an IP

	// SameSite: the attribute is enforced. Then LaxByDefault treats its absence as Lax, except for
	// LaxPost after creation on a top-level POST; NoneNeedsSecure refuses None without Secure.
	SameSite        bool
	LaxByDefault    bool
	LaxPost         time.Duration
	NoneNeedsSecure bool
	NoneMisread     Misread
	Schemeful       bool // http and https of one host are two sites
	TopOnly         bool // frames between the page and the one that asks are not looked at
	Redirects       bool // a redirect by another site makes a request one of another site, for sending

	// Secure, prefixes.
	SecureNeedsTLS bool // Secure over http is refused
	SecureLoopback bool // http://localhost counts as secure
	SecureLoopSend bool // the same, for sending only
	KeepSecure     Keep // what "leave secure cookies alone" covers
	Prefixes       Prefixes
	ExplicitRoot   bool // __Host- wants "Path=/" written out
	HostByScope    bool // __Host- takes a Domain that leaves the cookie host-only (a public suffix on itself)

	// Third parties.
	ThirdParty    ThirdParty
	ThirdPartyWhy Reason // what a block is called; zero UserPreferences
	Chips         bool   // Partitioned is understood
	CORSKeepsOut  bool   // an answer that script may not read sets no cookies

	// Keeping and sending.
	Cap, ScriptCap time.Duration // longest lifetime; of cookies that script writes. 0: none
	ServerClock    bool          // Expires is read by the server's clock, where the answer says it
	HostOnlyInKey  bool          // a host-only cookie and a Domain cookie of one name are two
	HostOnlyLoose  bool          // host-only cookies go to subdomains too
	FoldNames      bool          // names are compared without case
	RenewOnChange  bool          // setting another value gives a new creation time
	BatchDeletes   bool          // a deletion does not touch cookies of the same answer (Python)
	GhostWrites    bool          // a document sees what it wrote over an HttpOnly cookie (Firefox's content process)
	Order          Order         // in which cookies are sent

	// Limits; 0: none.
	MaxPerSite, PurgeSite int           // cookies of a site, and how many a purge leaves
	MaxTotal, PurgeTotal  int           // cookies altogether
	SpareYoung            time.Duration // cookies used since then survive the purge of the whole jar
	MaxPartition          int           // octets of a partition's cookies of one site
	MaxSent, MaxOut       int           // cookies and octets sent with a request

	// How refusals are told.
	FormFirst bool // a line that is wrong in itself is not judged further (Chromium's protocol)
	FirstOnly bool // judging ends at the first rule that refuses (the order of bis, 5.7)
}

// JarKind says whether a client keeps cookies, and how long.
type JarKind uint8

// Kinds of jars.
const (
	NoJar         JarKind = iota // every request is a stranger's
	MemoryJar                    // gone when the process ends
	PersistentJar                // dated cookies survive
	ExportOnlyJar                // survives if a user saves it (curl -c)
)

// A Dialect reads Set-Cookie lines in its own way.
type Dialect uint8

// Dialects.
const (
	Bis    Dialect = iota // draft-ietf-httpbis-rfc6265bis: browsers
	Golang                // net/http.ParseSetCookie and cookiejar
	Python                // http.cookiejar, Netscape rules
	Curl                  // lib/cookie.c
	Soup                  // libsoup, under WebKitGTK
)

// Misread is what an old client makes of SameSite=None.
type Misread uint8

// Misreadings.
const (
	NoneUnderstood  Misread = iota
	NoneDropsCookie         // Chromium 51-66
	NoneIsStrict            // iOS 12, macOS 10.14
)

// Prefixes says which name prefixes a client enforces.
type Prefixes uint8

// Prefixes.
const (
	NoPrefixes      Prefixes = iota
	ClassicPrefixes          // __Secure-, __Host-
	HTTPPrefixes             // also __Http-, __Host-Http-
)

// Keep says which cookies a new one that comes over http must leave alone.
type Keep uint8

// Protections of Secure cookies.
const (
	KeepNone       Keep = iota
	KeepSame            // of the same domain and path
	KeepSameDomain      // of the same domain, at the path or above
	KeepOverlaid        // of a domain above or below, at the path or above (bis)
)

// Nameless is what happens to a line without "=", or with nothing in front of it.
type Nameless uint8

// Treatments of nameless cookies.
const (
	NamelessKept    Nameless = iota // name "", the text is the value (bis)
	NamelessDropped                 // RFC 6265
	NamelessNamed                   // Firefox: the text is the name; "=v" is refused
)

// ThirdParty is what happens to cookies under another site's page.
type ThirdParty uint8

// Treatments of third parties.
const (
	AllowThird ThirdParty = iota
	BlockThird
	BlockThirdSet  // third parties may not set; what is there is sent
	PartitionThird // a jar for each site in the address bar
)
