package lab

import (
	"encoding/json"
	"strconv"
	"time"

	"limpet.dev/witness"
)

// redisStore keeps sessions in a store that all instances share.
type redisStore struct {
	client         *respClient
	idle, absolute time.Duration
}

// prefix begins the store's keys, as limpet.yaml declares it.
const prefix = "sess:"

func (s *redisStore) load(credential string) found {
	text, err := s.client.do("GET", prefix+credential)
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
	if _, err := s.save(credential, &rec); err != nil {
		return found{reason: witness.ReasonTimeout, failed: true}
	}
	return found{rec: &rec, touched: true}
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
	// The store's own expiry is the safety net behind the record's: twice the idle time.
	ms := strconv.FormatInt((2 * s.idle).Milliseconds(), 10)
	_, err = s.client.do("SET", prefix+credential, string(text), "PX", ms)
	return credential, err
}

func (s *redisStore) rotate(credential string, rec *record) (string, error) {
	s.drop(credential)
	return s.save("", rec)
}

func (s *redisStore) drop(credential string) {
	// A failed deletion leaves an entry that expires by itself.
	_, _ = s.client.do("DEL", prefix+credential)
}
