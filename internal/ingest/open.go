// Package ingest brings evidence in: it opens and decompresses files, recognises what they
// are, cuts them into pieces, has all cores read them, and hands the records in order to one
// correlator. It is the only home of concurrency in the analysis.
package ingest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/klauspost/compress/zstd"
)

// A file is one input file, opened.
type file struct {
	path   string // as the user wrote it
	disk   string
	f      *os.File
	size   int64     // bytes on disk; 0 for a pipe
	stream io.Reader // nil: read the file itself, in pieces, in parallel
	count  *counter  // progress of a stream
	close  func()
}

// counter counts what a decompressor takes from the disk.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

var gzipMagic, zstdMagic = []byte{0x1f, 0x8b}, []byte{0x28, 0xb5, 0x2f, 0xfd}

// open opens a file, or standard input for "-", and looks at its first bytes for compression.
func open(path string, stdin io.Reader) (*file, error) {
	if path == "-" {
		if stdin == nil {
			return nil, errors.New("standard input is not available")
		}
		return decompress(&file{path: "standard input", close: func() {}}, stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if st.IsDir() {
		f.Close()
		return nil, fmt.Errorf("open %s: is a directory", path)
	}
	in := &file{path: path, disk: path, f: f, size: st.Size(), close: func() { f.Close() }}
	if !st.Mode().IsRegular() {
		return decompress(in, f)
	}
	head := make([]byte, 4)
	n, _ := f.ReadAt(head, 0)
	if bytes.HasPrefix(head[:n], gzipMagic) || bytes.HasPrefix(head[:n], zstdMagic) {
		return decompress(in, f)
	}
	return in, nil
}

// decompress makes in a stream of the plain bytes behind r.
func decompress(in *file, r io.Reader) (*file, error) {
	in.count = &counter{r: r}
	head := make([]byte, 4)
	n, err := io.ReadFull(in.count, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		in.close()
		return nil, err
	}
	all := io.MultiReader(bytes.NewReader(head[:n]), in.count)
	switch {
	case bytes.HasPrefix(head[:n], gzipMagic):
		z, err := gzip.NewReader(all)
		if err != nil {
			in.close()
			return nil, fmt.Errorf("gzip: %w", err)
		}
		in.stream = z
	case bytes.HasPrefix(head[:n], zstdMagic):
		z, err := zstd.NewReader(all, zstd.WithDecoderMaxMemory(256<<20), zstd.WithDecoderConcurrency(1))
		if err != nil {
			in.close()
			return nil, fmt.Errorf("zstd: %w", err)
		}
		in.stream = z
		closeFile := in.close
		in.close = func() { z.Close(); closeFile() }
	default:
		in.stream = all
	}
	return in, nil
}

// headOf returns the first bytes of a file, decompressed, for recognising it.
func headOf(path string, n int) ([]byte, error) {
	in, err := open(path, nil)
	if err != nil {
		return nil, err
	}
	defer in.close()
	var r io.Reader = in.f
	if in.stream != nil {
		r = in.stream
	}
	head, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if len(head) > 0 {
		return head, nil // what came before an error is enough to recognise it
	}
	return head, err
}

// Open opens a file, or stdin for "-", and gives its plain bytes: what gzip or zstd packed is unpacked.
func Open(path string, stdin io.Reader) (io.ReadCloser, error) {
	in, err := open(path, stdin)
	if err != nil {
		if path != "-" && errors.Is(err, fs.ErrNotExist) {
			return nil, &MissingError{path, err}
		}
		return nil, err
	}
	var r io.Reader = in.f
	if in.stream != nil {
		r = in.stream
	}
	return plainFile{r, in}, nil
}

// A plainFile is an opened file as an io.ReadCloser.
type plainFile struct {
	io.Reader
	in *file
}

func (p plainFile) Close() error {
	p.in.close()
	return nil
}
