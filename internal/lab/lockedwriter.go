package lab

import (
	"sync"
	"time"

	"limpet.dev/lb"
)

// A lockedWriter lets several goroutines use a product's line writer, one at a time: access and error logs are files of
// their own, and their lines come from one writer, which may number them.
type lockedWriter struct {
	mu sync.Mutex
	w  lb.LineWriter
}

func (l *lockedWriter) AppendRequest(dst []byte, r *lb.Record) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.AppendRequest(dst, r)
}

func (l *lockedWriter) AppendHealth(dst []byte, at time.Time, pool, instance string, up bool, detail string) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.AppendHealth(dst, at, pool, instance, up, detail)
}

func (l *lockedWriter) AppendStart(dst []byte, at time.Time, proxy string) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.AppendStart(dst, at, proxy)
}
