package lab

import (
	"crypto/rand"
	"encoding/base64"
	"sync"
	"time"

	"limpet.dev/witness"
)

// record is the state of one session, as the shop keeps it.
type record struct {
	User    string    `json:"u,omitempty"`
	Items   int       `json:"i,omitempty"`
	Theme   string    `json:"t,omitempty"`
	Address bool      `json:"a,omitempty"` // checkout: the address is known
	Created time.Time `json:"c"`
	Used    time.Time `json:"l"`
}

// expired says whether a record's lifetime is over, and by which limit.
func (r *record) expired(now time.Time, idle, absolute time.Duration) (reason string, over bool) {
	switch {
	case now.Sub(r.Used) > idle:
		return witness.ReasonIdle, true
	case now.Sub(r.Created) > absolute:
		return witness.ReasonAbsolute, true
	}
	return "", false
}

// A found is what a lookup brought: a record, or the reason why there is none.
type found struct {
	rec     *record
	reason  string // "" if rec is there
	failed  bool   // the store could not say
	touched bool   // the idle time began anew
	renewed string // the credential that replaces the one presented, "" none
}

// A sessionStore keeps sessions for one instance. Its methods may be called at once.
type sessionStore interface {
	load(credential string) found

	// save keeps rec and returns the credential to hand out; credential "" is a new session.
	save(credential string, rec *record) (string, error)

	// rotate moves rec from one credential to a new one.
	rotate(credential string, rec *record) (string, error)

	drop(credential string)
}

func newCredential() string {
	var b [18]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// memoryStore keeps sessions in the instance's own memory: they end with the process.
type memoryStore struct {
	idle, absolute time.Duration
	ended          func(credential, reason string) // told by sweep of each expiry

	mu      sync.Mutex
	records map[string]record
}

func newMemoryStore(idle, absolute time.Duration, ended func(credential, reason string)) *memoryStore {
	return &memoryStore{idle: idle, absolute: absolute, ended: ended, records: map[string]record{}}
}

func (m *memoryStore) load(credential string) found {
	m.mu.Lock()
	defer m.mu.Unlock()
	rec, ok := m.records[credential]
	if !ok {
		return found{reason: witness.ReasonUnknown}
	}
	now := time.Now()
	if reason, over := rec.expired(now, m.idle, m.absolute); over {
		delete(m.records, credential)
		return found{reason: reason}
	}
	rec.Used = now
	m.records[credential] = rec
	return found{rec: &rec, touched: true}
}

func (m *memoryStore) save(credential string, rec *record) (string, error) {
	if credential == "" {
		credential = newCredential()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	rec.Used = time.Now()
	m.records[credential] = *rec
	return credential, nil
}

func (m *memoryStore) rotate(credential string, rec *record) (string, error) {
	m.drop(credential)
	return m.save("", rec)
}

func (m *memoryStore) drop(credential string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, credential)
}

// sweep forgets what has expired, as session libraries do from time to time. What it
// forgot is unknown to later lookups.
func (m *memoryStore) sweep() {
	m.mu.Lock()
	now := time.Now()
	gone := map[string]string{}
	for credential, rec := range m.records {
		if reason, over := rec.expired(now, m.idle, m.absolute); over {
			delete(m.records, credential)
			gone[credential] = reason
		}
	}
	m.mu.Unlock()
	for credential, reason := range gone {
		m.ended(credential, reason)
	}
}
