package lab

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"limpet.dev/witness"
)

// redisStore keeps sessions in a store that all instances share.
type redisStore struct {
	client         *respClient
	prefix         string // begins the store's keys
	idle, absolute time.Duration

	// life is the time to live that the store gets; 0: twice the idle time, the safety net behind the record's own.
	life time.Duration
}

// prefix begins the store's keys, as limpet.yaml declares it.
const prefix = "sess:"

// reasonReadOnly is what the shop says when the store refuses a write because it is a replica.
const reasonReadOnly = "readonly"

// storeReason names a store's error.
func storeReason(err error) string {
	if errors.Is(err, errReadOnly) {
		return reasonReadOnly
	}
	return witness.ReasonTimeout
}

func (s *redisStore) load(credential string) found {
	text, err := s.client.do("GET", s.prefix+credential)
	if err != nil {
		return found{reason: witness.ReasonTimeout, failed: true}
	}
	if text == nil {
		return found{reason: witness.ReasonUnknown}
	}
	var rec record
	if err := json.Unmarshal(text, &rec); err != nil {
		return found{reason: witness.ReasonUnreadable}
	}
	if reason, over := rec.expired(time.Now(), s.idle, s.absolute); over {
		s.drop(credential)
		return found{reason: reason}
	}
	// Renewing the idle time is a write. Where it fails the session was found all the same, and shops with it.
	_, err = s.save(credential, &rec)
	return found{rec: &rec, touched: err == nil}
}

func (s *redisStore) save(credential string, rec *record) (string, error) {
	if credential == "" {
		credential = newCredential()
	}
	rec.Used = time.Now()
	text, err := json.Marshal(rec)
	if err != nil {
		return "", err
	}
	life := s.life
	if life == 0 {
		life = 2 * s.idle
	}
	ms := strconv.FormatInt(life.Milliseconds(), 10)
	_, err = s.client.do("SET", s.prefix+credential, string(text), "PX", ms)
	return credential, err
}

func (s *redisStore) rotate(credential string, rec *record) (string, error) {
	s.drop(credential)
	return s.save("", rec)
}

func (s *redisStore) drop(credential string) {
	// A failed deletion leaves an entry that expires by itself.
	_, _ = s.client.do("DEL", s.prefix+credential)
}
