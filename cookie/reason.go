package cookie

import (
	"iter"
	"math/bits"
	"strings"
)

// A Reason says by which rule a cookie was refused, withheld or changed. Its name is stable.
type Reason uint8

// The reasons that the Chrome DevTools Protocol names as well.
const (
	NoCookieContent                          Reason = iota + 1 // name and value are empty
	DisallowedCharacter                                        // a control octet
	NameValuePairExceedsMaxSize                                // over 4096 octets
	InvalidDomain                                              // not the host's own, or a public suffix
	SecureOnly                                                 // Secure and no secure connection
	OverwriteSecure                                            // over http, would overlay a Secure cookie
	SameSiteNoneInsecure                                       // None without Secure
	InvalidPrefix                                              // __Host-, __Secure-, __Http-
	SameSiteStrict                                             // Strict, from another site
	SameSiteLax                                                // Lax, from another site
	SameSiteUnspecifiedTreatedAsLax                            // no SameSite, from another site
	SchemefulSameSiteStrict                                    // the same, where http and https are two sites
	SchemefulSameSiteLax                                       //
	SchemefulSameSiteUnspecifiedTreatedAsLax                   //
	UserPreferences                                            // third-party cookies are blocked
	ThirdPartyPhaseout                                         // blocked by the phase-out's switch
	NotOnPath                                                  // the path does not match
	DomainMismatch                                             // same site, another host
	SchemeNotSupported                                         // neither http nor https
	SyntaxError                                                // unparsable (older Chromium)
	AnonymousContext                                           // a frame without credentials
	PortMismatch                                               // bound to another port
	SchemeMismatch                                             // bound to another scheme
	ThirdPartyBlockedInFirstPartySet                           // blocked within a set of related sites
	UnknownError                                               // anything else that a browser reports

	// The reasons that only Limpet names.
	Expired          // deleted on arrival
	ExpiredLater     // ran out between set and send
	LifetimeCapped   // 400 days, 7 days
	SessionEnded     // a session cookie whose session is over
	HTTPOnlyScript   // script may not set or touch HttpOnly
	HTTPOnlyHidden   // script does not see HttpOnly
	AttributeTooLong // over 1024 octets, ignored
	AttributeIgnored // unknown or unparsable, ignored
	PartitionedNeedsSecure
	OtherPartition
	NoCookieStore
	JarScope
	CredentialsOmitted // fetch without credentials neither sends nor stores
	CorsResponseHidden // sent and stored, hidden from script
	PreflightNoCookies
	Evicted
	Overwritten
	Shadowed // two cookies of one name are sent
	DifferentSite
	SuffixRuleChanged
	SameSiteNoneMisread
	MalformedForClient
	FoldedHeader
	StrippedByProxy
	lastReason
)

var reasonNames = [lastReason]string{
	NoCookieContent: "NoCookieContent", DisallowedCharacter: "DisallowedCharacter",
	NameValuePairExceedsMaxSize: "NameValuePairExceedsMaxSize", InvalidDomain: "InvalidDomain", SecureOnly: "SecureOnly",
	OverwriteSecure: "OverwriteSecure", SameSiteNoneInsecure: "SameSiteNoneInsecure", InvalidPrefix: "InvalidPrefix",
	SameSiteStrict: "SameSiteStrict", SameSiteLax: "SameSiteLax", SameSiteUnspecifiedTreatedAsLax: "SameSiteUnspecifiedTreatedAsLax",
	SchemefulSameSiteStrict: "SchemefulSameSiteStrict", SchemefulSameSiteLax: "SchemefulSameSiteLax",
	SchemefulSameSiteUnspecifiedTreatedAsLax: "SchemefulSameSiteUnspecifiedTreatedAsLax",
	UserPreferences:                          "UserPreferences", ThirdPartyPhaseout: "ThirdPartyPhaseout", NotOnPath: "NotOnPath",
	DomainMismatch: "DomainMismatch", SchemeNotSupported: "SchemeNotSupported", SyntaxError: "SyntaxError", AnonymousContext: "AnonymousContext",
	PortMismatch: "PortMismatch", SchemeMismatch: "SchemeMismatch", ThirdPartyBlockedInFirstPartySet: "ThirdPartyBlockedInFirstPartySet",
	UnknownError: "UnknownError",
	Expired:      "X.Expired", ExpiredLater: "X.ExpiredLater", LifetimeCapped: "X.LifetimeCapped", SessionEnded: "X.SessionEnded",
	HTTPOnlyScript: "X.HttpOnlyScript", HTTPOnlyHidden: "X.HttpOnlyHidden", AttributeTooLong: "X.AttributeTooLong",
	AttributeIgnored: "X.AttributeIgnored", PartitionedNeedsSecure: "X.PartitionedNeedsSecure", OtherPartition: "X.OtherPartition",
	NoCookieStore: "X.NoCookieStore", JarScope: "X.JarScope", CredentialsOmitted: "X.CredentialsOmitted",
	CorsResponseHidden: "X.CorsResponseHidden", PreflightNoCookies: "X.PreflightNoCookies", Evicted: "X.Evicted",
	Overwritten: "X.Overwritten", Shadowed: "X.Shadowed", DifferentSite: "X.DifferentSite", SuffixRuleChanged: "X.SuffixRuleChanged",
	SameSiteNoneMisread: "X.SameSiteNoneMisread", MalformedForClient: "X.MalformedForClient", FoldedHeader: "X.FoldedHeader",
	StrippedByProxy: "X.StrippedByProxy",
}

func (r Reason) String() string { return reasonNames[r] }

// ReasonNamed finds a reason by its name.
func ReasonNamed(name string) (Reason, bool) {
	for r, n := range reasonNames {
		if n == name && n != "" {
			return Reason(r), true
		}
	}
	return 0, false
}

// Set returns the set that holds r only.
func (r Reason) Set() Reasons { return 1 << r }

// Reasons is a set of reasons; zero is "no objection".
type Reasons uint64

// Of returns the set of some reasons.
func Of(reasons ...Reason) Reasons {
	var s Reasons
	for _, r := range reasons {
		s |= r.Set()
	}
	return s
}

// Has reports whether r is one of them.
func (s Reasons) Has(r Reason) bool { return s&r.Set() != 0 }

// All yields the reasons in the order of the table above.
func (s Reasons) All() iter.Seq[Reason] {
	return func(yield func(Reason) bool) {
		for s != 0 {
			r := Reason(bits.TrailingZeros64(uint64(s)))
			if !yield(r) {
				return
			}
			s &^= r.Set()
		}
	}
}

// first keeps the first one of the table.
func (s Reasons) first() Reasons { return s & -s }

// String joins the names with blanks; "" is the empty set.
func (s Reasons) String() string {
	var names []string
	for r := range s.All() {
		names = append(names, r.String())
	}
	return strings.Join(names, " ")
}
