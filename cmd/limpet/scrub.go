package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"limpet.dev/internal/ingest"
	"limpet.dev/internal/scrub"
	"limpet.dev/lb/products"
	"limpet.dev/session"
)

func newScrub(e *env, g *global) *cobra.Command {
	var out, cookie string
	cmd := &cobra.Command{
		Use:   "scrub FILE... [-o OUT]",
		Short: "Remove credentials from HARs, logs and transcripts before handing them on",
		Long: `Scrub copies evidence without credentials: HAR files, curl transcripts, header
dumps, balancers' logs, lifecycle events. Cookie values and session ids become
pseudonyms (equal values stay equal, so limpet finds the same in the copy);
bodies, query values, authorization, unknown fields and whatever looks like a token
are removed. What was removed is listed on standard error, by name and count.

-o names the copy, or a folder for the copies of several files; without it the copy
of a single file goes to standard output. The key of the pseudonyms is limpet.key
beside the file, or the file that LIMPET_KEY_FILE names, else one of this run.

Exit codes: 0 scrubbed, 2 wrong use, 3 a file was not recognised or breaks off
(what could be read was written).`,
		Example: `  limpet scrub session.har -o session.scrubbed.har
  limpet scrub session.har haproxy.log -o handover/`,
		Args: atLeast(1, "scrub: name files; - is standard input"),
		RunE: func(_ *cobra.Command, args []string) error {
			return scrubAll(e, g, args, out, cookie)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file or folder for the copies (default standard output)")
	cmd.Flags().StringVar(&cookie, "session-cookie", "", "name of the session cookie, where a log does not say it")
	return cmd
}

func scrubAll(e *env, g *global, args []string, out, cookie string) error {
	files, err := filesOf(args)
	if err != nil {
		return err
	}
	folder := len(files) > 1 || strings.HasSuffix(out, "/")
	if st, err := os.Stat(out); out != "" && err == nil && st.IsDir() {
		folder = true
	}
	if folder && out == "" {
		return usage("scrub: several files need a folder: -o FOLDER")
	}
	if folder {
		if err := os.MkdirAll(out, 0o755); err != nil {
			return plainPathError(err)
		}
	}
	key, err := scrubKey(e, files[0])
	if err != nil {
		return err
	}
	opt := scrub.Options{Key: key, Products: products.All(), Cookie: cookie}
	var failed error
	for _, f := range files {
		to := out
		if folder {
			to = filepath.Join(out, plainName(f))
		}
		if err := scrubFile(e, g, f, to, opt); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// filesOf resolves globs; every argument must name something.
func filesOf(args []string) ([]string, error) {
	var files []string
	for _, a := range args {
		if a == "-" {
			files = append(files, a)
			continue
		}
		if _, err := os.Stat(a); err == nil {
			files = append(files, a)
			continue
		}
		matches, err := filepath.Glob(a)
		if err != nil || len(matches) == 0 {
			return nil, usage("%s: no such file", a)
		}
		files = append(files, matches...)
	}
	return files, nil
}

// plainName is the copy's name: without what says that the file was packed.
func plainName(f string) string {
	if f == "-" {
		return "stdin"
	}
	return strings.TrimSuffix(strings.TrimSuffix(filepath.Base(f), ".gz"), ".zst")
}

// scrubKey finds the key of the pseudonyms.
func scrubKey(e *env, file string) (session.Key, error) {
	path := e.getenv("LIMPET_KEY_FILE")
	named := path != ""
	if !named {
		path = filepath.Join(filepath.Dir(file), "limpet.key")
	}
	text, err := os.ReadFile(path)
	if err == nil {
		if k, ok := session.ParseKey(string(text)); ok {
			return k, nil
		}
		return session.Key{}, fmt.Errorf("read pseudonym key: %s does not hold 64 hexadecimal characters", path)
	}
	if named {
		return session.Key{}, fmt.Errorf("read pseudonym key: %w", plainPathError(err))
	}
	var k session.Key
	rand.Read(k[:])
	e.log.Info("pseudonyms of this run match no other run's: there is no limpet.key")
	return k, nil
}

func scrubFile(e *env, g *global, file, to string, opt scrub.Options) error {
	in, err := ingest.Open(file, e.stdin)
	if err != nil {
		return plainPathError(err)
	}
	defer in.Close()
	if same(file, to) {
		return usage("scrub: the copy would overwrite %s itself", file)
	}
	var res scrub.Result
	var copied error
	write := func(w io.Writer) error {
		if res, copied = scrub.Copy(w, in, opt); errors.Is(copied, scrub.ErrUnknown) {
			return copied
		}
		return nil
	}
	if to == "" {
		err = write(e.stdout)
	} else {
		err = writeWhole(to, write)
	}
	if copied != nil {
		err = copied
	}
	if !errors.Is(err, scrub.ErrUnknown) {
		tellRemoved(g.talk(e), file, to, &res)
	}
	if err != nil {
		return fmt.Errorf("scrub %s: %w", file, err)
	}
	return nil
}

func same(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// tellRemoved lists names and counts, never values.
func tellRemoved(w io.Writer, file, to string, res *scrub.Result) {
	if to == "" {
		to = "standard output"
	}
	fmt.Fprintf(w, "%s (%s) scrubbed to %s\n", file, res.Kind, to)
	var names []string
	for n := range res.Removed {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := res.Removed[b] - res.Removed[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for _, n := range names {
		fmt.Fprintf(w, "%8d  %s\n", res.Removed[n], n)
	}
}
