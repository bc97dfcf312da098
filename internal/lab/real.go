package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A realBalancer runs the product itself. A reload starts a new process that takes the
// listeners over from the old one, which ends when its requests have ended.
type realBalancer struct {
	binary  string
	work    string // folder for the process's own files, removed by stop
	config  string // path of the configuration
	log     string // path of the log: what the process writes to standard output
	addr    string
	env     []string
	mu      sync.Mutex
	running []*process
}

// A process is one that this lab started; done is closed when it has ended.
type process struct {
	cmd    *exec.Cmd
	stderr *strings.Builder
	done   chan struct{}
}

func (b *realBalancer) start(ctx context.Context) error { return b.launch(ctx, nil) }

func (b *realBalancer) reload(ctx context.Context) error {
	b.mu.Lock()
	old := b.running[len(b.running)-1]
	b.mu.Unlock()
	return b.launch(ctx, old)
}

// launch starts a process, and waits until the port answers.
func (b *realBalancer) launch(ctx context.Context, old *process) error {
	log, err := os.OpenFile(b.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer log.Close()
	args := []string{"-db", "-f", b.config}
	if old != nil {
		args = append(args, "-sf", strconv.Itoa(old.cmd.Process.Pid))
	}
	p := &process{cmd: exec.Command(b.binary, args...), stderr: &strings.Builder{}, done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = b.work, b.env, log, p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", filepath.Base(b.binary), err)
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	b.mu.Lock()
	b.running = append(b.running, p)
	b.mu.Unlock()
	return b.ready(ctx, p)
}

// ready waits until the port accepts connections.
func (b *realBalancer) ready(ctx context.Context, p *process) error {
	for range 200 {
		select {
		case <-p.done:
			return fmt.Errorf("it ended at once: %s", strings.TrimSpace(p.stderr.String()))
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(25 * time.Millisecond):
		}
		conn, err := net.DialTimeout("tcp", b.addr, time.Second)
		if err == nil {
			conn.Close()
			return nil
		}
	}
	return errors.New("the port does not answer after 5 s")
}

// stop ends all processes and waits for each.
func (b *realBalancer) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.running {
		p.cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, p := range b.running {
		select {
		case <-p.done:
		case <-time.After(3 * time.Second):
			p.cmd.Process.Kill()
			<-p.done
		}
	}
	b.running = nil
	os.RemoveAll(b.work)
}
