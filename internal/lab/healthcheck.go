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

// check watches one instance as the configuration says, until ctx ends, and tells router
// and log when it goes down or comes back.
func (e *emulator) check(ctx context.Context, in *topology.Instance) {
	hc := in.Check
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	up, streak := true, 0 // streak counts results that contradict the state
	generation := e.generation.Load()
	for {
		pause(ctx, interval(hc, up, streak > 0))
		if ctx.Err() != nil {
			return
		}
		if g := e.generation.Load(); g != generation {
			generation, up, streak = g, true, 0
		}
		began := time.Now()
		ok, detail := probe(ctx, client, in, e.patience(hc))
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
		e.turn(in.Name, up, fmt.Sprintf("%s, check duration: %dms", detail, time.Since(began).Milliseconds()))
	}
}

// interval is the time until the next check; HAProxy has its own for instances that are
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
func (e *emulator) turn(name string, up bool, detail string) {
	e.mu.Lock()
	e.router.SetUp(name, up)
	e.mu.Unlock()
	e.out.append(func(dst []byte) []byte {
		return e.writer.AppendHealth(dst, time.Now(), e.pool.Name, name, up, detail)
	})
}

// patience is how long one check waits. On loopback the connection is there at once, so
// what counts is the time for the answer.
func (e *emulator) patience(hc *topology.HealthCheck) time.Duration {
	if e.answer > 0 {
		return e.answer
	}
	return hc.Timeout
}

// probe is one check. The detail is in HAProxy's words.
func probe(ctx context.Context, client *http.Client, in *topology.Instance, patience time.Duration) (ok bool, detail string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if in.Check.Kind != "http" {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", in.Address)
		if err != nil {
			return false, "Layer4 connection problem, info: \"Connection refused\""
		}
		conn.Close()
		return true, "Layer4 check passed"
	}
	method := in.Check.Method
	if method == "" {
		method = http.MethodOptions
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+in.Address+in.Check.Path, nil)
	if err != nil {
		return false, "Layer7 invalid response"
	}
	resp, err := client.Do(req)
	if err != nil {
		if op, isOp := errors.AsType[*net.OpError](err); isOp && op.Op == "dial" && ctx.Err() == nil {
			return false, "Layer4 connection problem, info: \"Connection refused\""
		}
		return false, "Layer7 timeout"
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	code := resp.StatusCode
	return code >= 200 && code < 400, fmt.Sprintf("Layer7 check %s, code: %d", map[bool]string{true: "passed", false: "failed"}[code < 400], code)
}
