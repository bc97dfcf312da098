package caddy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"limpet.dev/lb"
)

// A version is Caddy's, as far as it decides how hashes and cookies are made; the zero value is the newest.
type version struct{ major, minor, patch int }

func parseVersion(text string) version {
	parts := strings.SplitN(strings.TrimPrefix(text, "v"), ".", 3)
	var n [3]int
	for i, p := range parts {
		n[i], _ = strconv.Atoi(p)
	}
	return version{n[0], n[1], n[2]}
}

// before reports whether v is known and older than major.minor.patch.
func (v version) before(major, minor, patch int) bool {
	if v == (version{}) {
		return false
	}
	if v.major != major {
		return v.major < major
	}
	if v.minor != minor {
		return v.minor < minor
	}
	return v.patch < patch
}

// weigh is the hash of a key for one upstream (selectionpolicies.go, hostByHashing): FNV-1a 32 of key and upstream to 2.6.2,
// of upstream and key to 2.7, XXH64 of upstream and key since 2.8.0.
func (v version) weigh(dial, key string) uint64 {
	switch {
	case v.before(2, 6, 3):
		return fnv32(key + dial)
	case v.before(2, 8, 0):
		return fnv32(dial + key)
	}
	return xxhash.Sum64String(dial + key)
}

func fnv32(text string) uint64 {
	h := fnv.New32a()
	h.Write([]byte(text))
	return uint64(h.Sum32())
}

// byHash finds the upstream with the greatest hash; of equal ones the first, and none whose hash is 0.
func (r *router) byHash(key string) *host {
	var best *host
	var most uint64
	for _, h := range r.hosts {
		if !h.available(r.now) {
			continue
		}
		if w := r.version.weigh(h.dial, key); w > most {
			best, most = h, w
		}
	}
	return best
}

// cookieValue is lower-case hex of HMAC-SHA256(secret, dial).
func cookieValue(secret, dial string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(dial))
	return hex.EncodeToString(mac.Sum(nil))
}

// setCookie is the Set-Cookie line that makes a client come back to an upstream.
func (r *router) setCookie(p *policy, dial string, secure bool) string {
	line := p.cookie + "=" + cookieValue(p.secret, dial) + "; Path=/"
	if p.maxAge > 0 && !r.version.before(2, 9, 0) {
		line += "; Max-Age=" + strconv.Itoa(int(p.maxAge.Seconds()))
	}
	lax := !r.version.before(2, 11, 3)
	if lax {
		line += "; HttpOnly"
	}
	switch {
	case secure && !r.version.before(2, 8, 0):
		line += "; Secure; SameSite=None"
	case lax:
		line += "; SameSite=Lax"
	}
	return line
}

// key is what a hash policy hashes of a request; "" where it is not there.
func (p *policy) keyOf(c *lb.Call, trusted []netip.Prefix) string {
	switch p.name {
	case "ip_hash":
		return c.Client.String()
	case "client_ip_hash":
		if v, ok := c.Header("X-Forwarded-For"); ok && within(c.Client, trusted) {
			first, _, _ := strings.Cut(v, ",")
			return strings.TrimSpace(first)
		}
		return c.Client.String()
	case "uri_hash":
		return c.Target
	case "header":
		if strings.EqualFold(p.field, "host") {
			return c.Host
		}
		v, _ := c.Header(p.field)
		return v
	case "query":
		return strings.Join(queryValues(c.Target, p.field), ",")
	}
	return ""
}

// privateRanges is what "private_ranges" stands for (internal/ranges.go).
var privateRanges = []string{"192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8", "127.0.0.1/8", "fd00::/8", "::1/128"}

// ranges reads addresses and prefixes; what is neither is passed over.
func ranges(texts []string) []netip.Prefix {
	var out []netip.Prefix
	for _, t := range texts {
		if t == "private_ranges" {
			out = append(out, ranges(privateRanges)...)
		} else if p, err := netip.ParsePrefix(t); err == nil {
			out = append(out, p.Masked())
		} else if a, err := netip.ParseAddr(t); err == nil {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return out
}

func within(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

func queryValues(target, key string) []string {
	_, query, _ := strings.Cut(target, "?")
	var out []string
	for pair := range strings.SplitSeq(query, "&") {
		if k, v, _ := strings.Cut(pair, "="); k == key {
			out = append(out, v)
		}
	}
	return out
}
