package caddy

import (
	"cmp"
	"fmt"
	"strings"

	"limpet.dev/lb"
)

// logLine is what to add to a Caddyfile. Caddy cannot make an HMAC: the application tells fingerprints in headers of its answer,
// which the access log holds like all others; they are keyed, so that the client learns nothing from them. Cookies stay
// REDACTED (no log_credentials). Variant "2.6" is for Caddy before 2.8, which cannot add fields: it shows no upstream.
func logLine(opt lb.LogLineOptions) (string, error) {
	if opt.Variant != "" && opt.Variant != "2.6" {
		return "", fmt.Errorf("caddy knows the variants \"\" (2.8 and newer) and 2.6: %q is none", opt.Variant)
	}
	cookie := cmp.Or(opt.SessionCookie, "SESSION")
	affinity := cmp.Or(opt.AffinityCookie, "lb")
	var b strings.Builder
	line := func(text string) { b.WriteString(text + "\n") }
	line("# Within the site. The application answers with X-Limpet-Session and X-Limpet-Set-Session: the first 32 hexadecimal")
	line("# digits of HMAC-SHA-256(key, value of the cookie " + cookie + "), presented and set (limpet.dev/witness: FingerprintCookie).")
	line("log {")
	line("\toutput file /var/log/caddy/limpet.log")
	line("\tformat filter {")
	line("\t\twrap json")
	line("\t\tfields {")
	line("\t\t\trequest>uri regexp \"[?;].*\" \"\"")
	line("\t\t\trequest>headers>Referer regexp \"(://[^/?#;]*).*\" \"$1\"")
	line("\t\t\tresp_headers>Location regexp \"[?;].*\" \"\"")
	line("\t\t}")
	line("\t}")
	line("}")
	if opt.Variant == "" {
		line("log_append upstream {rp.upstream.hostport}")
		line("log_append upstream_ms {rp.upstream.latency_ms}")
		line("log_append retries {rp.retries}")
		line("log_append aff {http.request.cookie." + affinity + "}")
		line("log_append req_id {http.request.uuid}")
		line("# and within reverse_proxy, so that the application's events carry the same id:")
		line("# header_up X-Request-ID {http.request.uuid}")
	}
	return b.String(), nil
}
