package lab

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"limpet.dev/witness"
)

// cookieStore keeps nothing: the session is the cookie, signed with a key that all
// instances must share. Each change makes another credential.
type cookieStore struct {
	key            [32]byte
	idle, absolute time.Duration
	vague          func() bool // whether this rejection's reason shall be called unknown
}

var cookieEncoding = base64.RawURLEncoding

func (s *cookieStore) load(credential string) found {
	body, signature, ok := strings.Cut(credential, ".")
	if !ok || !hmac.Equal([]byte(signature), []byte(s.sign(body))) {
		return found{reason: s.rejection(ok)}
	}
	text, err := cookieEncoding.DecodeString(body)
	if err != nil {
		return found{reason: witness.ReasonUnreadable}
	}
	var rec record
	if err := json.Unmarshal(text, &rec); err != nil {
		return found{reason: witness.ReasonUnreadable}
	}
	now := time.Now()
	if reason, over := rec.expired(now, s.idle, s.absolute); over {
		return found{reason: reason}
	}
	f := found{rec: &rec}
	// The idle time lives in the cookie: it is renewed before it matters, as frameworks
	// with a sliding lifetime do.
	if now.Sub(rec.Used) > s.idle/4 {
		f.renewed, _ = s.save(credential, &rec)
		f.touched = true
	}
	return f
}

func (s *cookieStore) rejection(looksSigned bool) string {
	switch {
	case s.vague():
		return witness.ReasonUnknown
	case looksSigned:
		return witness.ReasonBadSignature
	}
	return witness.ReasonUnreadable
}

func (s *cookieStore) save(_ string, rec *record) (string, error) {
	rec.Used = time.Now()
	text, err := json.Marshal(rec)
	if err != nil {
		return "", err
	}
	body := cookieEncoding.EncodeToString(text)
	return body + "." + s.sign(body), nil
}

func (s *cookieStore) rotate(credential string, rec *record) (string, error) {
	return s.save(credential, rec)
}

func (s *cookieStore) drop(string) {}

func (s *cookieStore) sign(body string) string {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write([]byte(body))
	return cookieEncoding.EncodeToString(mac.Sum(nil)[:20])
}
