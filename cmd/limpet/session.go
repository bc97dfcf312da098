package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"limpet.dev/diagnose"
	"limpet.dev/internal/ingest"
	"limpet.dev/internal/report"
	"limpet.dev/session"
)

func newSession(e *env, g *global) *cobra.Command {
	d := &diagnosis{}
	cmd := &cobra.Command{
		Use:   "session ID BUNDLE | FILE...",
		Short: "Tell one session's story, request by request",
		Long: `Session tells what happened to one session: which instance answered each request,
what became of the session there, and why it broke. ID is the pseudonym as reports
show it or its beginning, or the 32 hexadecimal digits of a balancer's log;
a raw credential is refused. Sessions in which every follow-up was honoured are
counted but not kept, so there is no story of them.`,
		Example: "  limpet session s:mfzwizltor incident/",
		Args:    atLeast(2, "session: name a session and the bundle or files that it is in"),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := d.out.list()
			if err != nil {
				return err
			}
			id, err := pseudonymPrefix(args[0])
			if err != nil {
				return err
			}
			opt, err := d.options(e, args[1:])
			if err != nil {
				return err
			}
			opt.Tell = id
			p := newProgress(e, g)
			opt.Progress = p.bytes
			r, err := ingest.Diagnose(cmd.Context(), opt)
			p.end()
			if err != nil {
				return err
			}
			story, err := theStory(r, id)
			if err != nil {
				return err
			}
			return e.emit(list, func(w io.Writer, format string) error {
				if format == "json" {
					enc := json.NewEncoder(w)
					enc.SetIndent("", "  ")
					return enc.Encode(story)
				}
				return report.Story(w, story, e.look(g, w))
			})
		},
	}
	d.flags(cmd)
	d.out.add(cmd, "text", "json")
	return cmd
}

const base32Letters = "abcdefghijklmnopqrstuvwxyz234567"

// pseudonymPrefix reads what a user gives to name a session. What cannot be the beginning of a
// pseudonym is refused and not repeated: it could be a raw credential.
func pseudonymPrefix(text string) (string, error) {
	if p, ok := session.ParsePseudonym([]byte(text)); ok {
		return p.String(), nil
	}
	id := strings.ToLower(text)
	letters := strings.TrimPrefix(id, "s:")
	if letters == id || len(letters) < 4 || len(letters) > 26 || strings.Trim(letters, base32Letters) != "" {
		return "", usage("ID is a session's pseudonym as reports show it (s:…, at least 4 letters after it), or 32 hexadecimal digits")
	}
	return id, nil
}

// theStory returns the one session whose pseudonym begins with id.
func theStory(r *diagnose.Report, id string) (diagnose.Story, error) {
	var found []diagnose.Story
	for _, s := range r.Stories {
		if strings.HasPrefix(s.Session, id) {
			found = append(found, s)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return diagnose.Story{}, usage("%d sessions begin so, such as %s and %s: write more of it", len(found), found[0].Session, found[1].Session)
	case r.KeyIsRandom:
		return diagnose.Story{}, errors.New("no such session among those with trouble; pseudonyms are of this run only: without a key (limpet.key, LIMPET_KEY_FILE) each run makes its own")
	}
	return diagnose.Story{}, fmt.Errorf("no such session among those with trouble (of %d in all)", r.Totals.Sessions)
}
