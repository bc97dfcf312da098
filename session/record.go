package session

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"slices"
)

// A Record is an Event, or a request joined from several, made small: names are numbers,
// credentials are hashes, nothing points anywhere. It is what the Correlator takes.
type Record struct {
	Start, End int64 // nanoseconds since 1970 UTC, on the reference clock

	Presented uint64 // key of the credential presented, 0 none
	Set       uint64 // key of the credential set by the answer, 0 none
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
	AppUser   // the session belongs to a signed-in user
	AppOpaque // the key is the application's own identifier, not the credential's
)

// Flags are traits of a request.
type Flags uint8

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

// A Hasher makes the keys by which records are joined. Copies agree with each other.
type Hasher struct {
	Seed maphash.Seed

	// Key makes pseudonyms. With Joined, raw credentials are keyed by their pseudonym, so
	// that they meet fingerprints and application events; it costs one HMAC for each
	// credential that a reducer sees anew.
	Key    Key
	Joined bool
}

// Fingerprint returns the key of a pseudonym.
func (h *Hasher) Fingerprint(p Pseudonym) uint64 {
	return nonZero(binary.LittleEndian.Uint64(p[:8]))
}

// Bytes returns the key of any other text.
func (h *Hasher) Bytes(b []byte) uint64 { return nonZero(maphash.Bytes(h.Seed, b)) }

func nonZero(v uint64) uint64 {
	if v == 0 {
		return 1
	}
	return v
}

// A Reducer turns events into records. It is used by one goroutine; all reducers of a run share
// their Vocabulary and Hasher.
type Reducer struct {
	Hasher

	// Login reports whether a path is the way in.
	Login func(path []byte) bool

	instances, pools, listeners, routes, agents, releases, reasons, stores, details *NameCache
	salt                                                                            uint64   // of addresses; the same in all reducers of a run
	deleted                                                                         []uint64 // keys of deletedValues
	memo                                                                            []memoSlot
}

type memoSlot struct{ raw, key uint64 }

// NewReducer returns a reducer. family names the client family of a User-Agent; name gives an
// instance's usual name from what a source calls it. Either may be nil.
func NewReducer(v *Vocabulary, h Hasher, family, name func([]byte) string) *Reducer {
	return &Reducer{
		Hasher: h, salt: h.Bytes([]byte("salt")),
		instances: v.Instances.Cache(1<<8, name), pools: v.Pools.Cache(1<<6, nil), listeners: v.Listeners.Cache(1<<6, nil),
		routes: v.Routes.Cache(1<<15, RouteOf), agents: v.Agents.Cache(1<<10, family), releases: v.Releases.Cache(1<<6, nil),
		reasons: v.Reasons.Cache(1<<6, nil), stores: v.Stores.Cache(1<<4, nil), details: v.Details.Cache(1<<8, nil),
	}
}

// Reduce writes e into r. base is the slice that e's bytes point into, so that the Correlator can
// find a new session's credential again; it may be nil.
func (d *Reducer) Reduce(e *Event, r *Record, base []byte) {
	*r = Record{}
	r.Start, r.End, r.Kind, r.Has, r.Flow, r.Status, r.Up = e.Start, e.End, e.Kind, e.Has, e.Flow, e.Status, e.Up
	r.Bytes, r.Cart, r.Port = clampBytes(e.Bytes), e.Cart, e.Port
	r.Instance = d.instances.ID(e.Instance)
	if e.Kind == Request {
		d.request(e, r, base)
		return
	}
	d.lifecycle(e, r, base)
}

func (d *Reducer) request(e *Event, r *Record, base []byte) {
	r.Pool = d.pools.ID(e.Pool)
	r.Listener = d.listeners.ID(e.Listener)
	r.Method = MethodOf(e.Method)
	if len(e.Target) > 0 {
		r.Route = d.routes.RouteID(PathOf(e.Target))
	}
	if e.Session.Cut {
		r.Flags |= CutKey
	} else if !e.Session.Empty() {
		if r.Presented = d.credential(e.Session); d.deletes(e.Session, r.Presented) {
			r.Presented = 0
		} else {
			r.PresentedAt = spanOf(e.Session, base)
		}
	}
	if !e.SetSession.Empty() && !e.SetSession.Cut {
		if r.Set = d.credential(e.SetSession); d.deletes(e.SetSession, r.Set) {
			r.Set = 0
			r.Flags |= Cleared
		} else {
			r.SetAt = spanOf(e.SetSession, base)
		}
	}
	if e.Has&HasClient != 0 {
		d.client(e.Client, r)
	}
	if len(e.RequestID) > 0 {
		r.RequestID = d.Bytes(e.RequestID)
	}
	if len(e.Affinity) > 0 {
		r.Affinity = uint32(d.Bytes(e.Affinity)) | 1
	}
	if len(e.SetAffinity) > 0 {
		r.NewAffin = uint32(d.Bytes(e.SetAffinity)) | 1
	}
	if e.Has&HasUserAgent != 0 {
		r.Agent = d.agents.ID(e.UserAgent)
		if len(e.UserAgent) == 0 {
			r.Flags |= NoAgent
		}
	}
	if len(e.Referer) > 0 && len(e.Host) > 0 && otherSite(e.Referer, e.Host) {
		r.Flags |= Foreign
	}
	if e.Cleared {
		r.Flags |= Cleared
	}
	if len(e.Location) > 0 && d.Login != nil && d.Login(PathOf(e.Location)) {
		r.Flags |= ToLogin
	}
	if len(e.Scheme) > 0 {
		r.Flags |= KnownTLS
		if string(e.Scheme) == "https" {
			r.Flags |= Secure
		}
	}
}

func (d *Reducer) lifecycle(e *Event, r *Record, base []byte) {
	r.AppOn = r.Instance
	r.State = e.State
	if len(e.Target) > 0 {
		r.Route = d.routes.RouteID(PathOf(e.Target))
	}
	r.Release = d.releases.ID(e.Release)
	r.Reason = d.reasons.ID(e.Reason)
	r.Store = d.stores.ID(e.Store)
	if len(e.RequestID) > 0 {
		r.RequestID = d.Bytes(e.RequestID)
	}
	if len(e.User) > 0 {
		r.User = d.Bytes(e.User)
		r.App |= AppUser
	}
	if e.Kind == Health || e.Kind == Lifecycle {
		r.Pool = d.pools.ID(e.Pool)
		r.Reason = d.details.ID(e.Detail)
	}
	if e.Kind < Create || e.Kind > Restore {
		return
	}
	r.App |= AppSeen
	if e.Session.Opaque {
		r.App |= AppOpaque
	}
	switch e.Result {
	case Hit:
		// Only a look-up says that the session was known: a create or a write succeeds all the same
		// after a miss.
		if e.Kind == Read || e.Kind == Restore {
			r.App |= AppHit
		}
	case Miss:
		r.App |= AppMiss
	case Stale:
		r.App |= AppStale
	case Error:
		r.App |= AppError
	}
	var key, previous uint64
	var keyAt, previousAt Span
	if !e.Session.Empty() && !e.Session.Cut {
		key, keyAt = d.credential(e.Session), spanOf(e.Session, base)
	}
	if !e.Previous.Empty() && !e.Previous.Cut {
		previous, previousAt = d.credential(e.Previous), spanOf(e.Previous, base)
	}
	switch e.Kind {
	case Create:
		r.App |= AppCreate
	case Rotate:
		r.App |= AppRotate
	case Destroy:
		r.App |= AppDestroy
	case Restore:
		r.App |= AppRestore
	case Write:
		r.App |= AppWrite
	}
	if e.Kind == Create || e.Kind == Rotate || previous != 0 {
		r.Set, r.SetAt, r.Presented, r.PresentedAt = key, keyAt, previous, previousAt
		return
	}
	r.Presented, r.PresentedAt = key, keyAt
}

// spanOf remembers where a credential stands in the batch.
func spanOf(c Credential, base []byte) Span {
	if len(c.Raw) > 1<<15 {
		return Span{}
	}
	off, ok := offsetIn(base, c.Raw)
	if !ok {
		return Span{}
	}
	return Span{At: off, Len: uint16(len(c.Raw)), Name: c.Fingerprint}
}

// credential returns the key of a credential.
func (d *Reducer) credential(c Credential) uint64 {
	if c.Fingerprint {
		if p, ok := ParsePseudonym(c.Raw); ok {
			return d.Fingerprint(p)
		}
	}
	raw := nonZero(maphash.Bytes(d.Seed, c.Raw))
	if !d.Joined {
		return raw
	}
	if c.Opaque {
		return raw ^ opaqueSpace
	}
	if d.memo == nil {
		d.memo = make([]memoSlot, 1<<14)
	}
	s := &d.memo[raw%uint64(len(d.memo))]
	if s.raw != raw {
		*s = memoSlot{raw, d.Fingerprint(d.Key.Pseudonym(c.Raw))}
	}
	return s.key
}

// deletedValues are what applications write into a cookie that they take back. Many clients share them, so
// they name no session.
var deletedValues = []string{"", "deleted", "delete", "null", "none", "invalid", "expired", `""`, "0", "-1"}

// deletes reports whether a credential, of this key, is such a value.
func (d *Reducer) deletes(c Credential, key uint64) bool {
	if !c.Fingerprint {
		return len(c.Raw) <= 7 && slices.Contains(deletedValues, string(c.Raw))
	}
	if d.deleted == nil {
		for _, v := range deletedValues {
			d.deleted = append(d.deleted, d.Fingerprint(d.Key.Pseudonym([]byte(v))))
		}
	}
	return slices.Contains(d.deleted, key)
}

// opaqueSpace keeps the application's own identifiers apart from credentials.
const opaqueSpace = 0x9e3779b97f4a7c15

// client fills in the client's address key and its network: IPv4 /24, IPv6 /48.
func (d *Reducer) client(addr []byte, r *Record) {
	var v, part uint32
	for _, c := range addr {
		digit := uint32(c) - '0'
		if digit <= 9 {
			part = part*10 + digit
			continue
		}
		if c != '.' {
			d.client6(addr, r)
			return
		}
		v, part = v<<8|part&255, 0
	}
	if len(addr) == 0 {
		return
	}
	r.Client = nonZero(mix(uint64(v<<8|part&255)^d.salt, 4))
	r.Net = v << 8 // three parts were shifted in; the last is left out
}

func (d *Reducer) client6(addr []byte, r *Record) {
	r.Client = d.Bytes(addr)
	if bytes.IndexByte(addr, ':') >= 0 {
		r.Flags |= IPv6
		net := parse48(addr)
		r.Net, r.Net6 = uint32(net>>16), uint16(net)
	}
}

// parse48 returns the first 48 bits of an IPv6 address in text form.
func parse48(addr []byte) uint64 {
	var net uint64
	groups := 0
	for len(addr) > 0 && groups < 3 {
		if addr[0] == ':' { // "::": the rest is zero, or too short to matter
			break
		}
		var g uint64
		i := 0
		for ; i < len(addr) && addr[i] != ':'; i++ {
			if d := hexDigit(addr[i]); d >= 0 {
				g = g<<4 | uint64(d)
			}
		}
		net = net<<16 | g&0xffff
		groups++
		if i < len(addr) {
			i++
		}
		addr = addr[i:]
	}
	return net << (16 * (3 - groups))
}

// otherSite reports whether a Referer or Origin (an URL or a bare host) names another
// registrable-looking site than host. Only the last two labels are compared, so that
// www.shop.example and shop.example are one; the client engine knows the exact rules.
func otherSite(referer, host []byte) bool {
	from := referer
	if i := bytes.Index(from, []byte("://")); i >= 0 {
		from = from[i+3:]
	}
	from = hostOnly(from)
	if len(from) == 0 || string(from) == "null" {
		return string(from) == "null"
	}
	return !bytes.EqualFold(site(from), site(hostOnly(host)))
}

func hostOnly(b []byte) []byte {
	if i := bytes.IndexAny(b, "/?#"); i >= 0 {
		b = b[:i]
	}
	if len(b) > 0 && b[0] == '[' {
		if i := bytes.IndexByte(b, ']'); i >= 0 {
			return b[:i+1]
		}
	}
	if i := bytes.LastIndexByte(b, ':'); i >= 0 {
		b = b[:i]
	}
	return b
}

func site(host []byte) []byte {
	last := bytes.LastIndexByte(host, '.')
	if last < 0 || len(host) > 0 && host[len(host)-1] <= '9' && host[len(host)-1] >= '0' {
		return host // no domain, or an IPv4 address
	}
	if i := bytes.LastIndexByte(host[:last], '.'); i >= 0 {
		return host[i+1:]
	}
	return host
}

func clampBytes(n int64) int32 {
	if n > 1<<31-1 {
		return 1<<31 - 1
	}
	return int32(n)
}
