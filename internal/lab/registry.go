package lab

import (
	"sync"
	"time"
)

// A registry knows to whom each credential was handed out, over all clients: the truth about credentials that reach
// somebody else.
type registry struct {
	mu    sync.Mutex
	owner map[string]ownership // by credential
	mixed map[*life]*loss      // what somebody else's presenting it came to, the first time
}

// An ownership is a life and the client whose it is.
type ownership struct {
	life *life
	of   *biography
}

func newRegistry() *registry {
	return &registry{owner: map[string]ownership{}, mixed: map[*life]*loss{}}
}

// note files a credential that was handed out.
func (g *registry) note(credential string, l *life, of *biography) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.owner[credential] = ownership{l, of}
}

// presented files that a client presented a credential which is somebody else's.
func (g *registry) presented(credential string, by *biography, x seen, o outcome, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	own, ok := g.owner[credential]
	if !ok || own.of == by || g.mixed[own.life] != nil {
		return
	}
	g.mixed[own.life] = &loss{kind: "mixed-up", at: at, good: at, from: x.instance, to: x.instance, family: by.family, path: o.path}
}
