package httpd

import (
	"bytes"
	"strings"

	"limpet.dev/lb"
	"limpet.dev/lb/logtext"
	"limpet.dev/session"
)

// heads are sections, marks are directives that only httpd's configurations hold.
var (
	heads = wordSet(`virtualhost directory directorymatch location locationmatch files filesmatch ifmodule ifdefine ifversion proxy
		proxymatch limit limitexcept if else elseif macro requireall requireany requirenone`)
	marks = wordSet(`servername serveralias serveradmin serverroot documentroot loadmodule customlog logformat errorlog loglevel
		proxypass proxypassreverse proxypassmatch balancermember proxyset proxyrequests proxypreservehost rewriteengine rewriterule
		rewritecond sslengine sslcertificatefile sslproxyengine allowoverride addtype addhandler setenv setenvif setenvifnocase sethandler
		directoryindex requestheader scriptalias redirectmatch includeoptional proxytimeout
		errordocument namevirtualhost startservers maxrequestworkers typesconfig`)
)

// sniffConfig reports how certain it is that head begins an httpd configuration: sections in angle brackets with names
// that httpd knows, and its directives, without braces or semicolons at the ends of lines.
func sniffConfig(head []byte) float64 {
	if bytes.IndexByte(head, 0) >= 0 {
		return 0
	}
	lines := logicalLines("", string(head))
	if len(lines) > 1 {
		lines = lines[:len(lines)-1] // the last one may be cut
	}
	var own, foreign int
	for _, l := range lines {
		line := strings.TrimSpace(l.text)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '<':
			name, _, _ := strings.Cut(strings.ToLower(strings.Trim(line, "</>")), " ")
			if heads[name] {
				own += 2
			} else {
				foreign += 2 // XML, say
			}
		case strings.HasSuffix(line, ";") || strings.HasSuffix(line, "{") || line == "}":
			foreign++
		default:
			w := words(line)
			if marks[strings.ToLower(w[0])] && len(w) > 1 && !strings.HasSuffix(w[0], ":") && w[1] != "=" {
				own++
			}
		}
	}
	switch {
	case own == 0:
		return 0
	case own < 2 && foreign > 0, foreign > own:
		return 0.2
	case own == 1:
		return 0.5
	}
	return min(0.98, 0.6+0.05*float64(own))
}

// sniffLog reports how certain it is that head holds lines of httpd: its error log is unmistakable; formats that nginx
// writes in the same way (combined) are taken with little certainty.
func sniffLog(head []byte) float64 {
	p, err := newParser(lb.LogOptions{})
	if err != nil {
		return 0
	}
	var e session.Event
	var lines, errs, own, shared int
	for line := range bytes.Lines(logtext.Head(head, 16<<10)) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		lines++
		msg := line[syslog.Header(line).Msg:]
		switch {
		case isErrorLine(msg):
			errs++
		case p.Parse(line, &e) != lb.Read:
		case bytes.Contains(msg, []byte("balancer://")) || p.(*parser).variants[p.(*parser).cur].text == ownFormat:
			own++
		default:
			shared++
		}
	}
	switch {
	case lines == 0:
		return 0
	case (errs+own)*2 > lines:
		return 0.95
	case (errs+own+shared)*2 > lines:
		return 0.5
	}
	return 0
}
