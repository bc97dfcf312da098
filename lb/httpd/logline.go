package httpd

import (
	"cmp"
	"fmt"
	"strings"

	"limpet.dev/lb"
)

// ownFormat is the format of Limpet's own log line. What matters most stands first. Nothing in it is a raw session credential:
// the application hands over fingerprints in headers of its answer, and the path has no parameters and no query.
const ownFormat = `%{usec}t us=%D ci=%a cp=%{remote}p id=%{UNIQUE_ID}e m=%m st=%>s b=%B` +
	` lb=%{BALANCER_NAME}e w=%{BALANCER_WORKER_NAME}e wr=%{BALANCER_WORKER_ROUTE}e sr=%{BALANCER_SESSION_ROUTE}e rc=%{BALANCER_ROUTE_CHANGED}e` +
	` sess="%{limpet-session}n" set_sess="%{limpet-session-set}n" s=%{limpet_scheme}e srv="%v" h="%{Host}i"` +
	` p="%{limpet_path}e" ref="%{limpet_referer}e" org="%{limpet_origin}e" tp="%{traceparent}i" ua="%{User-Agent}i"`

// The headers by which an application hands over the fingerprints of the session presented and of the one that it set.
const (
	presentedHeader = "X-Limpet-Session"
	setHeader       = "X-Limpet-Set-Session"
)

// logLine is the configuration to add. httpd has no HMAC of its own, so the fingerprints come from the application: they
// are noted for the log and taken out of the answer.
func logLine(opt lb.LogLineOptions) (string, error) {
	if opt.Variant != "" && opt.Variant != "header" {
		return "", fmt.Errorf("httpd knows one variant, header (its log cannot make an HMAC): %q is none", opt.Variant)
	}
	cookie := cmp.Or(opt.SessionCookie, "SESSION")
	var b strings.Builder
	line := func(text string) { b.WriteString(text + "\n") }
	line("# Modules: headers, setenvif, unique_id (a2enmod headers setenvif unique_id).")
	line("# The application answers with " + presentedHeader + " and " + setHeader + ": the first 32 hexadecimal digits of")
	line("# HMAC-SHA-256(key, value of the cookie " + cookie + "), presented and set (limpet.dev/witness: FingerprintCookie). They never reach the client.")
	line(`SetEnvIf Request_URI "^([^;]*)" limpet_path=$1`)
	line(`SetEnvIf Referer "^(https?://[^/?#;]+)" limpet_referer=$1`)
	line(`SetEnvIf Origin "^(https?://[^/?#;]+)" limpet_origin=$1`)
	line(`SetEnvIfExpr "%{HTTPS} != 'on'" limpet_scheme=http`)
	line(`SetEnvIfExpr "%{HTTPS} == 'on'" limpet_scheme=https`)
	line("RequestHeader set X-Request-ID %{UNIQUE_ID}e")
	for _, h := range [][2]string{{presentedHeader, "limpet-session"}, {setHeader, "limpet-session-set"}} {
		line("Header note " + h[0] + " " + h[1])
		line("Header unset " + h[0])
	}
	line(`LogFormat "` + strings.ReplaceAll(ownFormat, `"`, `\"`) + `" limpet`)
	line("CustomLog ${APACHE_LOG_DIR}/limpet.log limpet")
	return b.String(), nil
}
