package clientside

import (
	"bufio"
	"io"
	"regexp"
	"strconv"
)

// A saying is what applications write into their logs, or people into their settings, when a cause is at work. It is a
// pointer, not a proof.
type saying struct {
	words *regexp.Regexp
	cause string
	means string
}

// sayings are words of frameworks and settings (npm cookies, express-session, Terraform's aws_cloudfront_distribution).
var sayings = []saying{
	{re(`(?i)cannot send secure cookie over unencrypted connection`), "secure-cookie-proto-unknown", "the application takes the connection for http and sets no Secure cookie"},
	{re(`(?i)session[ _-]?ip[ _-]?mismatch|ip address mismatch.*session|session.*bound to.*(?:ip|address)`), "session-ip-binding", "the application rejects a session because of its client's address"},
	{re(`(?i)disable_check_session_ip:\s*false|(?:check|bind|validate)[_-]?session[_-]?ip:\s*true`), "session-ip-binding", "the setting ties sessions to the client's address"},
	{re(`(?i)cookies\s*\{\s*forward\s*=\s*"none"`), "cookie-stripped-by-cdn", "the CDN's behaviour forwards no cookies"},
	{re(`(?i)session\(.*connect\.sid|connect\.sid.*session\(`), "cookie-name-collision", "the session cookie has the framework's default name: every application of the host that keeps it overwrites the others'"},
}

// Spoken looks through a text that is no capture, a log or settings, for words that name a cause. It returns nil where
// there are none.
func Spoken(path string, r io.Reader) *Report {
	a := newAnalysis(Options{})
	in := bufio.NewScanner(io.LimitReader(r, 64<<20))
	in.Buffer(make([]byte, 64<<10), 1<<20)
	for n := 1; in.Scan(); n++ {
		for i := range sayings {
			s := &sayings[i]
			if !s.words.Match(in.Bytes()) {
				continue
			}
			f := a.finding(s.cause, "the session cookie", "")
			f.Severity = Warning
			f.Times++
			f.Evidence = union(f.Evidence, []string{path + ":" + strconv.Itoa(n) + ": " + s.means})
		}
	}
	if len(a.findings) == 0 {
		return nil
	}
	a.inputs, a.sanitised = []Input{{Path: path, Kind: "words"}}, []bool{false}
	a.report.Cookies, a.report.Changes, a.report.Rewrites = []View{}, []Change{}, []Rewrite{}
	a.conclude()
	return a.report
}
