package lab

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// pageSize is the size of a cached page in the shared store.
const pageSize = 1000

// warmUp writes cached pages into the shared store, rate bytes a second, as a job does that fills a cache anew.
func (st *stage) warmUp(ctx context.Context, stop <-chan struct{}, s step) error {
	client := &respClient{addr: st.redis.addr()}
	defer client.close()
	began := time.Now()
	for n := 0; ; {
		for due := int(time.Since(began).Seconds() * float64(s.rate)); n < due; n += pageSize {
			key := fmt.Sprintf("page:%d:%d", s.at.Milliseconds(), n/pageSize)
			if _, err := client.do("SET", key, filler[:pageSize], "PX", "60000"); err != nil {
				return fmt.Errorf("fill the cache: %w", err)
			}
		}
		left := s.lasts - time.Since(began)
		if left <= 0 || !until(ctx, stop, time.Now().Add(min(left, 10*time.Millisecond))) {
			return nil
		}
	}
}

// failOver swaps the roles of the shared store and its replica. Shops whose client asks who is primary follow.
func (st *stage) failOver() {
	st.redis.readOnly.Store(true)
	st.spare.readOnly.Store(false)
	for _, in := range st.instances {
		if slices.Contains(st.sc.followsRole, in.index) {
			in.resp.follow(st.spare.addr())
		}
	}
}

// repair swaps the roles back, as somebody does who was called.
func (st *stage) repair() {
	st.spare.readOnly.Store(true)
	st.redis.readOnly.Store(false)
	for _, in := range st.instances {
		in.resp.follow(st.redis.addr())
	}
}
