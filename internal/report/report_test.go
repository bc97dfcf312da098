package report

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"testing"

	"limpet.dev/diagnose"
)

func load(t testing.TB, name string) *diagnose.Report {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var r diagnose.Report
	if err := d.Decode(&r); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return &r
}

func TestShow(t *testing.T) {
	r := load(t, "report.json")
	for _, f := range Formats() {
		if err := Write(os.Stdout, f, r, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	Story(os.Stdout, r.Stories[2], Options{})
}

func big(t testing.TB) *diagnose.Report {
	r := load(t, "report.json")
	for len(r.Breaks) < 10_000 {
		r.Breaks = append(r.Breaks, r.Breaks[:min(len(r.Breaks), 10_000-len(r.Breaks))]...)
	}
	return r
}

func BenchmarkWrite(b *testing.B) {
	r := big(b)
	for _, f := range Formats() {
		b.Run(f, func(b *testing.B) {
			for b.Loop() {
				if err := Write(io.Discard, f, r, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
