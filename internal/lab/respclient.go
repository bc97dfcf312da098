package lab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// respClient sends commands to a respServer. It keeps connections that are free, and
// opens one more when none is.
type respClient struct {
	addr string

	mu   sync.Mutex
	free []*respConn
}

// errReadOnly says that the server asked is a replica.
var errReadOnly = errors.New("READONLY")

// follow makes the client use another server from now on, as one that asks a sentinel does.
func (c *respClient) follow(addr string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addr = addr
	for _, conn := range c.free {
		conn.Close()
	}
	c.free = nil
}

type respConn struct {
	net.Conn
	addr string
	r    *bufio.Reader
}

// do returns a bulk answer's bytes, nil for a null one; a status answer is its text.
func (c *respClient) do(args ...string) ([]byte, error) {
	conn, err := c.take()
	if err != nil {
		return nil, fmt.Errorf("connect to session store: %w", err)
	}
	b, err := conn.exchange(args)
	if err != nil && !errors.Is(err, errReadOnly) {
		conn.Close()
		return nil, fmt.Errorf("session store %s: %w", args[0], err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if conn.addr != c.addr {
		conn.Close()
		return b, err
	}
	c.free = append(c.free, conn)
	return b, err
}

func (c *respClient) take() (*respConn, error) {
	c.mu.Lock()
	if n := len(c.free); n > 0 {
		conn := c.free[n-1]
		c.free = c.free[:n-1]
		c.mu.Unlock()
		return conn, nil
	}
	addr := c.addr
	c.mu.Unlock()
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return nil, err
	}
	return &respConn{Conn: conn, addr: addr, r: bufio.NewReader(conn)}, nil
}

func (c *respConn) exchange(args []string) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	c.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := io.WriteString(c, b.String()); err != nil {
		return nil, err
	}
	head, err := c.r.Peek(1)
	if err != nil {
		return nil, err
	}
	if head[0] == '$' {
		return readBulk(c.r)
	}
	line, err := c.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	if line[0] == '-' {
		text := strings.TrimSpace(line[1:])
		if strings.HasPrefix(text, "READONLY") {
			return nil, errReadOnly
		}
		return nil, errors.New(text)
	}
	return []byte(strings.TrimSpace(line[1:])), nil
}

// close ends the free connections; no command may be under way.
func (c *respClient) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.free {
		conn.Close()
	}
	c.free = nil
}
