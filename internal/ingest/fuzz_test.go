package ingest

import (
	"bytes"
	"compress/gzip"
	"hash/maphash"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"

	"limpet.dev/cookie"
	"limpet.dev/diagnose"
	"limpet.dev/internal/need"
	"limpet.dev/lb"
	"limpet.dev/lb/products"
	"limpet.dev/session"
)

// FuzzInput: a file of any bytes, compressed or not, whole or cut, is read to its end or to where it is broken; every
// line is an event or a skip; what was read before the break counts.
func FuzzInput(f *testing.F) {
	pack := func(data []byte) (gz, zs []byte) {
		var g, z bytes.Buffer
		gw := gzip.NewWriter(&g)
		gw.Write(data)
		gw.Close()
		zw, _ := zstd.NewWriter(&z)
		zw.Write(data)
		zw.Close()
		return g.Bytes(), z.Bytes()
	}
	add := func(data []byte) {
		f.Add(data)
		gz, zs := pack(data)
		for _, packed := range [][]byte{gz, zs} {
			f.Add(packed)
			f.Add(packed[:len(packed)/2])
		}
		f.Add(append(gz, gz...))
		f.Add(append(gz, "trailing garbage\n"...))
	}
	add([]byte("\x00\xff\n\n"))
	add([]byte(`{"time":"2026-01-02T10:00:00Z","event":"websession.read","session":"a","result":"hit"}` + "\nnot json\n"))
	if root, err := need.Root(); err == nil {
		files, _ := filepath.Glob(filepath.Join(filepath.Dir(root), "shared", "corpus", "logs", "haproxy", "*"))
		for _, file := range files {
			if data, err := os.ReadFile(file); err == nil {
				add(data[:min(len(data), 4<<10)])
			}
		}
	}
	dir := f.TempDir()
	path := filepath.Join(dir, "log")
	hasher := session.Hasher{Seed: maphash.MakeSeed(), Joined: true}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		found := recognise(path, "log", products.All())
		for _, events := range []bool{false, true} {
			in, err := open(path, nil)
			if err != nil {
				return
			}
			l := &lane{events: events, total: in.size, instance: func(b []byte) string { return string(b) }, login: func([]byte) bool { return false }}
			if !events {
				if l.parser, err = products.All()[0].Parser(lb.LogOptions{Sample: found.head}); err != nil {
					t.Fatal(err)
				}
			}
			file := &laneFile{in: in, account: diagnose.Input{SkipReasons: map[string]int64{}, SkipSamples: map[string]string{}}}
			l.files = []*laneFile{file}
			p := &pump{lanes: []*lane{l}, vocab: session.NewVocabulary(), hasher: hasher, family: cookie.Family, workers: 1}
			p.take = func(pc *piece, b *batch) {
				for _, r := range b.records {
					if int(r.PresentedAt.At)+int(r.PresentedAt.Len) > len(pc.data) {
						t.Error("a credential outside its piece")
					}
				}
			}
			if err := p.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			in.close()
			a := file.account
			if a.Lines != a.Events+a.Skipped {
				t.Errorf("%d lines, %d events, %d skipped", a.Lines, a.Events, a.Skipped)
			}
			if in.stream == nil && a.Error == "" {
				if want := int64(bytes.Count(data, []byte{'\n'})); a.Lines != want && a.Lines != want+1 {
					t.Errorf("%d lines are counted, %d line ends are there", a.Lines, want)
				}
			}
		}
	})
}
