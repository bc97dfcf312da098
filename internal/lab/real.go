package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// A realBalancer runs the product itself, by the product's Plan. A reload starts a new
// process that takes the listeners over from the old one, which ends when its requests have ended.
type realBalancer struct {
	product *lb.Product
	binary  string
	work    string // folder for the process's own files, removed by stop
	config  string // text of the configuration
	key     session.Key
	out     *lineFile // the log: what the processes write to standard output
	addr    string

	mu      sync.Mutex
	running []*process
}

// A process is one that this lab started; done is closed when it has ended.
type process struct {
	cmd    *exec.Cmd
	stderr *strings.Builder
	done   chan struct{}
}

func (b *realBalancer) start(ctx context.Context) error {
	plan, err := b.plan(lb.PlanInput{})
	if err != nil {
		return err
	}
	for name, text := range plan.Files {
		if err := os.WriteFile(filepath.Join(b.work, filepath.Base(name)), []byte(text), 0o600); err != nil {
			return fmt.Errorf("write configuration: %w", err)
		}
	}
	if len(plan.Check) > 0 {
		check := exec.CommandContext(ctx, plan.Check[0], plan.Check[1:]...)
		check.Env = plan.Env
		if text, err := check.CombinedOutput(); err != nil {
			return fmt.Errorf("check the configuration: %w: %s", err, strings.TrimSpace(string(text)))
		}
	}
	return b.launch(ctx, plan)
}

func (b *realBalancer) reload(ctx context.Context) error {
	b.mu.Lock()
	old := b.running[len(b.running)-1]
	b.mu.Unlock()
	plan, err := b.plan(lb.PlanInput{Reload: true, OldPID: old.cmd.Process.Pid})
	if err != nil {
		return err
	}
	return b.launch(ctx, plan)
}

func (b *realBalancer) plan(in lb.PlanInput) (*lb.Plan, error) {
	in.Dir, in.Config, in.Binary, in.Key = b.work, b.config, b.binary, b.key
	plan, err := b.product.Plan(in)
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", b.product.Name, err)
	}
	if !plan.Stdout {
		return nil, fmt.Errorf("plan %s: the log does not go to standard output", b.product.Name)
	}
	return plan, nil
}

// launch starts a process, and waits until the port answers.
func (b *realBalancer) launch(ctx context.Context, plan *lb.Plan) error {
	// A pipe, not a file: HAProxy takes O_APPEND off its standard output, and two processes
	// with one file would write over each other's lines during a reload.
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make log pipe: %w", err)
	}
	widen(w)
	p := &process{cmd: exec.Command(plan.Start[0], plan.Start[1:]...), stderr: &strings.Builder{}, done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = b.work, plan.Env, w, p.stderr
	p.cmd.SysProcAttr = endsWithUs()
	err = p.cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		return fmt.Errorf("start %s: %w", b.product.Name, err)
	}
	go func() {
		b.copyLog(r)
		p.cmd.Wait()
		close(p.done)
	}()
	b.mu.Lock()
	b.running = append(b.running, p)
	b.mu.Unlock()
	return b.ready(ctx, p)
}

// copyLog takes over one process's lines until it has ended.
func (b *realBalancer) copyLog(r *os.File) {
	defer r.Close()
	lines := bufio.NewReaderSize(r, 1<<16)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			b.out.add(line)
		}
		if err != nil {
			return
		}
	}
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
	b.out.close()
	os.RemoveAll(b.work)
}
