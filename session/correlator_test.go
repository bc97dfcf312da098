package session

import (
	"math/rand/v2"
	"testing"
	"time"
)

// story plays requests of one client and returns the correlator and the finished timelines.
type story struct {
	t     *testing.T
	vocab *Vocabulary
	c     *Correlator
	now   int64
	done  []Timeline
}

func newStory(t *testing.T, s Settings) *story {
	t.Helper()
	st := &story{t: t, vocab: NewVocabulary(), now: time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC).UnixNano()}
	s.Done = func(tl *Timeline) { st.done = append(st.done, *tl) }
	st.c = NewCorrelator(st.vocab, s)
	return st
}

// ask sends one request a second after the one before; change sets what is special about it.
func (s *story) ask(instance, path string, presented uint64, change func(*Record)) *story {
	s.now += int64(time.Second)
	r := Record{Kind: Request, Start: s.now, End: s.now + int64(20*time.Millisecond), Presented: presented, Client: 7, Status: 200, Bytes: 5000, Cart: -1,
		Instance: s.vocab.Instances.ID(instance), Route: s.vocab.Routes.ID(path), Method: GET,
		Has: HasSession | HasSetSession | HasStatus | HasInstance | HasClient}
	if change != nil {
		change(&r)
	}
	s.c.Add(&r, nil)
	return s
}

func (s *story) wait(d time.Duration) *story { s.now += int64(d); return s }

func (s *story) reason(word string) uint16 { return s.vocab.Reasons.ID(word) }

// want checks one sum.
func (s *story) want(name string, got, want int64) *story {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s = %d, want %d", name, got, want)
	}
	return s
}

func hit(r *Record)  { r.App = AppSeen | AppHit }
func miss(r *Record) { r.App = AppSeen | AppMiss }

func sets(key uint64) func(*Record) { return func(r *Record) { r.Set = key } }

func creates(key uint64) func(*Record) {
	return func(r *Record) { r.Set = key; r.App = AppSeen | AppCreate; r.Method = POST }
}

func TestSessionHeldAndHonoured(t *testing.T) {
	s := newStory(t, Settings{Events: true})
	s.ask("app1", "/login", 0, creates(1)).ask("app1", "/cart", 1, hit).ask("app1", "/cart", 1, hit)
	s.want("followups", s.c.Followups, 2).want("held", s.c.Held, 2).want("honoured", s.c.Honoured, 2).want("lost", s.c.Lost, 0)
}

func TestMovedIsNotLost(t *testing.T) {
	s := newStory(t, Settings{Events: true})
	s.ask("app1", "/login", 0, creates(1)).ask("app2", "/cart", 1, hit)
	s.want("moved", s.c.Moved, 1).want("honoured", s.c.Honoured, 1)
	s.c.Close()
	if len(s.done) != 1 || s.done[0].Moves != 1 || len(s.done[0].Visits) != 0 {
		t.Errorf("timeline = %+v, want one move and no kept visits", s.done)
	}
}

func TestMissOnAnotherInstanceIsLostAndBouncingBackRecovers(t *testing.T) {
	s := newStory(t, Settings{Events: true})
	s.ask("app1", "/login", 0, creates(1)).ask("app2", "/cart", 1, miss).ask("app1", "/cart", 1, hit)
	s.want("lost", s.c.Lost, 1).want("honoured", s.c.Honoured, 1).want("moved", s.c.Moved, 2)
	s.c.Close()
	tl := s.done[0]
	if tl.Recovered == 0 || tl.RecoveredBy != "the same session again" {
		t.Errorf("recovered %d by %q, want recovery by the same session", tl.Recovered, tl.RecoveredBy)
	}
}

func TestLegitimateEndsAreNoBreaks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		reason string
		end    func(c *Correlator) int64
	}{
		{"idle", "idle", func(c *Correlator) int64 { return c.EndsIdle }},
		{"absolute", "absolute", func(c *Correlator) int64 { return c.EndsAbsolute }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStory(t, Settings{Events: true})
			s.ask("app1", "/login", 0, creates(1)).ask("app1", "/cart", 1, hit)
			s.ask("app1", "/cart", 1, func(r *Record) { r.App = AppSeen | AppMiss; r.Reason = s.reason(tt.reason) })
			s.want("lost", s.c.Lost, 0).want("followups", s.c.Followups, 1).want("end", tt.end(s.c), 1)
		})
	}
}

func TestIdleExpiryByDeclaredLifetime(t *testing.T) {
	s := newStory(t, Settings{Events: true, Idle: time.Minute})
	s.ask("app1", "/login", 0, creates(1)).wait(2*time.Minute).ask("app1", "/cart", 1, func(r *Record) { r.App = AppSeen | AppMiss; r.Reason = s.reason("unknown") })
	s.want("lost", s.c.Lost, 0).want("idle", s.c.EndsIdle, 1)
}

func TestLogoutEndsTheSession(t *testing.T) {
	s := newStory(t, Settings{Events: true})
	s.ask("app1", "/login", 0, creates(1))
	s.ask("app1", "/logout", 1, func(r *Record) {
		r.App = AppSeen | AppHit | AppDestroy
		r.Reason = s.reason("logout")
		r.Method = POST
	})
	s.ask("app1", "/cart", 1, miss)
	s.want("logout", s.c.EndsLogout, 1).want("lost", s.c.Lost, 0).want("followups", s.c.Followups, 1)
}

func TestRotationAtLoginIsOneLife(t *testing.T) {
	s := newStory(t, Settings{Events: true})
	s.ask("app1", "/cart", 0, creates(1))
	s.ask("app1", "/login", 1, func(r *Record) { r.App = AppSeen | AppHit | AppRotate; r.Set = 2; r.Method = POST })
	s.ask("app1", "/cart", 2, hit)
	s.want("sessions", s.c.Sessions, 1).want("honoured", s.c.Honoured, 2).want("lost", s.c.Lost, 0)
}

func TestNewIdAfterAMissIsANewLife(t *testing.T) {
	s := newStory(t, Settings{Events: true})
	s.ask("app1", "/login", 0, creates(1))
	s.ask("app2", "/cart", 1, func(r *Record) { r.App = AppSeen | AppMiss | AppCreate; r.Set = 2 })
	s.ask("app1", "/cart", 2, miss)
	s.want("sessions", s.c.Sessions, 2).want("lost", s.c.Lost, 2)
}

func TestStaleStateIsIncomplete(t *testing.T) {
	s := newStory(t, Settings{Events: true})
	s.ask("app1", "/login", 0, creates(1)).ask("app2", "/cart", 1, func(r *Record) { r.App = AppSeen | AppStale })
	s.want("incomplete", s.c.Incomplete, 1).want("lost", s.c.Lost, 0)
}

func TestStoreErrorIsLostAndTheNextHitItsRecovery(t *testing.T) {
	s := newStory(t, Settings{Events: true})
	s.ask("app1", "/login", 0, creates(1)).ask("app1", "/cart", 1, func(r *Record) { r.App = AppSeen | AppError }).ask("app1", "/cart", 1, hit)
	s.want("lost", s.c.Lost, 1).want("honoured", s.c.Honoured, 1)
	s.c.Close()
	if s.done[0].Recovered == 0 {
		t.Error("not recovered, want the next hit to be the recovery")
	}
}

func TestUnservedIsNeitherHonouredNorLost(t *testing.T) {
	s := newStory(t, Settings{Events: true})
	s.ask("app1", "/login", 0, creates(1)).ask("", "/cart", 1, func(r *Record) { r.Status = 503; r.Flow.Unserved = true })
	s.want("unserved", s.c.Unserved, 1).want("lost", s.c.Lost, 0).want("moved", s.c.Moved, 0)
}

func TestCrossSitePostWithoutTheCookieIsWithheld(t *testing.T) {
	s := newStory(t, Settings{Events: true})
	s.ask("app1", "/login", 0, creates(1)).ask("app1", "/checkout", 1, hit)
	s.ask("app1", "/checkout/return", 0, func(r *Record) { r.Method = POST; r.Flags = Foreign; r.Set = 2; r.App = AppSeen | AppCreate })
	s.want("withheld", s.c.Withheld, 1).want("followups", s.c.Followups, 2)
	s.c.Close()
	for _, tl := range s.done {
		if tl.Followups == 2 && len(tl.Visits) == 0 {
			t.Error("the broken session's visits were not kept")
		}
	}
}

func TestSignsInTheLogAlone(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Record)
		sign   Signs
	}{
		{"a new credential", sets(2), SignNewCredential},
		{"refused where it was allowed", func(r *Record) { r.Status = 401 }, SignDenied},
		{"sent to the login page", func(r *Record) { r.Status = 303; r.Flags = ToLogin; r.Has |= HasLocation }, SignDenied},
		{"cookie deleted", func(r *Record) { r.Flags = Cleared }, SignCleared},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStory(t, Settings{})
			s.ask("app1", "/login", 0, sets(1)).ask("app1", "/cart", 1, nil).ask("app2", "/cart", 1, tt.change)
			s.want("suspect", s.c.Suspect, 1).want("honoured", s.c.Honoured, 1)
			s.c.Close()
			for _, tl := range s.done {
				if n := len(tl.Visits); n > 0 && tl.Visits[n-1].Signs != tt.sign {
					t.Errorf("signs = %b, want %b", tl.Visits[n-1].Signs, tt.sign)
				}
			}
		})
	}
}

func TestWrongPasswordIsNoSign(t *testing.T) {
	s := newStory(t, Settings{})
	s.ask("app1", "/", 0, sets(1)).ask("app1", "/login", 1, func(r *Record) { r.Method = POST; r.Status = 401 })
	s.want("suspect", s.c.Suspect, 0).want("bad passwords", s.c.BadPasswords, 1)
}

// The sums of architecture.md hold for any input whatever.
func TestSumsAlwaysHold(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 9))
		vocab := NewVocabulary()
		for i := range 6 {
			vocab.Instances.ID(string(rune('a' + i)))
			vocab.Reasons.ID([]string{"", "idle", "logout", "unknown", "bad-signature", "absolute"}[i])
			vocab.Routes.ID([]string{"/", "/login", "/logout", "/cart", "/checkout", "/static/x"}[i])
		}
		c := NewCorrelator(vocab, Settings{Events: seed%2 == 0, Idle: time.Duration(seed%3) * time.Minute, Silence: 10 * time.Minute})
		now := int64(1e18)
		for range 3000 {
			now += rng.Int64N(int64(20 * time.Second))
			r := Record{Kind: Request, Start: now - rng.Int64N(int64(3*time.Second)), Cart: -1, Bytes: int32(rng.IntN(9000)) - 1,
				Presented: uint64(rng.IntN(60)), Instance: uint16(rng.IntN(5)), Route: uint16(1 + rng.IntN(5)), Client: uint64(rng.IntN(30)),
				Status: []uint16{200, 200, 303, 401, 503, 0}[rng.IntN(6)], Method: Method(1 + rng.IntN(3)), Flags: Flags(rng.IntN(8)), Has: Facts(rng.IntN(1 << 13))}
			r.End = r.Start + rng.Int64N(int64(time.Second))
			if rng.IntN(4) == 0 {
				r.Set = uint64(rng.IntN(60))
			}
			if rng.IntN(2) == 0 {
				r.App = AppSeen | AppFacts(rng.IntN(1<<12))
				r.Reason = uint16(rng.IntN(6))
			}
			r.Flow.Unserved = rng.IntN(10) == 0
			r.Flow.Affinity = AffinityState(rng.IntN(9))
			c.Add(&r, nil)
		}
		c.Close()
		if sum := c.Honoured + c.Lost + c.Incomplete + c.Withheld + c.Unserved + c.Unknown + c.Suspect; sum != c.Followups {
			t.Errorf("seed %d: outcomes add up to %d, follow-ups are %d", seed, sum, c.Followups)
		}
		if sum := c.FirstSeen + c.Held + c.Moved + c.Unserved + c.Withheld; sum != c.Followups {
			t.Errorf("seed %d: routings add up to %d, follow-ups are %d", seed, sum, c.Followups)
		}
		if c.keys.used != 0 || len(c.traces) != 0 || c.clients.used != 0 {
			t.Errorf("seed %d: %d keys, %d traces, %d clients left after the end", seed, c.keys.used, len(c.traces), c.clients.used)
		}
	}
}
