package main

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite what scripts compare with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"limpet": func() { os.Exit(realMain()) }})
}

// Each file of testdata/script is a user's session at the prompt.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"pseudonym": pseudonym,
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "")
			e.Setenv("LIMPET_KEY_FILE", "")
			return nil
		},
	})
}

// exits runs a program and checks its exit code: "exits 2 limpet diagnose nowhere".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENT...")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("run %s: %v", args[1], err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), code, want)
	}
}

// pseudonym takes the first broken session of a report in JSON into $SESSION, and its
// beginning into $SHORT.
func pseudonym(ts *testscript.TestScript, _ bool, args []string) {
	var r struct {
		Breaks []struct{ Session string }
	}
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &r); err != nil {
		ts.Fatalf("%s: %v", args[0], err)
	}
	if len(r.Breaks) == 0 || len(r.Breaks[0].Session) < 12 {
		ts.Fatalf("%s: no broken session", args[0])
	}
	ts.Setenv("SESSION", r.Breaks[0].Session)
	ts.Setenv("SHORT", r.Breaks[0].Session[:12])
}
