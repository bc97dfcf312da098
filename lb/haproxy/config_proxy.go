package haproxy

import (
	"fmt"
	"strings"

	"limpet.dev/topology"
)

// Where a directive may stand.
const (
	inDefaults = 1 << iota
	inFrontend
	inBackend
	anywhere = inDefaults | inFrontend | inBackend
)

// A directive of a proxy section that is kept.
type directive struct {
	in    int
	list  bool                      // each occurrence counts, not only the last
	own   bool                      // not inherited from defaults
	check func(args []string) error // nil: any arguments
}

// directives are those that decide where a client goes, what is logged, or when a server is
// down; the key is the first word, for two-word directives both.
var directives = map[string]directive{
	"mode": {in: anywhere, check: checkMode},
	"acl":  {in: anywhere, list: true, own: true},
	"bind": {in: inFrontend, list: true, own: true},

	"use_backend":     {in: inFrontend, list: true, own: true, check: needArg},
	"default_backend": {in: anywhere &^ inBackend, check: needArg},

	"balance":                {in: inDefaults | inBackend, check: checkBalance},
	"hash-type":              {in: inDefaults | inBackend, check: checkHashType},
	"hash-balance-factor":    {in: inDefaults | inBackend, check: intArg(0, 65535)},
	"hash-preserve-affinity": {in: inDefaults | inBackend, check: oneOf("always", "maxconn", "maxqueue")},
	"cookie":                 {in: inDefaults | inBackend, check: checkCookie},
	"dynamic-cookie-key":     {in: inDefaults | inBackend, check: needArg},
	"stick-table":            {in: inFrontend | inBackend, own: true, check: checkTable},
	"stick":                  {in: inBackend, list: true, own: true, check: checkStick},
	"use-server":             {in: inBackend, list: true, own: true, check: checkUseServer},
	"force-persist":          {in: inBackend, list: true, own: true, check: checkIfUnless},
	"ignore-persist":         {in: inBackend, list: true, own: true, check: checkIfUnless},
	"persist rdp-cookie":     {in: inDefaults | inBackend},
	"appsession":             {in: inBackend},
	"dispatch":               {in: inBackend, own: true},

	"option persist":            {in: inDefaults | inBackend},
	"option redispatch":         {in: inDefaults | inBackend, check: checkRedispatch},
	"redispatch":                {in: inDefaults | inBackend},
	"option allbackups":         {in: inDefaults | inBackend},
	"option prefer-last-server": {in: inDefaults | inBackend},
	"retries":                   {in: inDefaults | inBackend, check: intArg(0, 1<<31-1)},
	"retry-on":                  {in: inDefaults | inBackend, check: checkRetryOn},

	"server-state-file-name":      {in: inDefaults | inBackend},
	"load-server-state-from-file": {in: inDefaults | inBackend, check: oneOf("global", "local", "none")},

	"maxconn":  {in: inDefaults | inFrontend},
	"fullconn": {in: inDefaults | inBackend},

	"option httpchk":          {in: inDefaults | inBackend},
	"http-check":              {in: inDefaults | inBackend, list: true},
	"tcp-check":               {in: inDefaults | inBackend, list: true},
	"option tcp-check":        {in: inDefaults | inBackend},
	"option ssl-hello-chk":    {in: inDefaults | inBackend},
	"option smtpchk":          {in: inDefaults | inBackend},
	"option ldap-check":       {in: inDefaults | inBackend},
	"option mysql-check":      {in: inDefaults | inBackend},
	"option pgsql-check":      {in: inDefaults | inBackend},
	"option redis-check":      {in: inDefaults | inBackend},
	"option spop-check":       {in: inDefaults | inBackend},
	"option external-check":   {in: inDefaults | inBackend},
	"external-check":          {in: inDefaults | inBackend, list: true},
	"default-server":          {in: inDefaults | inBackend, list: true},
	"timeout check":           {in: inDefaults | inBackend, check: timeArg},
	"timeout client":          {in: anywhere &^ inBackend, check: timeArg},
	"timeout client-fin":      {in: anywhere &^ inBackend, check: timeArg},
	"timeout connect":         {in: inDefaults | inBackend, check: timeArg},
	"timeout http-keep-alive": {in: anywhere, check: timeArg},
	"timeout http-request":    {in: anywhere, check: timeArg},
	"timeout queue":           {in: inDefaults | inBackend, check: timeArg},
	"timeout server":          {in: inDefaults | inBackend, check: timeArg},
	"timeout server-fin":      {in: inDefaults | inBackend, check: timeArg},
	"timeout tarpit":          {in: anywhere, check: timeArg},
	"timeout tunnel":          {in: inDefaults | inBackend, check: timeArg},

	"log":              {in: anywhere, list: true},
	"log-format":       {in: anywhere &^ inBackend, check: needArg},
	"log-format-sd":    {in: anywhere &^ inBackend, check: needArg},
	"unique-id-format": {in: anywhere &^ inBackend, check: needArg},
	"capture request":  {in: inFrontend, list: true, own: true, check: checkCapture},
	"capture response": {in: inFrontend, list: true, own: true, check: checkCapture},
	"capture cookie":   {in: inFrontend, own: true, check: checkCaptureCookie},
	"declare capture":  {in: inFrontend, list: true, own: true, check: checkDeclare},

	"http-request": {in: anywhere, list: true, own: true},
	"tcp-request":  {in: anywhere, list: true, own: true},
}

// twoWords are first words whose second word belongs to the directive's name.
var twoWords = map[string]bool{"option": true, "timeout": true, "capture": true, "persist": true, "declare": true}

// logOptions choose a built-in log format; the last one counts.
var logOptions = map[string]bool{"option httplog": true, "option httpslog": true, "option tcplog": true}

// proxyLine handles a line of a defaults, frontend, backend or listen section.
func (r *reader) proxyLine(words []string, no bool) {
	p := r.proxy
	switch words[0] {
	case "server", "server-template", "default-server":
		r.serverLine(words)
		return
	case "disabled", "enabled":
		p.disabled = words[0] == "disabled"
		return
	}
	key, args := words[0], words[1:]
	if twoWords[key] && len(args) > 0 {
		key, args = key+" "+args[0], args[1:]
	}
	if name, arg, ok := strings.Cut(key, "("); ok && name == "persist rdp-cookie" {
		key, args = name, append([]string{strings.TrimSuffix(arg, ")")}, args...)
	}
	if logOptions[key] {
		if !no {
			p.set("log-format", topology.Setting{Args: append([]string{builtInMark, key}, args...), Pos: r.pos()})
		}
		return
	}
	d, ok := directives[key]
	switch {
	case !ok && quietProxyWords[words[0]], !ok && words[0] == "option" && len(words) > 1 && quietOptions[words[1]]:
		return
	case !ok:
		r.unknown(words)
		return
	case no:
		p.clear(key)
		return
	case p.kind == "defaults" && d.in&inDefaults == 0:
		r.fail(r.pos(), "%s is not allowed in a defaults section", key)
		return
	case p.kind == "frontend" && d.in&inFrontend == 0, p.kind == "backend" && d.in&inBackend == 0:
		return // HAProxy warns and ignores it
	}
	if d.check != nil {
		if err := d.check(args); err != nil {
			r.fail(r.pos(), "%s: %v", key, err)
			return
		}
	}
	s := topology.Setting{Args: args, Pos: r.pos()}
	if !d.list {
		p.set(key, s)
	} else if !p.add(key, s) {
		r.fail(r.pos(), "%s: more than %d lines in one section", key, maxOwn)
	}
}

func needArg(args []string) error {
	if len(args) == 0 || args[0] == "" {
		return fmt.Errorf("an argument is missing")
	}
	return nil
}

func oneOf(words ...string) func([]string) error {
	return func(args []string) error {
		for _, w := range words {
			if len(args) > 0 && args[0] == w {
				return nil
			}
		}
		return fmt.Errorf("expects one of %s", strings.Join(words, ", "))
	}
}

func intArg(lo, hi int) func([]string) error {
	return func(args []string) error {
		if err := needArg(args); err != nil {
			return err
		}
		_, err := parseInt(args[0], lo, hi)
		return err
	}
}

func timeArg(args []string) error {
	if err := needArg(args); err != nil {
		return err
	}
	_, err := parseTimer(args[0])
	return err
}

func checkMode(args []string) error {
	if err := needArg(args); err != nil {
		return err
	}
	return oneOf("tcp", "http", "health", "log", "spop", "haterm")(args)
}

func checkRedispatch(args []string) error {
	if len(args) == 0 {
		return nil
	}
	_, err := parseInt(args[0], -1<<31, 1<<31-1)
	return err
}

var retryWords = wordSet(`none all-retryable-errors conn-failure empty-response junk-response response-timeout 0rtt-rejected
	401 403 404 408 421 425 429 500 501 502 503 504`)

func checkRetryOn(args []string) error {
	if err := needArg(args); err != nil {
		return err
	}
	for _, a := range args {
		if !retryWords[a] {
			return fmt.Errorf("a condition that is not known")
		}
	}
	return nil
}

func checkIfUnless(args []string) error {
	if len(args) < 2 || args[0] != "if" && args[0] != "unless" {
		return fmt.Errorf("a condition (if or unless) is missing")
	}
	return nil
}

func checkUseServer(args []string) error {
	if err := needArg(args); err != nil {
		return err
	}
	if len(args) == 1 {
		return fmt.Errorf("a condition (if or unless) is missing")
	}
	return checkIfUnless(args[1:])
}
