package need

import (
	"strings"
	"testing"
)

// recorder stands in for a test that lacks something.
type recorder struct {
	testing.TB
	fatal, skip string
}

func (r *recorder) Helper()                        {}
func (r *recorder) Fatalf(format string, a ...any) { r.fatal = format; panic(r) }
func (r *recorder) Skipf(format string, a ...any)  { r.skip = format; panic(r) }

func (r *recorder) run(f func(testing.TB)) {
	defer func() { _ = recover() }()
	f(r)
}

func TestAMissingToolIsSkippedLoudlyAtHomeAndFailsInCI(t *testing.T) {
	ask := func(tb testing.TB) { Tool(tb, "no-such-program-anywhere") }

	t.Setenv("CI", "")
	home := &recorder{}
	home.run(ask)
	if !strings.HasPrefix(home.skip, "SKIPPED") || home.fatal != "" {
		t.Errorf("at home: skip %q, fatal %q; want a skip that says SKIPPED", home.skip, home.fatal)
	}

	t.Setenv("CI", "true")
	ci := &recorder{}
	ci.run(ask)
	if ci.fatal == "" || ci.skip != "" {
		t.Errorf("in CI: skip %q, fatal %q; want a failure", ci.skip, ci.fatal)
	}
}

func TestAnInstalledToolIsFound(t *testing.T) {
	if got := Tool(t, "go"); got == "" {
		t.Error("go was not found")
	}
}
