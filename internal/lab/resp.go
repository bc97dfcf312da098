package lab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// respServer is a small session store that speaks redis' protocol (RESP2): GET, SET with
// PX, DEL, FLUSHALL, PING. Entries end with their time to live.
type respServer struct {
	listener net.Listener
	data     *respData
	readOnly atomic.Bool // a replica: it answers reads and refuses writes
	wg       sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
}

// startRESP starts a store on data; a second one on the same data is its replica once it is read-only.
func startRESP(data *respData) (*respServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start session store: %w", err)
	}
	s := &respServer{listener: l, data: data, conns: map[net.Conn]bool{}}
	s.wg.Go(s.accept)
	return s, nil
}

func (s *respServer) addr() string { return s.listener.Addr().String() }

func (s *respServer) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			conn.Close()
			return
		}
		s.conns[conn] = true
		s.mu.Unlock()
		s.wg.Go(func() { s.serve(conn) })
	}
}

func (s *respServer) serve(conn net.Conn) {
	defer func() {
		conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	r := bufio.NewReader(conn)
	for {
		args, err := readCommand(r)
		if err != nil {
			return
		}
		if _, err := io.WriteString(conn, s.answer(args)); err != nil {
			return
		}
	}
}

// answer carries out one command.
func (s *respServer) answer(args []string) string {
	if len(args) == 0 {
		return "-ERR empty command\r\n"
	}
	command := strings.ToUpper(args[0])
	switch {
	case command == "PING":
		return "+PONG\r\n"
	case command == "GET" && len(args) == 2:
		value, ok := s.data.get(args[1], time.Now())
		if !ok {
			return "$-1\r\n"
		}
		return fmt.Sprintf("$%d\r\n%s\r\n", len(value), value)
	case s.readOnly.Load():
		return "-READONLY You can't write against a read only replica.\r\n"
	case command == "SET" && len(args) >= 3:
		return s.set(args)
	case command == "DEL" && len(args) == 2:
		s.data.del(args[1])
		return ":1\r\n"
	case command == "FLUSHALL":
		s.data.flush()
		return "+OK\r\n"
	}
	return "-ERR unknown command\r\n"
}

func (s *respServer) set(args []string) string {
	var expires time.Time
	if len(args) == 5 && strings.EqualFold(args[3], "PX") {
		ms, err := strconv.ParseInt(args[4], 10, 64)
		if err != nil || ms <= 0 {
			return "-ERR invalid expire time in 'set' command\r\n"
		}
		expires = time.Now().Add(time.Duration(ms) * time.Millisecond)
	}
	s.data.set(args[1], args[2], expires)
	return "+OK\r\n"
}

// close ends the store and all its connections, and waits for them.
func (s *respServer) close() {
	s.mu.Lock()
	s.closed = true
	s.listener.Close()
	for conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// readCommand reads an array of bulk strings.
func readCommand(r *bufio.Reader) ([]string, error) {
	n, err := readLength(r, '*')
	if err != nil || n < 0 || n > 16 {
		return nil, errors.Join(err, errProtocol)
	}
	args := make([]string, n)
	for i := range args {
		b, err := readBulk(r)
		if err != nil {
			return nil, err
		}
		args[i] = string(b)
	}
	return args, nil
}

var errProtocol = errors.New("not the store's protocol")

func readLength(r *bufio.Reader, kind byte) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 4 || line[0] != kind {
		return 0, errProtocol
	}
	return strconv.Atoi(strings.TrimSuffix(line[1:], "\r\n"))
}

// readBulk reads one bulk string; a null one is nil.
func readBulk(r *bufio.Reader) ([]byte, error) {
	n, err := readLength(r, '$')
	if err != nil || n < 0 {
		return nil, err
	}
	if n > 1<<20 {
		return nil, errProtocol
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	return b[:n], nil
}
