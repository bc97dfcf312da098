package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"limpet.dev/topology"
)

// check watches one instance of a pool as the configuration says, until ctx ends, and tells router
// and log when it goes down or comes back.
func (e *emulator) check(ctx context.Context, g *running, p *emulatedPool, in *topology.Instance) {
	hc := in.Check
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	up, streak := true, 0 // streak counts results that contradict the state
	generation := g.generation.Load()
	for {
		pause(ctx, interval(hc, up, streak > 0))
		if ctx.Err() != nil {
			return
		}
		if now := g.generation.Load(); now != generation {
			generation, up, streak = now, true, 0
		}
		began := time.Now()
		ok, detail := e.probe(ctx, client, in)
		if ctx.Err() != nil {
			return
		}
		if ok == up {
			streak = 0
			continue
		}
		streak++
		if up && streak < hc.Fall || !up && streak < hc.Rise {
			continue
		}
		up, streak = ok, 0
		e.turn(g, p, in.Name, up, fmt.Sprintf("%s, check duration: %dms", detail, time.Since(began).Milliseconds()))
	}
}

// interval is the time until the next check; some products have their own for instances that are
// down and for those whose state is in doubt.
func interval(hc *topology.HealthCheck, up, inDoubt bool) time.Duration {
	switch {
	case inDoubt && hc.FastInterval > 0:
		return hc.FastInterval
	case !up && hc.DownInterval > 0:
		return hc.DownInterval
	}
	return hc.Interval
}

// turn changes an instance's state.
func (e *emulator) turn(g *running, p *emulatedPool, name string, up bool, detail string) {
	e.mu.Lock()
	p.router.SetUp(name, up)
	e.mu.Unlock()
	e.node.messages().append(func(dst []byte) []byte {
		return g.writer.AppendHealth(dst, time.Now(), p.pool.Name, name, up, detail)
	})
}

// patience is how long one check waits. On loopback the connection is there at once, so
// what counts is the time for the answer.
func (e *emulator) patience(hc *topology.HealthCheck) time.Duration {
	if t := e.node.tier.check.timeout; t > 0 {
		return t
	}
	return hc.Timeout
}

// probe is one check. The detail is in the product's words.
func (e *emulator) probe(ctx context.Context, client *http.Client, in *topology.Instance) (ok bool, detail string) {
	ctx, cancel := context.WithTimeout(ctx, e.patience(in.Check))
	defer cancel()
	if in.Check.Kind != "http" {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", in.Address)
		if err != nil {
			return false, e.manner.refused
		}
		conn.Close()
		return true, e.manner.connected
	}
	method := in.Check.Method
	if method == "" {
		method = http.MethodOptions
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+in.Address+in.Check.Path, nil)
	if err != nil {
		return false, e.manner.garbled
	}
	resp, err := client.Do(req)
	if err != nil {
		if op, isOp := errors.AsType[*net.OpError](err); isOp && op.Op == "dial" && ctx.Err() == nil {
			return false, e.manner.refused
		}
		return false, e.manner.late
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	ok = resp.StatusCode >= 200 && resp.StatusCode < 400
	return ok, e.manner.answered(ok, resp.StatusCode)
}
