package session

import (
	"encoding/binary"
	"hash/maphash"
)

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
		instances: v.Instances.Cache(1<<10, name), pools: v.Pools.Cache(1<<6, nil), listeners: v.Listeners.Cache(1<<6, nil),
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
	if !e.Held.Empty() {
		r.Held = d.credential(e.Held)
	}
	if len(e.Reason) > 0 {
		r.Reason = d.reasons.ID(e.Reason)
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
	if e.Twice {
		r.Flags |= Twice
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
	if e.Twice {
		r.Flags |= Twice
	}
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
	if e.StoreMs >= slowStoreMs {
		r.App |= AppSlow
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

// slowStoreMs is how long a look-up takes that somebody notices: stores of sessions answer within a few milliseconds.
const slowStoreMs = 200

func clampBytes(n int64) int32 {
	if n > 1<<31-1 {
		return 1<<31 - 1
	}
	return int32(n)
}
