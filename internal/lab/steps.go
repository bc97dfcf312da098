package lab

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// carryOutSteps does what the scenario plans, each step at its time, until all is done or
// stop is closed. What a step began has ended when it returns.
func (st *stage) carryOutSteps(ctx context.Context, stop <-chan struct{}) error {
	steps := slices.Clone(st.sc.steps)
	slices.SortFunc(steps, func(a, b step) int { return int(a.at - b.at) })
	var wg sync.WaitGroup
	errs := make([]error, len(steps))
	for i, s := range steps {
		if !until(ctx, stop, st.began.Add(s.at)) {
			break
		}
		st.noteStep(i, s)
		wg.Go(func() { errs[i] = st.carryOut(ctx, stop, s) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// until waits for a moment; false means that the run ended before it.
func until(ctx context.Context, stop <-chan struct{}, at time.Time) bool {
	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-stop:
	case <-ctx.Done():
	}
	return false
}

// noteStep remembers when the step came, for the truth and for the change records.
func (st *stage) noteStep(i int, s step) {
	now := time.Now()
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.sc.cause != "" {
		st.faultAt[fmt.Sprintf("step%d", i+1)] = now.UTC()
	}
	st.struck = append(st.struck, struckStep{s, now})
	if s.change != nil {
		st.changes = append(st.changes, newChange(now, *s.change))
	}
}

// Answers while an instance is slow: pages late enough to notice, the health page later
// than any impatient check waits. A busy machine may delay healthy answers by some 100 ms,
// so that impatience is set well above that, and the peak well above impatience.
const (
	slowPage   = 120 * time.Millisecond
	slowHealth = 800 * time.Millisecond
)

func (st *stage) carryOut(ctx context.Context, stop <-chan struct{}, s step) error {
	switch s.do {
	case slowDown:
		in := st.instances[s.instance]
		pages := slowPage
		if st.lb.dialect.passive {
			pages = slowHealth // what is late must be what the balancer judges by
		}
		in.slow(pages, slowHealth)
		until(ctx, stop, time.Now().Add(s.lasts))
		in.slow(0, 0)
	case restart:
		in := st.instances[s.instance]
		in.stop()
		until(ctx, stop, time.Now().Add(s.lasts))
		in.release = s.release
		return in.start()
	case flush:
		client := &respClient{addr: st.redis.addr()}
		defer client.close()
		if _, err := client.do("FLUSHALL"); err != nil {
			return fmt.Errorf("empty the store: %w", err)
		}
	case warm:
		return st.warmUp(ctx, stop, s)
	case failOver:
		st.failOver()
		until(ctx, stop, time.Now().Add(s.lasts))
		st.repair()
	case reload:
		return st.reloadAll(ctx)
	case crash:
		in := st.instances[s.instance]
		in.kill()
		if s.lasts > 0 && until(ctx, stop, time.Now().Add(s.lasts)) {
			return in.start()
		}
	case grow:
		return st.addMember(ctx, st.instances[s.instance])
	}
	return nil
}

// reloadAll reloads the balancers that clients talk to, one after the other.
func (st *stage) reloadAll(ctx context.Context) error {
	for _, n := range st.edges {
		if err := n.reload(ctx); err != nil {
			return fmt.Errorf("reload %s: %w", n.name, err)
		}
	}
	return nil
}

// addMember starts an instance and has the balancers that choose between instances take it in.
func (st *stage) addMember(ctx context.Context, in *instance) error {
	if err := in.start(); err != nil {
		return err
	}
	nodes := st.inner
	if nodes == nil {
		nodes = st.edges
	}
	for _, n := range nodes {
		n.members = append(n.members[:len(n.members):len(n.members)], member{in.name, in.addr})
		var err error
		if n.config, err = st.lb.dialect.configure(n); err != nil {
			return err
		}
		if err := n.reload(ctx); err != nil {
			return fmt.Errorf("reload %s: %w", n.name, err)
		}
	}
	return nil
}
