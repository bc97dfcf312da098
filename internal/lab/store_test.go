package lab

import (
	"testing"
	"time"

	"limpet.dev/witness"
)

// TestStoresKeepAndForget: what each kind of store must do with a session.
func TestStoresKeepAndForget(t *testing.T) {
	server, err := startRESP(newRespData(0))
	if err != nil {
		t.Fatal(err)
	}
	defer server.close()
	client := &respClient{addr: server.addr()}
	defer client.close()
	never := func() bool { return false }
	makers := map[string]func(idle, absolute time.Duration) sessionStore{
		"memory": func(i, a time.Duration) sessionStore { return newMemoryStore(i, a, func(string, string) {}) },
		"cookie": func(i, a time.Duration) sessionStore { return &cookieStore{idle: i, absolute: a, vague: never} },
		"file":   func(i, a time.Duration) sessionStore { return &fileStore{dir: t.TempDir(), idle: i, absolute: a} },
		"redis":  func(i, a time.Duration) sessionStore { return &redisStore{client: client, idle: i, absolute: a} },
	}
	for name, store := range makers {
		t.Run(name, func(t *testing.T) {
			s := store(time.Hour, time.Hour)
			rec := &record{Created: time.Now(), Items: 2}
			first, err := s.save("", rec)
			if err != nil {
				t.Fatal(err)
			}
			if f := s.load(first); f.rec == nil || f.rec.Items != 2 {
				t.Fatalf("a saved session is not found: %q", f.reason)
			}
			rec.User = "somebody"
			second, err := s.rotate(first, rec)
			if err != nil || second == first {
				t.Fatalf("the credential did not change, error %v", err)
			}
			if f := s.load(second); f.rec == nil || f.rec.User != "somebody" {
				t.Error("a rotated session lost its state")
			}
			old := store(time.Hour, time.Nanosecond)
			third, err := old.save("", &record{Created: time.Now().Add(-time.Minute)})
			if err != nil {
				t.Fatal(err)
			}
			if f := old.load(third); f.rec != nil || f.reason != witness.ReasonAbsolute {
				t.Errorf("an old session: reason %q, want absolute", f.reason)
			}
			idle := store(0, time.Hour)
			if f := idle.load(mustSave(t, idle)); f.rec != nil || name != "redis" && f.reason != witness.ReasonIdle {
				t.Errorf("an idle session: reason %q, want idle", f.reason)
			}
		})
	}
}

func mustSave(t *testing.T, s sessionStore) string {
	t.Helper()
	credential, err := s.save("", &record{Created: time.Now()})
	if err != nil {
		// A life of no milliseconds is refused by the shared store, as redis does.
		return "gone"
	}
	return credential
}

func TestCookieOfAnotherKeyIsABadSignature(t *testing.T) {
	never := func() bool { return false }
	here := &cookieStore{key: [32]byte{1}, idle: time.Hour, absolute: time.Hour, vague: never}
	there := &cookieStore{key: [32]byte{2}, idle: time.Hour, absolute: time.Hour, vague: never}
	credential, err := here.save("", &record{Created: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if f := there.load(credential); f.rec != nil || f.reason != witness.ReasonBadSignature {
		t.Errorf("reason %q, want bad-signature", f.reason)
	}
	if f := here.load(credential + "x"); f.rec != nil || f.reason != witness.ReasonBadSignature {
		t.Errorf("an altered cookie: reason %q, want bad-signature", f.reason)
	}
	if f := here.load("nonsense"); f.reason != witness.ReasonUnreadable {
		t.Errorf("nonsense: reason %q, want unreadable", f.reason)
	}
}

func TestFlushEmptiesTheSharedStore(t *testing.T) {
	server, err := startRESP(newRespData(0))
	if err != nil {
		t.Fatal(err)
	}
	defer server.close()
	a, b := &respClient{addr: server.addr()}, &respClient{addr: server.addr()}
	defer a.close()
	defer b.close()
	s := &redisStore{client: a, idle: time.Hour, absolute: time.Hour}
	credential, err := s.save("", &record{Created: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	other := &redisStore{client: b, idle: time.Hour, absolute: time.Hour}
	if f := other.load(credential); f.rec == nil {
		t.Fatal("another instance does not find the session")
	}
	if _, err := b.do("FLUSHALL"); err != nil {
		t.Fatal(err)
	}
	if f := s.load(credential); f.rec != nil || f.reason != witness.ReasonUnknown {
		t.Errorf("after the flush: reason %q, want unknown", f.reason)
	}
}
