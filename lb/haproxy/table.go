package haproxy

import (
	"container/list"
	"net/netip"
	"strconv"
	"time"

	"limpet.dev/topology"
)

// A table is a stick table: key -> server, least recently used first out.
type table struct {
	topology.Table
	entries map[string]*listElement
	order   *list.List // of *entry, least recently used first
}

type listElement = list.Element

type entry struct {
	key  string
	srv  *server
	used time.Time
}

func newTable(t topology.Table) *table {
	return &table{Table: t, entries: map[string]*listElement{}, order: list.New()}
}

func (t *table) clear() {
	clear(t.entries)
	t.order.Init()
}

// expire drops the entries that nobody used for the table's lifetime.
func (t *table) expire(now time.Time) {
	if t.Expire == 0 {
		return
	}
	for e := t.order.Front(); e != nil && now.Sub(e.Value.(*entry).used) >= t.Expire; e = t.order.Front() {
		t.remove(e)
	}
}

func (t *table) remove(e *listElement) {
	delete(t.entries, e.Value.(*entry).key)
	t.order.Remove(e)
}

// peek returns the server that key is bound to, nil if there is none.
func (t *table) peek(key string, now time.Time) *server {
	t.expire(now)
	if e, ok := t.entries[key]; ok {
		return e.Value.(*entry).srv
	}
	return nil
}

// touch renews an entry, as a match does.
func (t *table) touch(key string, now time.Time) {
	if e, ok := t.entries[key]; ok {
		e.Value.(*entry).used = now
		t.order.MoveToBack(e)
	}
}

// bind remembers that key went to s. HAProxy makes a new entry before it looks for an old one, so
// a full table forgets its oldest entries even when key is known; with "nopurge" it learns nothing.
// Which entry a full table forgets is the one thing here that was seen to differ from the program at times.
func (t *table) bind(key string, s *server, now time.Time) {
	t.expire(now)
	if len(t.entries) >= t.Size {
		if t.NoPurge || t.Size == 0 {
			return
		}
		for range min(len(t.entries), t.Size>>8+1) {
			t.remove(t.order.Front())
		}
	}
	if e, ok := t.entries[key]; ok {
		*e.Value.(*entry) = entry{key, s, now}
		t.order.MoveToBack(e)
		return
	}
	t.entries[key] = t.order.PushBack(&entry{key, s, now})
}

// unbind forgets key.
func (t *table) unbind(key string) {
	if e, ok := t.entries[key]; ok {
		t.remove(e)
	}
}

// key converts a sample to the table's type; ok is false if it cannot be one.
func (t *table) key(text string) (string, bool) {
	switch t.Type {
	case "ip", "ipv6":
		a, err := netip.ParseAddr(text)
		if err != nil {
			return "", false
		}
		a = a.Unmap()
		if t.Type == "ip" {
			return a.String(), a.Is4()
		}
		return a.String(), true
	case "integer":
		n, err := strconv.ParseInt(text, 10, 64)
		return strconv.FormatUint(uint64(uint32(n)), 10), err == nil
	}
	if t.KeyLength > 0 && len(text) > t.KeyLength {
		text = text[:t.KeyLength]
	}
	return text, text != ""
}
