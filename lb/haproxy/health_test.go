package haproxy

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"limpet.dev/internal/need"
)

func TestTimesToRemoveAndReturn(t *testing.T) {
	for _, tt := range []struct {
		name, global, backend, server string
		remove, refused, removeMax    string
		back, backMax                 string
	}{
		{"defaults", "", "", "check", "4s", "6s", "12s", "2s", "4s"},
		{"no fall needed", "", "", "check fall 1 rise 1", "0s", "2s", "4s", "0s", "2s"},
		{"fast and down", "", "", "check inter 10s fastinter 1s downinter 5s", "2s", "12s", "42s", "1s", "6s"},
		{"check timeout", "", "timeout connect 1s\n timeout check 3s", "check", "4s", "6s", "18s", "2s", "4s"},
		{"connect longer than inter", "", "timeout connect 9s\n timeout check 1s", "check", "4s", "6s", "15s", "2s", "4s"},
		{"spread", "spread-checks 50", "", "check", "2s", "9s", "15s", "1s", "6s"},
		{"traffic decides", "", "", "check observe layer7 on-error mark-down error-limit 1", "0s", "6s", "12s", "2s", "4s"},
		{"agent only", "", "", "agent-check agent-port 1", "0s", "2s", "4s", "0s", "2s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := parse(t, "global\n "+tt.global+"\nbackend b\n "+tt.backend+"\n server s 127.0.0.1:1 "+tt.server+"\n")
			h := cfg.Pools[0].Instances[0].Check
			got := fmt.Sprint(h.RemoveMin, " ", h.RemoveRefused, " ", h.RemoveMax, " ", h.ReturnMin, " ", h.ReturnMax)
			want := strings.Join([]string{tt.remove, tt.refused, tt.removeMax, tt.back, tt.backMax}, " ")
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestWhatAChecksAsks(t *testing.T) {
	for _, tt := range []struct{ backend, want string }{
		{"", "tcp   "},
		{"option httpchk", "http OPTIONS / status 200-399"},
		{"option httpchk /up?token=x", "http OPTIONS /up status 200-399"},
		{"option httpchk GET /up HTTP/1.1", "http GET /up status 200-399"},
		{"option httpchk\n http-check send meth HEAD uri /h\n http-check expect status 200", "http HEAD /h status 200"},
		{"option redis-check", "redis   "},
		{"option httpchk\n option tcp-check\n tcp-check expect string OK", "tcp-check   string OK"},
	} {
		cfg := parse(t, "backend b\n mode http\n "+tt.backend+"\n server s 127.0.0.1:1 check\n")
		h := cfg.Pools[0].Instances[0].Check
		if got := fmt.Sprint(h.Kind, " ", h.Method, " ", h.Path, " ", h.Expect); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.backend, got, tt.want)
		}
	}
}

// The real program marks a server down no sooner than RemoveMin, and up no sooner than ReturnMin; and
// within the longest times and a margin for a busy machine.
func TestTheRealProgramKeepsTheComputedTimes(t *testing.T) {
	binary := need.Tool(t, "haproxy")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	stop := serveChecks(l)
	dir := t.TempDir()
	config := fmt.Sprintf("global\n log stdout format raw local0\ndefaults\n mode http\n log global\n timeout connect 1s\n timeout server 1s\n timeout client 1s\n"+
		"frontend f\n bind unix@%s\n default_backend b\nbackend b\n server s %s check inter 300ms fastinter 200ms downinter 400ms fall 4 rise 3\n", filepath.Join(dir, "s"), addr)
	h := parse(t, config).Pools[0].Instances[0].Check
	down := startReal(t, binary, dir, config)
	time.Sleep(time.Second)
	failed := time.Now()
	stop()
	within(t, "removed", down("is DOWN").Sub(failed), h.RemoveMin, h.RemoveRefused)
	again, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatalf("the port was taken by another program meanwhile: %v", err)
	}
	healed := time.Now()
	t.Cleanup(serveChecks(again))
	within(t, "returned", down("is UP").Sub(healed), h.ReturnMin, h.ReturnMax)
}

const busyMachine = 5 * time.Second

func within(t *testing.T, what string, took, least, most time.Duration) {
	t.Helper()
	// HAProxy's clock counts whole milliseconds, and "now" was read before the change.
	if took < least-20*time.Millisecond || took > most+busyMachine {
		t.Errorf("%s after %v, want between %v and %v", what, took, least, most)
	}
	t.Logf("%s after %v; computed %v to %v", what, took, least, most)
}

// serveChecks accepts connections until the returned function is called.
func serveChecks(l net.Listener) (stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	return func() { l.Close(); <-done }
}

// startReal starts HAProxy and returns a function that waits for a text in its log and says when it came.
func startReal(t *testing.T, binary, dir, config string) func(text string) time.Time {
	t.Helper()
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-db", "-f", file)
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait(); out.Close() })
	lines := bufio.NewReader(out)
	return func(text string) time.Time {
		t.Helper()
		out.SetReadDeadline(time.Now().Add(30 * time.Second))
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatalf("haproxy never said %q: %v", text, err)
			}
			if strings.Contains(line, text) {
				return time.Now()
			}
		}
	}
}
