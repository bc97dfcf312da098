package session

// A Record is an Event, or a request joined from several, made small: names are numbers,
// credentials are hashes, nothing points anywhere. It is what the Correlator takes.
type Record struct {
	Start, End int64 // nanoseconds since 1970 UTC, on the reference clock

	Presented uint64 // key of the credential presented, 0 none
	Set       uint64 // key of the credential set by the answer, 0 none
	Held      uint64 // key of the credential that the client kept back, 0 none or not known
	Client    uint64 // key of the client's address, 0 unknown
	RequestID uint64 // key of the request id, 0 unknown
	User      uint64 // key of the user's pseudonym, 0 unknown
	Affinity  uint32 // hash of the affinity value presented, 0 none
	NewAffin  uint32 // hash of the affinity value set, 0 none
	Net       uint32 // the client's network: IPv4 /24 or the first 32 bits of an IPv6 address
	Line      uint32 // line number in its input, from 1; 0 unknown
	Bytes     int32  // response size, -1 unknown
	Cart      int32  // items in the cart after this request, -1 unknown
	State     uint32 // hash of the rest of the state shown, 0 none
	Input     uint16 // which input
	Instance  uint16 // by the balancer's word, else the application's
	AppOn     uint16 // instance by the application's own word
	Pool      uint16
	Listener  uint16
	Route     uint16
	Agent     uint16 // client family
	Release   uint16
	Reason    uint16
	Store     uint16
	Status    uint16
	Has       Facts
	App       AppFacts
	Flags     Flags
	Method    Method
	Flow      Flow
	Kind      Kind
	Up        bool
	Net6      uint16 // bits 33 to 48 of an IPv6 network
	Port      uint16 // of the client's connection, 0 unknown

	// Where the credentials' bytes stand in the batch's buffer.
	PresentedAt, SetAt Span
}

// A Span is a place in a batch's buffer. Length 0: not kept.
type Span struct {
	At   uint32
	Len  uint16
	Name bool // the bytes are a fingerprint, not the credential
}

// AppFacts is what application events said about a request.
type AppFacts uint16

// What application events can say.
const (
	AppSeen AppFacts = 1 << iota // an application event belongs to this request
	AppHit
	AppMiss
	AppStale
	AppError
	AppCreate
	AppRotate
	AppDestroy
	AppRestore
	AppWrite
	AppUser // the session belongs to a signed-in user
	AppSlow // the store took longer than slowStore
	AppKept // a credential was made and the answer did not carry it: Set is the one that the client never got
)

// Flags are traits of a request.
type Flags uint16

// The traits.
const (
	Foreign  Flags = 1 << iota // Referer or Origin names another host
	Cleared                    // the answer deleted the session cookie
	ToLogin                    // the answer redirects to the way in
	Secure                     // the request came over https
	KnownTLS                   // whether it did is known
	CutKey                     // a credential was there but cut off: it matches nothing
	IPv6
	NoAgent // no User-Agent at all
	Twice   // the credential's name stood in the request more than once
)

// Method is a request method made small.
type Method uint8

// The methods.
const (
	NoMethod Method = iota
	GET
	HEAD
	POST
	PUT
	DELETE
	PATCH
	OPTIONS
	OtherMethod
)

var methodNames = [...]string{"", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "OTHER"}

// String returns the method's name.
func (m Method) String() string { return methodNames[m] }

// MethodOf reads a method.
func MethodOf(b []byte) Method {
	switch len(b) {
	case 0:
		return NoMethod
	case 3:
		if b[0] == 'G' && b[1] == 'E' && b[2] == 'T' {
			return GET
		}
		if string(b) == "PUT" {
			return PUT
		}
	case 4:
		if b[0] == 'P' && string(b) == "POST" {
			return POST
		}
		if string(b) == "HEAD" {
			return HEAD
		}
	case 5:
		if string(b) == "PATCH" {
			return PATCH
		}
	case 6:
		if string(b) == "DELETE" {
			return DELETE
		}
	case 7:
		if string(b) == "OPTIONS" {
			return OPTIONS
		}
	}
	return OtherMethod
}

// Vocabulary holds the names that records refer to by number.
type Vocabulary struct {
	Instances, Pools, Listeners, Routes, Agents, Releases, Reasons, Stores, Details *Names
}

// NewVocabulary returns an empty vocabulary.
func NewVocabulary() *Vocabulary {
	return &Vocabulary{
		Instances: NewNames(4096), Pools: NewNames(1024), Listeners: NewNames(1024), Routes: NewNames(4096),
		Agents: NewNames(256), Releases: NewNames(1024), Reasons: NewNames(256), Stores: NewNames(64), Details: NewNames(4096),
	}
}
