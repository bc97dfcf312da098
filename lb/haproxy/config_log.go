package haproxy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"limpet.dev/topology"
)

// builtInMark stands before the option's name where a built-in format was chosen.
const builtInMark = "\x00built-in"

// The built-in log formats (include/haproxy/log.h: the same from 2.6 to 3.3).
const (
	formatHTTPLog  = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r"
	formatHTTPSLog = formatHTTPLog + " %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc"
	formatTCPLog   = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq"
	formatCLFLog   = `%{+Q}o %{-Q}ci - - [%trg] %r %ST %B "" "" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl`
	formatDefault  = "Connect from %ci:%cp to %fi:%fp (%f/%H)"
)

// format returns the format that a proxy's log-format or option chooses, with the built-in's name.
func logFormat(p *proxy) (format, builtIn string, pos topology.Pos, ok bool) {
	s, ok := p.last("log-format")
	if !ok {
		return formatDefault, "default", p.pos, false
	}
	if len(s.Args) < 2 || s.Args[0] != builtInMark {
		return strings.Join(s.Args, " "), "", s.Pos, true
	}
	switch {
	case s.Args[1] == "option tcplog":
		return formatTCPLog, "tcplog", s.Pos, true
	case s.Args[1] == "option httpslog":
		return formatHTTPSLog, "httpslog", s.Pos, true
	case slices.Contains(s.Args, "clf"):
		return formatCLFLog, "clf", s.Pos, true
	}
	return formatHTTPLog, "httplog", s.Pos, true
}

// logs returns what a listener logs, one entry for each length that its targets allow.
func (r *reader) logs(p *proxy) []topology.Log {
	format, builtIn, pos, chosen := logFormat(p)
	var lengths []int
	for _, s := range p.all("log") {
		if len(s.Args) > 0 && s.Args[0] == "global" {
			for _, g := range r.globalLogs {
				lengths = append(lengths, logLength(g.Args))
			}
			continue
		}
		lengths = append(lengths, logLength(s.Args))
	}
	slices.Sort(lengths)
	lengths = slices.Compact(lengths)
	if len(lengths) == 0 {
		if !chosen {
			return nil
		}
		lengths = []int{0}
	}
	var logs []topology.Log
	for _, n := range lengths {
		logs = append(logs, topology.Log{Format: shownExpr(format), BuiltIn: builtIn, Max: n, Pos: pos})
	}
	return logs
}

// logLength is the N of "log ADDRESS len N …", 0 where it is not said.
func logLength(args []string) int {
	for i := 1; i+1 < len(args); i++ {
		if args[i] == "len" {
			if n, err := strconv.Atoi(args[i+1]); err == nil && n > 0 {
				return n
			}
		}
	}
	return 0
}

// captures returns what a listener's log captures, in the order of the log's slots.
func captures(p *proxy) []string {
	var out []string
	if s, ok := p.last("capture cookie"); ok {
		out = append(out, "cookie "+strings.Join(s.Args, " "))
	}
	type slot struct {
		text string
		line int
		file string
	}
	var slots []slot
	add := func(kind string, settings []topology.Setting) {
		for _, s := range settings {
			slots = append(slots, slot{kind + " " + strings.Join(s.Args, " "), s.Pos.Line, s.Pos.File})
		}
	}
	add("request", p.all("capture request"))
	add("response", p.all("capture response"))
	for _, s := range p.all("declare capture") {
		add(s.Args[0]+" slot", []topology.Setting{{Args: s.Args[1:], Pos: s.Pos}})
	}
	for _, s := range p.all("http-request") {
		if n := slices.Index(s.Args, "len"); n > 1 && s.Args[0] == "capture" && n+1 < len(s.Args) {
			text := "sample " + shownExpr(strings.Join(s.Args[1:n], " ")) + " len " + s.Args[n+1]
			add("request", []topology.Setting{{Args: []string{text}, Pos: s.Pos}})
		}
	}
	slices.SortStableFunc(slots, func(a, b slot) int {
		if a.file != b.file {
			return strings.Compare(a.file, b.file)
		}
		return a.line - b.line
	})
	for _, s := range slots {
		out = append(out, s.text)
	}
	return out
}

func checkCapture(args []string) error {
	if len(args) < 4 || args[0] != "header" || args[2] != "len" {
		return fmt.Errorf("expects: header NAME len N")
	}
	_, err := parseInt(args[3], 1, 65535)
	return err
}

func checkCaptureCookie(args []string) error {
	if len(args) < 3 || args[1] != "len" {
		return fmt.Errorf("expects: cookie NAME len N")
	}
	_, err := parseInt(args[2], 1, 65535)
	return err
}

func checkDeclare(args []string) error {
	if len(args) < 3 || args[0] != "request" && args[0] != "response" || args[1] != "len" {
		return fmt.Errorf("expects: declare capture request|response len N")
	}
	_, err := parseInt(args[2], 1, 65535)
	return err
}
