package main

import (
	"strings"
	"testing"
)

const run = `{"Action":"start","Package":"limpet.dev/a"}
{"Action":"run","Package":"limpet.dev/a","Test":"TestGood"}
{"Action":"output","Package":"limpet.dev/a","Test":"TestGood","Output":"=== RUN   TestGood\n"}
{"Action":"output","Package":"limpet.dev/a","Test":"TestGood","Output":"    a_test.go:1: chatter\n"}
{"Action":"pass","Package":"limpet.dev/a","Test":"TestGood"}
{"Action":"output","Package":"limpet.dev/a","Output":"PASS\n"}
{"Action":"output","Package":"limpet.dev/a","Output":"ok  \tlimpet.dev/a\t0.1s\n"}
{"Action":"pass","Package":"limpet.dev/a"}
`

const skip = `{"Action":"output","Package":"limpet.dev/b","Test":"TestNeedy","Output":"    b_test.go:1: SKIPPED: haproxy is not installed\n"}
{"Action":"skip","Package":"limpet.dev/b","Test":"TestNeedy"}
{"Action":"output","Package":"limpet.dev/b","Output":"ok  \tlimpet.dev/b\t0.1s\n"}
{"Action":"pass","Package":"limpet.dev/b"}
`

const fail = `{"Action":"output","Package":"limpet.dev/c","Test":"TestBad","Output":"    c_test.go:1: got 1, want 2\n"}
{"Action":"fail","Package":"limpet.dev/c","Test":"TestBad"}
{"Action":"output","Package":"limpet.dev/c","Output":"FAIL\tlimpet.dev/c\t0.1s\n"}
{"Action":"fail","Package":"limpet.dev/c"}
`

const unbuilt = `{"ImportPath":"limpet.dev/d","Action":"build-output","Output":"d.go:1: syntax error\n"}
{"Action":"output","Package":"limpet.dev/d","Output":"FAIL\tlimpet.dev/d [build failed]\n"}
{"Action":"fail","Package":"limpet.dev/d"}
`

func TestWhatARunComesTo(t *testing.T) {
	tests := []struct {
		name, input string
		ci          bool
		code        int
		want, not   []string
	}{
		{"all good", run, true, 0, []string{"ok  \tlimpet.dev/a", "1 tests passed, 0 failed, 0 skipped; 1 packages", "PASS"}, []string{"chatter"}},
		{"skipped at home", run + skip, false, 0, []string{"--- SKIP: limpet.dev/b TestNeedy", "haproxy is not installed", "1 skipped"}, []string{"FAIL"}},
		{"skipped in CI", run + skip, true, 1, []string{"haproxy is not installed", "FAIL: nothing may be skipped"}, nil},
		{"failed", run + fail, false, 1, []string{"--- FAIL: limpet.dev/c TestBad", "got 1, want 2", "1 failed", "FAIL"}, nil},
		{"did not build", run + unbuilt, false, 1, []string{"d.go:1: syntax error", "[build failed]", "FAIL"}, nil},
		{"nothing ran", "", false, 1, []string{"FAIL"}, nil},
		{"the go command itself complains", "go: no such module\n", false, 1, []string{"go: no such module"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			if code := summarise(strings.NewReader(tt.input), &out, tt.ci); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the output lacks %q:\n%s", want, out.String())
				}
			}
			for _, not := range tt.not {
				if strings.Contains(out.String(), not) {
					t.Errorf("the output has %q:\n%s", not, out.String())
				}
			}
		})
	}
}
