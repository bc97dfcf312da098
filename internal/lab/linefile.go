package lab

import (
	"bufio"
	"fmt"
	"os"
	"sync"
)

// A lineFile takes lines from many goroutines, in the order in which they come.
type lineFile struct {
	mu   sync.Mutex
	file *os.File
	w    *bufio.Writer
	buf  []byte
	err  error
}

func newLineFile(path string) (*lineFile, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make bundle file: %w", err)
	}
	return &lineFile{file: f, w: bufio.NewWriterSize(f, 1<<16)}, nil
}

// discardLines takes lines that nobody keeps.
func discardLines() *lineFile { return &lineFile{} }

// add appends a line that brings its line end. After close it does nothing.
func (l *lineFile) add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil || l.err != nil {
		return
	}
	_, l.err = l.w.Write(line)
}

// append adds the line that write appends to an empty buffer; write is called by one
// goroutine at a time.
func (l *lineFile) append(write func(dst []byte) []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil || l.err != nil {
		return
	}
	l.buf = write(l.buf[:0])
	_, l.err = l.w.Write(l.buf)
}

// close writes out what is left; it returns the first error of the file's life.
func (l *lineFile) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return l.err
	}
	if err := l.w.Flush(); l.err == nil {
		l.err = err
	}
	if err := l.file.Close(); l.err == nil {
		l.err = err
	}
	l.file = nil
	return l.err
}
