package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// bidi is a connection of WebDriver BiDi (W3C): numbered commands over a WebSocket, and events.
type bidi struct {
	conn  *websocket.Conn
	event func(method string, params json.RawMessage)

	mu      sync.Mutex // guards what follows
	last    int
	waiting map[int]chan answer
	broken  error
	done    chan struct{} // closed when the reader has ended
}

type answer struct {
	Type    string          `json:"type"`
	ID      int             `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
}

// dialBiDi connects; event is called for each event, one after the other.
func dialBiDi(ctx context.Context, url string, event func(string, json.RawMessage)) (*bidi, error) {
	conn, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		return nil, fmt.Errorf("connect to the browser: %w", err)
	}
	conn.SetReadLimit(64 << 20)
	b := &bidi{conn: conn, event: event, waiting: map[int]chan answer{}, done: make(chan struct{})}
	go b.read()
	return b, nil
}

// read hands answers to who waits for them until the connection ends.
func (b *bidi) read() {
	defer close(b.done)
	for {
		var a answer
		if err := wsjson.Read(context.Background(), b.conn, &a); err != nil {
			b.fail(err)
			return
		}
		if a.Type == "event" {
			b.event(a.Method, a.Params)
			continue
		}
		b.mu.Lock()
		waits := b.waiting[a.ID]
		delete(b.waiting, a.ID)
		b.mu.Unlock()
		if waits != nil {
			waits <- a
		}
	}
}

func (b *bidi) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = err
	for id, waits := range b.waiting {
		close(waits)
		delete(b.waiting, id)
	}
}

// call sends a command and reads its result into result, which may be nil.
func (b *bidi) call(ctx context.Context, method string, params, result any) error {
	waits := make(chan answer, 1)
	b.mu.Lock()
	if b.broken != nil {
		defer b.mu.Unlock()
		return fmt.Errorf("the browser is gone: %w", b.broken)
	}
	b.last++
	id := b.last
	b.waiting[id] = waits
	b.mu.Unlock()
	if err := wsjson.Write(ctx, b.conn, map[string]any{"id": id, "method": method, "params": params}); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case a, ok := <-waits:
		switch {
		case !ok:
			return errors.New("the browser is gone")
		case a.Type == "error":
			return fmt.Errorf("%s: %s", method, a.Error) // the message may show what was evaluated
		case result == nil:
			return nil
		}
		return json.Unmarshal(a.Result, result)
	}
}

// close ends the connection and waits for the reader.
func (b *bidi) close() {
	_ = b.conn.CloseNow()
	<-b.done
}
