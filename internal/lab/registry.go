package lab

import (
	"sync"
	"time"

	"limpet.dev/cookie"
)

// A registry knows to whom each credential was handed out, over all clients: the truth about credentials that reach
// somebody else.
type registry struct {
	mu    sync.Mutex
	owner map[string]ownership // by credential
	mixed map[*life]*mixing
}

// An ownership is a life and the client whose it is.
type ownership struct {
	life *life
	of   *biography
}

// A mixing is a life whose credential somebody else presented.
type mixing struct {
	first *loss
	by    *biography // who did so first

	// proven: two clients use it at once. One that takes it over for good may be the same person elsewhere.
	proven bool
}

func newRegistry() *registry {
	return &registry{owner: map[string]ownership{}, mixed: map[*life]*mixing{}}
}

// note files a credential that was handed out.
func (g *registry) note(credential string, l *life, of *biography) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.owner[credential] = ownership{l, of}
}

// used files that a life's own client presented its credential.
func (g *registry) used(l *life) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m := g.mixed[l]; m != nil {
		m.proven = true
	}
}

// presented files that a client presented a credential which is somebody else's.
func (g *registry) presented(credential string, by *biography, x seen, o outcome, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	own, ok := g.owner[credential]
	if !ok || own.of == by {
		return
	}
	m := g.mixed[own.life]
	if m == nil {
		m = &mixing{by: by, first: &loss{kind: "mixed-up", at: at, good: at, from: x.instance, to: x.instance, family: by.family, path: o.path}}
		g.mixed[own.life] = m
	}
	m.proven = m.proven || m.by != by || cookie.Family([]byte(by.agent)) != cookie.Family([]byte(own.of.agent))
}

// mixUp returns what a life's being mixed up came to, nil if it was not.
func (g *registry) mixUp(l *life) *loss {
	if m := g.mixed[l]; m != nil && m.proven {
		return m.first
	}
	return nil
}
