package lab

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"limpet.dev/session"
)

// A stage is a running scenario: instances, their store, the balancer, and the clients.
type stage struct {
	opt  *DemoOptions
	sc   *scenario
	dir  string
	key  session.Key
	seed [32]byte // signing keys come from it

	ledger ledger
	tally  tally
	events *lineFile
	redis  *respServer
	spare  *respServer // the replica of redis
	disks  string      // folder of the instances' own disks, "" none

	registry *registry
	cdn      *cdn // in front of the balancers, nil: clients come to them

	lb           *choice
	edges, inner []*node     // balancers that clients talk to, and those behind them
	instances    []*instance // those that a scenario adds later too

	began   time.Time
	curtain chan struct{} // closed: clients finish what they do and leave
	players []player

	mu      sync.Mutex
	rng     *rand.Rand
	changes []changeLine
	faultAt map[string]time.Time
	struck  []struckStep

	closeOnce sync.Once
}

// A player is a client with a mind of its own.
type player interface {
	play(ctx context.Context)
}

func newStage(opt *DemoOptions, sc *scenario, dir string) (*stage, error) {
	st := &stage{
		opt: opt, sc: sc, dir: dir, key: newKey(opt.Seed),
		seed: sha256.Sum256([]byte(fmt.Sprintf("signing keys of run %d", opt.Seed))),
		rng:  newRand(opt.Seed, "stage"), registry: newRegistry(), faultAt: map[string]time.Time{}, curtain: make(chan struct{}),
	}
	var err error
	if st.lb, err = chooseLB(opt.LB); err != nil {
		return nil, err
	}
	if st.events, err = newLineFile(filepath.Join(dir, "events.jsonl")); err != nil {
		return nil, err
	}
	for i := range sc.instances + sc.spares {
		st.instances = append(st.instances, &instance{name: instanceName(i), index: i, release: firstRelease, st: st})
	}
	return st, nil
}

// start brings everything up, the balancer last.
func (st *stage) start(ctx context.Context) error {
	var err error
	if st.sc.storage == inRedis {
		if err = st.startStore(); err != nil {
			return err
		}
	}
	if st.sc.storage == inFiles {
		if st.disks, err = os.MkdirTemp("", "limpet-disks-"); err != nil {
			return fmt.Errorf("make the instances' disks: %w", err)
		}
	}
	for _, in := range st.instances[:st.sc.instances] {
		if err := in.start(); err != nil {
			return err
		}
	}
	if err := st.buildNodes(); err != nil {
		return err
	}
	for _, n := range slices.Backward(st.nodes()) { // the innermost first
		if err := n.start(ctx); err != nil {
			return fmt.Errorf("start %s as %s: %w", st.lb.name, n.name, err)
		}
	}
	if st.sc.sharedCache {
		if st.cdn, err = startCDN(st.edges[0].listen, st.opt.Duration/5); err != nil {
			return err
		}
	}
	return nil
}

// startStore starts the shared store and its replica.
func (st *stage) startStore() error {
	data := newRespData(st.sc.storeMemory)
	var err error
	if st.redis, err = startRESP(data); err != nil {
		return err
	}
	if st.spare, err = startRESP(data); err != nil {
		return err
	}
	st.spare.readOnly.Store(true)
	return nil
}

// run lets the clients play until the time is over, or until enough has happened.
func (st *stage) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	st.began = time.Now()
	st.cast()
	var clients, crew sync.WaitGroup
	for _, p := range st.players {
		clients.Go(func() { p.play(ctx) })
	}
	stop := make(chan struct{})
	var stepErr error
	crew.Go(func() { stepErr = st.carryOutSteps(ctx, stop) })
	st.watch(ctx)
	close(st.curtain)
	clients.Wait()
	close(stop)
	crew.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return stepErr
}

// cast makes the clients: shoppers, and a robot for every so many.
func (st *stage) cast() {
	bots := 0
	for i := range st.opt.Clients {
		if i%botsShare == botsShare-1 {
			st.players = append(st.players, st.newBot(i, bots))
			bots++
			continue
		}
		st.players = append(st.players, st.newShopper(i))
	}
}

// open reports whether the shop still wants visitors.
func (st *stage) open(ctx context.Context) bool {
	select {
	case <-st.curtain:
		return false
	default:
		return ctx.Err() == nil
	}
}

// rest waits, at most until the curtain falls.
func (st *stage) rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-st.curtain:
	case <-ctx.Done():
	}
}

// watch waits for the end of the run and tells its progress.
func (st *stage) watch(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var told time.Duration
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		past := time.Since(st.began)
		done := st.opt.Followups > 0 && st.tally.followups.Load() >= st.opt.Followups
		if done || past >= st.opt.Duration {
			return
		}
		if past-told >= 3*time.Second {
			told = past
			st.opt.Progress(fmt.Sprintf("%2.0f of %2.0f s, %d follow-up requests",
				past.Seconds(), st.opt.Duration.Seconds(), st.tally.followups.Load()))
		}
	}
}

// instanceClock is what the instances' clocks show.
func (st *stage) instanceClock() time.Time { return time.Now().Add(st.opt.ClockOffset) }

// signingKey is the key with which an instance signs sessions in its start-th life, from 1.
func (st *stage) signingKey(index, start int) [32]byte {
	if st.sc.freshKeys > 0 && start >= st.sc.freshKeys {
		return sha256.Sum256(append(st.seed[:], byte(index+1), byte(start)))
	}
	for _, odd := range st.sc.oddKeys {
		if odd == index {
			return sha256.Sum256(append(st.seed[:], byte(index+1)))
		}
	}
	return st.seed
}

// vague decides whether a rejection's reason shall be called unknown.
func (st *stage) vague() bool {
	if st.sc.vagueReasons == 0 {
		return false
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.rng.Float64() < st.sc.vagueReasons
}

// close ends everything that start began; it may be called twice.
func (st *stage) close() {
	st.closeOnce.Do(func() {
		if st.cdn != nil {
			st.cdn.stop()
		}
		for _, n := range st.nodes() {
			n.stop()
		}
		for _, in := range st.instances {
			in.stop()
		}
		for _, s := range []*respServer{st.redis, st.spare} {
			if s != nil {
				s.close()
			}
		}
		if st.disks != "" {
			os.RemoveAll(st.disks)
		}
		st.events.close()
	})
}
