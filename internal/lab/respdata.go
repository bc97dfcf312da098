package lab

import (
	"container/list"
	"sync"
	"time"
)

// respData is what a session store holds. A store and its replica share it: replication is at once.
type respData struct {
	mu      sync.Mutex
	entries map[string]*list.Element
	byUse   *list.List // of *respEntry, latest use first
	bytes   int

	// most is the memory in bytes above which the entries that were used longest ago go, whoever wrote them
	// (redis' maxmemory with allkeys-lru); 0: no limit.
	most    int
	evicted int
}

type respEntry struct {
	key, value string
	expires    time.Time // zero: never
}

// overhead is what an entry costs beside its bytes.
const overhead = 64

func (e *respEntry) size() int { return len(e.key) + len(e.value) + overhead }

func newRespData(most int) *respData {
	return &respData{entries: map[string]*list.Element{}, byUse: list.New(), most: most}
}

// get returns an entry's value and counts that as a use.
func (d *respData) get(key string, now time.Time) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	el := d.entries[key]
	if el == nil {
		return "", false
	}
	e := el.Value.(*respEntry)
	if !e.expires.IsZero() && now.After(e.expires) {
		d.remove(el)
		return "", false
	}
	d.byUse.MoveToFront(el)
	return e.value, true
}

// set stores an entry; what no longer fits goes.
func (d *respData) set(key, value string, expires time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if el := d.entries[key]; el != nil {
		d.remove(el)
	}
	e := &respEntry{key, value, expires}
	d.entries[key] = d.byUse.PushFront(e)
	d.bytes += e.size()
	for d.most > 0 && d.bytes > d.most && d.byUse.Len() > 1 {
		d.remove(d.byUse.Back())
		d.evicted++
	}
}

func (d *respData) del(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if el := d.entries[key]; el != nil {
		d.remove(el)
	}
}

func (d *respData) remove(el *list.Element) {
	e := d.byUse.Remove(el).(*respEntry)
	delete(d.entries, e.key)
	d.bytes -= e.size()
}

func (d *respData) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.entries)
	d.byUse.Init()
	d.bytes = 0
}
