package lab

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"limpet.dev/witness"
)

// An instance is one running copy of the shop, on an address that it keeps over restarts.
type instance struct {
	name    string
	index   int
	addr    string
	release string
	starts  int
	st      *stage

	mu      sync.Mutex
	shop    *shop
	server  *http.Server
	resp    *respClient
	stopped chan struct{} // closed by stop: ends the janitor
	wg      sync.WaitGroup
}

// start begins to serve with an empty memory, and says so in an event.
func (in *instance) start() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	listener, err := in.listen()
	if err != nil {
		return fmt.Errorf("start %s: %w", in.name, err)
	}
	in.addr = listener.Addr().String()
	in.stopped = make(chan struct{})
	in.starts++
	if in.shop, err = in.newShop(); err != nil {
		listener.Close()
		return fmt.Errorf("start %s: %w", in.name, err)
	}
	in.server = &http.Server{
		Handler:           in.shop.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	server := in.server
	in.wg.Go(func() { server.Serve(listener) })
	if memory, ok := in.shop.store.(*memoryStore); ok {
		stopped := in.stopped
		in.wg.Go(func() { janitor(memory, stopped) })
	}
	in.shop.record.Record(context.Background(), witness.Event{Op: witness.Start})
	return nil
}

// listen takes the address; after a restart it waits for the kernel to give it back.
func (in *instance) listen() (net.Listener, error) {
	addr := in.addr
	if addr == "" {
		addr = fmt.Sprintf("127.0.9.%d:0", in.index+1)
	}
	var err error
	for range 50 {
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err == nil {
			return l, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, err
}

func (in *instance) newShop() (*shop, error) {
	sc := in.st.sc
	rec := &witness.Recorder{
		Sink: in.st.events.add, Now: in.st.instanceClock, Zone: in.st.opt.Zone, Key: in.st.key,
		Instance: in.name, Release: in.release, Store: string(sc.storage),
	}
	s := &shop{name: in.name, record: rec, ledger: &in.st.ledger, returnStarts: sc.returnStarts,
		secure: sc.https, schemeLost: slices.Contains(sc.schemeLost, in.index), rolling: sc.rolling}
	switch sc.storage {
	case inRedis:
		s.store = in.redisStore()
	case inCookie:
		s.store = &cookieStore{key: in.st.signingKey(in.index, in.starts), idle: sc.idle, absolute: sc.absolute, vague: in.st.vague}
	case inFiles:
		dir := filepath.Join(in.st.disks, in.name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		s.store = &fileStore{dir: dir, idle: sc.idle, absolute: sc.absolute}
	default:
		s.store = newMemoryStore(sc.idle, sc.absolute, func(credential, reason string) {
			rec.Record(context.Background(), witness.Event{Op: witness.Destroy, Reason: reason, Session: credential})
		})
	}
	return s, nil
}

func (in *instance) redisStore() *redisStore {
	sc := in.st.sc
	in.resp = &respClient{addr: in.st.redis.addr()}
	s := &redisStore{client: in.resp, prefix: prefix, idle: sc.idle, absolute: sc.absolute}
	if sc.byRelease {
		s.prefix += in.release + ":"
	}
	if sc.shortLived == nil || slices.Contains(sc.shortLived, in.index) {
		s.life = sc.storeLife
	}
	return s
}

// janitor clears a memory store out once a second.
func janitor(m *memoryStore, stopped <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			m.sweep()
		case <-stopped:
			return
		}
	}
}

// stop ends the process: its listener, its connections, its memory. Requests under way get their answers, as with
// any orderly stop; sessions do not survive it.
func (in *instance) stop() { in.end(300 * time.Millisecond) }

// kill ends the process at once: requests under way break off.
func (in *instance) kill() { in.end(0) }

func (in *instance) end(grace time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if grace == 0 || in.server.Shutdown(ctx) != nil {
		in.server.Close()
	}
	close(in.stopped)
	in.wg.Wait()
	if in.resp != nil {
		in.resp.close()
	}
	in.server = nil
}

// slow makes answers late, the health page's most; zero durations end it.
func (in *instance) slow(pages, health time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.shop.late.Store(int64(pages))
	in.shop.lateHealth.Store(int64(health))
}
