package ingest

import (
	"bytes"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"limpet.dev/capture"
	"limpet.dev/diagnose"
	"limpet.dev/internal/clientside"
	"limpet.dev/lb"
	"limpet.dev/session"
)

// captures prepares a lane for each HAR, curl transcript or header dump: what one client saw. The client engine has looked
// at it beforehand, so that a request shows what was kept back, and by which rule.
func (s *scan) captures() {
	var before []clientside.Source
	for i, f := range s.bundle.of("capture") {
		id := s.input(f.name, "capture", string(capture.Sniff(f.head)))
		src := s.captureSource(f)
		seen, cookie, report := clientside.Follow(src, clientside.Options{Session: s.evidence.Declared.Cookie}, before...)
		before = append(before, src)
		s.aboutCapture(f.name, id, cookie, report)
		lines := encodeSeen(seen, "client of "+strconv.Itoa(i+1))
		account := s.evidence.Inputs[id]
		in := &file{path: f.name, stream: bytes.NewReader(lines), size: int64(len(lines)), close: func() {}}
		in.count = &counter{r: in.stream}
		in.stream = in.count
		l := &lane{source: len(s.lanes), instance: s.instanceName, login: s.loginPath, parser: seenParser{}, format: account.Format, total: in.size}
		l.files = append(l.files, &laneFile{id: id, in: in, account: account})
		s.lanes = append(s.lanes, l)
	}
}

// captureSource reads a capture's file.
func (s *scan) captureSource(f *found) clientside.Source {
	path := f.path
	return clientside.Source{Path: f.name, Read: func(do func(*capture.Exchange) error) (capture.About, error) {
		in, err := Open(path, s.opt.Stdin)
		if err != nil {
			return capture.About{}, errors.New(readError(err))
		}
		defer in.Close()
		return capture.Read(in, do)
	}}
}

// aboutCapture says what a capture is and what it cannot tell.
func (s *scan) aboutCapture(name string, id uint16, cookie string, r *clientside.Report) {
	in := &s.evidence.Inputs[id]
	if len(r.Inputs) > 0 && r.Inputs[0].Error != "" {
		in.Error = r.Inputs[0].Error
	}
	if cookie == "" {
		s.note("%s names no session cookie; limpet cookies %s tells what its cookies do.", name, name)
	} else {
		s.note("%s shows one client and its cookie %s; what is counted from it is that client's requests.", name, cookie)
	}
	for _, u := range r.Unknown {
		s.note("%s", u)
	}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Severity != clientside.Info {
			s.evidence.Client = append(s.evidence.Client, clientFinding(f))
		}
	}
}

// clientFinding is a finding of the client engine as the report lists it.
func clientFinding(f *clientside.Finding) diagnose.Finding {
	d := diagnose.Finding{Rule: f.Rule, Severity: string(f.Severity), Title: f.Cookie + ": " + f.Title, Feels: strings.TrimSpace(f.Feels), Fix: f.Fix}
	if f.Request != nil {
		d.File, d.Line = f.Request.Input, f.Request.N
	}
	if len(f.Reasons) > 0 {
		d.Title += " (" + strings.Join(f.Reasons, ", ") + ")"
	}
	return d
}

// separator stands between the fields of a line that tells one exchange; header values cannot hold it.
const separator = "\x1f"

// encodeSeen writes exchanges as lines, for the lane that all sources take.
func encodeSeen(seen []clientside.Seen, client string) []byte {
	var b bytes.Buffer
	for i := range seen {
		x := &seen[i]
		cleared := ""
		if x.Cleared {
			cleared = "1"
		}
		fields := []string{strconv.FormatInt(x.At.UnixNano(), 10), client, x.Method, targetOf(x.URL), x.URL.Host, x.URL.Scheme, strconv.Itoa(x.Status), x.From, x.Agent,
			x.Location, x.RequestID, x.TraceID, x.Session.Reveal(), x.Set.Reveal(), x.Held.Reveal(), x.Why, x.Affinity.Reveal(), x.SetAffinity.Reveal(), cleared}
		for j, f := range fields {
			fields[j] = oneLine.Replace(f)
		}
		b.WriteString(strings.Join(fields, separator))
		b.WriteByte('\n')
	}
	return b.Bytes()
}

var oneLine = strings.NewReplacer("\n", " ", "\r", " ", separator, " ")

func targetOf(u *url.URL) string {
	if p := u.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

// seenParser reads what encodeSeen writes.
type seenParser struct{}

func (seenParser) Format() string { return "capture" }

func (p seenParser) Clone() lb.LineParser { return p }

const seenFacts = session.HasSession | session.HasSetSession | session.HasStatus | session.HasTarget | session.HasReferer | session.HasLocation |
	session.HasUserAgent | session.HasClient | session.HasRequestID | session.ClientSide

func (seenParser) Parse(line []byte, e *session.Event) lb.Skip {
	e.Reset()
	f := bytes.Split(line, []byte(separator))
	if len(f) != 19 {
		return lb.SkipForeign
	}
	at, err := strconv.ParseInt(string(f[0]), 10, 64)
	if err != nil {
		return lb.SkipTime
	}
	status, _ := strconv.Atoi(string(f[6]))
	e.Kind, e.Has, e.Start, e.End = session.Request, seenFacts, at, at+int64(time.Millisecond)
	e.Client, e.Method, e.Target, e.Host, e.Scheme, e.Status = f[1], f[2], f[3], f[4], f[5], uint16(status)
	e.Referer, e.UserAgent, e.Location, e.RequestID, e.TraceID = f[7], f[8], f[9], f[10], f[11]
	e.Session, e.SetSession, e.Held = worn(f[12]), worn(f[13]), worn(f[14])
	e.Reason, e.Affinity, e.SetAffinity, e.Cleared = f[15], f[16], f[17], len(f[18]) > 0
	return lb.Read
}

// worn is a credential as a capture shows it: raw, or the pseudonym that scrubbing left in its place.
func worn(v []byte) session.Credential {
	c := session.Credential{Raw: v}
	if len(v) == 28 && v[0] == 's' && v[1] == ':' {
		_, c.Fingerprint = session.ParsePseudonym(v)
	}
	return c
}
