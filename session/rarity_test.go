package session

import "testing"

// marks returns the marks of all finished timelines.
func (s *story) marks() map[Mark]int {
	s.c.Close()
	marks := map[Mark]int{}
	for _, tl := range s.done {
		for _, v := range tl.Visits {
			if v.Mark != NoMark {
				marks[v.Mark]++
			}
		}
	}
	return marks
}

// from is a request of another client, with its browser and its affinity value.
func from(client uint64, agent uint16, affinity uint32) func(*Record) {
	return func(r *Record) { hit(r); r.Client, r.Agent, r.Affinity = client, agent, affinity }
}

func TestTwoClientsOnOneCredentialAreMixedUp(t *testing.T) {
	for _, tt := range []struct {
		name   string
		others []func(*Record)
		want   int
	}{
		{"a phone changes its address", []func(*Record){from(8, 1, 5)}, 0},
		{"a phone changes its address and comes back", []func(*Record){from(8, 1, 5), from(7, 1, 5)}, 0},
		{"another browser", []func(*Record){from(8, 2, 5)}, 1},
		{"the same browser with another affinity value, once", []func(*Record){from(8, 1, 6)}, 0},
		{"affinity values take turns", []func(*Record){from(8, 1, 6), from(7, 1, 5)}, 1},
		{"a network that deals out its addresses anew for each connection", []func(*Record){from(8, 1, 0), from(9, 1, 0), from(7, 1, 0)}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStory(t, Settings{Events: true})
			s.ask("app1", "/login", 0, func(r *Record) { creates(1)(r); r.Agent, r.NewAffin = 1, 5 })
			s.ask("app1", "/cart", 1, from(7, 1, 5))
			for _, o := range tt.others {
				s.ask("app1", "/cart", 1, o)
			}
			followups := s.c.Followups
			s.want("mixed up", int64(s.marks()[MixedUp]), int64(tt.want)).want("honoured", s.c.Honoured, followups)
		})
	}
}

func TestALoginWhoseCookieNeverComesIsNeverEstablished(t *testing.T) {
	kept := func(r *Record) { creates(1)(r); r.App |= AppKept | AppUser; r.User = 9 }
	refused := func(r *Record) { r.App, r.Flags, r.Status = 0, ToLogin, 303 }
	s := newStory(t, Settings{Events: true})
	s.ask("app1", "/login", 0, kept).ask("app1", "/account", 0, refused)
	s.want("never established", int64(s.marks()[NeverEstablished]), 1).want("followups", s.c.Followups, 0)

	s = newStory(t, Settings{}) // by the log alone
	s.ask("app1", "/login", 0, func(r *Record) { r.Method, r.Status = POST, 303 }).ask("app1", "/account", 0, refused)
	s.want("never established, by the log", int64(s.marks()[NeverEstablished]), 1)

	s = newStory(t, Settings{Events: true})
	s.ask("app1", "/login", 0, kept).ask("app1", "/", 0, nil)
	s.want("a page for everybody proves nothing", int64(s.marks()[NeverEstablished]), 0)
}

func TestASessionThatOnlyTheBalancerAnswersIsUnserved(t *testing.T) {
	gone := func(r *Record) { r.Instance, r.Status, r.Flow.Unserved = 0, 503, true }
	for name, others := range map[string]int{"while others are served": 8, "while nobody is": 0} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t, Settings{})
			s.ask("app1", "/login", 0, sets(1)).ask("app1", "/cart", 1, nil)
			s.ask("app2", "/login", 0, func(r *Record) { r.Set, r.Client = 2, 8 })
			s.ask("", "/cart", 1, gone)
			for range others {
				s.ask("app2", "/page", 2, func(r *Record) { r.Client = 8 })
			}
			s.ask("", "/cart", 1, gone)
			want := int64(0)
			if others > 0 {
				want = 1
			}
			s.want("unserved", s.c.Unserved, 2).want("breaks", int64(s.marks()[NotServed]), want)
		})
	}
}
