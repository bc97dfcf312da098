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
)

// A realBalancer runs the product itself, by the product's Plan. A reload starts a new
// process that takes the listeners over from the old one, which ends when its requests have ended.
type realBalancer struct {
	node *node
	work string // folder for the process's own files, removed by stop

	mu      sync.Mutex
	running []*process
}

// A process is one that this lab started; done is closed when it has ended.
type process struct {
	cmd    *exec.Cmd
	stderr *strings.Builder
	done   chan struct{}
}

func newRealBalancer(n *node) (*realBalancer, error) {
	work, err := os.MkdirTemp("", "limpet-lab-")
	if err != nil {
		return nil, fmt.Errorf("make the balancer's folder: %w", err)
	}
	return &realBalancer{node: n, work: work}, nil
}

func (b *realBalancer) start(ctx context.Context) error {
	plan, err := b.plan(lb.PlanInput{})
	if err != nil {
		return err
	}
	if err := b.prepare(ctx, plan); err != nil {
		return err
	}
	return b.launch(ctx, plan)
}

// prepare writes the plan's files and has the product check them.
func (b *realBalancer) prepare(ctx context.Context, plan *lb.Plan) error {
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
	return nil
}

func (b *realBalancer) reload(ctx context.Context) error {
	b.mu.Lock()
	old := b.running[len(b.running)-1]
	b.mu.Unlock()
	plan, err := b.plan(lb.PlanInput{Reload: true, OldPID: old.cmd.Process.Pid})
	if err != nil {
		return err
	}
	if err := b.prepare(ctx, plan); err != nil {
		return err
	}
	if plan.Signal != "" {
		return signalReload(ctx, old, plan.Signal)
	}
	return b.launch(ctx, plan)
}

// signals are those by which a plan may ask for a reload.
var signals = map[string]syscall.Signal{"HUP": syscall.SIGHUP, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2}

// signalReload tells a process to read its configuration again, and waits until it has other workers than before.
func signalReload(ctx context.Context, p *process, name string) error {
	before, known := children(p.cmd.Process.Pid)
	if err := p.cmd.Process.Signal(signals[name]); err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	if !known {
		pause(ctx, 500*time.Millisecond) // far longer than it takes
		return ctx.Err()
	}
	for range 300 {
		if now, _ := children(p.cmd.Process.Pid); now != before {
			return nil
		}
		pause(ctx, 10*time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.New("reload: no new worker after 3 s")
}

func (b *realBalancer) plan(in lb.PlanInput) (*lb.Plan, error) {
	product := b.node.st.lb.product
	in.Dir, in.Config, in.Binary, in.Key, in.Files = b.work, b.node.config, b.node.st.lb.binary, b.node.st.key, b.node.files
	plan, err := product.Plan(in)
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", product.Name, err)
	}
	if !plan.Stdout {
		return nil, fmt.Errorf("plan %s: the log does not go to standard output", product.Name)
	}
	return plan, nil
}

// launch starts a process, and waits until the port answers.
func (b *realBalancer) launch(ctx context.Context, plan *lb.Plan) error {
	p := &process{cmd: exec.Command(plan.Start[0], plan.Start[1:]...), stderr: &strings.Builder{}, done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env, p.cmd.SysProcAttr = b.work, plan.Env, endsWithUs()
	var copying sync.WaitGroup
	stdout, err := follow(&copying, b.node.requests(), nil)
	if err != nil {
		return err
	}
	defer stdout.Close()
	own := b.node.messages()
	if own == b.node.requests() {
		own = nil // what it says on standard error is for its operator only
	}
	stderr, err := follow(&copying, own, p.stderr)
	if err != nil {
		return err
	}
	defer stderr.Close()
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", b.node.st.lb.product.Name, err)
	}
	go func() {
		copying.Wait()
		p.cmd.Wait()
		close(p.done)
	}()
	b.mu.Lock()
	b.running = append(b.running, p)
	b.mu.Unlock()
	return b.ready(ctx, p)
}

// follow returns the writing end of a pipe whose lines are added to out and kept in text, where these are not nil.
// A pipe, not a file: a balancer may take O_APPEND off its output, and two processes with one file would
// write over each other's lines during a reload.
func follow(copying *sync.WaitGroup, out *lineFile, text *strings.Builder) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make log pipe: %w", err)
	}
	widen(w)
	copying.Go(func() {
		defer r.Close()
		lines := bufio.NewReaderSize(r, 1<<16)
		for {
			line, err := lines.ReadBytes('\n')
			if len(line) > 0 && out != nil {
				out.add(line)
			}
			if text != nil && text.Len() < mostWords {
				text.Write(line)
			}
			if err != nil {
				return
			}
		}
	})
	return w, nil
}

// mostWords is how much of a process's standard error is kept for messages, in bytes.
const mostWords = 4 << 10

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
		conn, err := net.DialTimeout("tcp", b.node.listen, time.Second)
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
	b.node.closeLogs()
	os.RemoveAll(b.work)
}
