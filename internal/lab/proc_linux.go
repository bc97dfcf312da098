package lab

import (
	"fmt"
	"os"
	"syscall"
)

// endsWithUs makes a process end when we end, however that happens: by SIGTERM, so that it takes its own
// children along.
func endsWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}

// children lists the processes that a process has started; ok is false where the system does not tell.
func children(pid int) (list string, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	return string(text), err == nil
}

// widen gives a pipe 1 MiB instead of 64 KiB: HAProxy drops log lines that do not fit.
// Without the right to do so the pipe stays as it is.
func widen(w *os.File) {
	const setPipeSize = 1031 // F_SETPIPE_SZ, linux/fcntl.h
	conn, err := w.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_, _, _ = syscall.Syscall(syscall.SYS_FCNTL, fd, setPipeSize, 1<<20)
	})
}
