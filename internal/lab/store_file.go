package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"time"

	"limpet.dev/witness"
)

// fileStore keeps each session in a file of the instance's own disk: sessions outlive the process, and no other
// instance sees them. A file is named by a digest, so that no credential stands in a folder's listing.
type fileStore struct {
	dir            string
	idle, absolute time.Duration

	mu sync.Mutex
}

func (s *fileStore) path(credential string) string {
	sum := sha256.Sum256([]byte(credential))
	return filepath.Join(s.dir, "sess_"+hex.EncodeToString(sum[:12]))
}

func (s *fileStore) load(credential string) found {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := os.ReadFile(s.path(credential))
	if err != nil {
		return found{reason: witness.ReasonUnknown}
	}
	var rec record
	if err := json.Unmarshal(text, &rec); err != nil {
		return found{reason: witness.ReasonUnreadable}
	}
	if reason, over := rec.expired(time.Now(), s.idle, s.absolute); over {
		os.Remove(s.path(credential))
		return found{reason: reason}
	}
	if s.write(credential, &rec) != nil {
		return found{reason: witness.ReasonTimeout, failed: true}
	}
	return found{rec: &rec, touched: true}
}

func (s *fileStore) save(credential string, rec *record) (string, error) {
	if credential == "" {
		credential = newCredential()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return credential, s.write(credential, rec)
}

func (s *fileStore) write(credential string, rec *record) error {
	rec.Used = time.Now()
	text, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	return os.WriteFile(s.path(credential), text, 0o600)
}

func (s *fileStore) rotate(credential string, rec *record) (string, error) {
	s.drop(credential)
	return s.save("", rec)
}

func (s *fileStore) drop(credential string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// What could not be removed expires by itself.
	_ = os.Remove(s.path(credential))
}
