package clientside

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"limpet.dev/capture"
)

// A brand is how one balancer's affinity cookie is recognised: by name and value, never by a name that others share.
type brand struct {
	product string
	name    *regexp.Regexp
	value   *regexp.Regexp // nil: the name is enough
	decode  func(name, value string) named
	renews  bool // a new one with every answer is normal
}

// A named is what an affinity value says.
type named struct {
	server string         // a server's own name, "" none
	addr   netip.AddrPort // an address that it gives away
}

func re(text string) *regexp.Regexp { return regexp.MustCompile(text) }

// brands are asked in this order. Sources: reference of affinity cookies on the wire (vendor manuals, source code of
// Traefik, Envoy and ingress-nginx; the F5 and NetScaler shapes from public decoders).
var brands = []brand{
	{product: "AWS Application Load Balancer", name: re(`^(?:AWSALB(?:TG)?(?:CORS)?|AWSALBAPP-[0-3])$`), renews: true},
	{product: "AWS Classic Load Balancer", name: re(`^AWSELB(?:CORS)?$`)},
	{product: "Google Cloud Load Balancing", name: re(`^GC(?:I)?LB$`)},
	{product: "Azure Application Gateway", name: re(`^ApplicationGatewayAffinity(?:CORS)?$`)},
	{product: "Azure App Service", name: re(`^ARRAffinity(?:SameSite)?$`)},
	{product: "Azure Front Door", name: re(`^ASLBSA(?:CORS)?$`)},
	{product: "Cloudflare Load Balancing", name: re(`^__cflb$`)},
	{product: "F5 BIG-IP", name: re(`^BIGipServer.+`), decode: decodeF5},
	{product: "Citrix NetScaler", name: re(`^NSC_(?:[^ATUP]|A[^A]|T[^M]|U[^S]|P[^E]).*`), value: re(`^ffffffff[0-9a-f]{12,}$`), decode: decodeNetScaler},
	{product: "Traefik", name: re(`^_[0-9a-f]{5}$`), value: re(`^(?:[0-9a-f]{1,16}|https?://.+)$`), decode: decodeURL},
	{product: "ingress-nginx", name: re(`^(?:INGRESSCOOKIE.*|route)$`), value: re(`^\d+\.\d+\.\d+\.\d+\|[0-9a-f]{32}$`)},
	{product: "Traefik (ingress-nginx provider) or HAProxy ingress", name: re(`^INGRESSCOOKIE(?:-.+)?$`)},
	{product: "nginx sticky", name: re(`^route$`), value: re(`^[0-9a-f]{32}(?:\..+)?$`)},
	{product: "HAProxy", name: re(`^(?:SERVERID|SRV|SRVNAME|HAP_SRV|SERVERUSED)$`), decode: decodeHAProxy},
	{product: "Apache mod_proxy_balancer", name: re(`^ROUTEID$`), value: re(`^[^.]*\.[A-Za-z0-9_-]+$`), decode: decodeRoute},
	{product: "Caddy", name: re(`^lb$`), value: re(`^[0-9a-f]{64}$`)},
	{product: "Contour", name: re(`^X-Contour-Session-Affinity$`)},
	{product: "Envoy", name: re(`.`), value: re(`^"?[A-Za-z0-9+/]{12,}={0,2}(?:;UV:.*)?"?$`), decode: decodeEnvoy},
	{product: "Alibaba Cloud SLB", name: re(`^(?:acw_tc|aliyungf_tc)$`)},
	{product: "Huawei Cloud ELB", name: re(`^HWWAFSES(?:ID|TIME)$`)},
	{product: "Oracle Cloud Load Balancer", name: re(`^X-Oracle-BMC-LBS-Route$`)},
	{product: "Imperva", name: re(`^nlbi_`)},
	{product: "Akamai", name: re(`^akaalb_`), value: re(`~`), decode: decodeAkamai},
	{product: "DigitalOcean Load Balancer", name: re(`^DO-LB$`)},
}

// An affinityCookie is what is known about a cookie name as an affinity cookie.
type affinityCookie struct {
	product string
	says    named
	renews  bool
}

// affinity recognises an affinity cookie by its name and every value seen.
func (a *analysis) affinity(name string) affinityCookie {
	if known, ok := a.affinities[name]; ok {
		return known
	}
	found := affinityCookie{}
	for _, v := range a.values(name) {
		if found = recognise(name, v); found.product == "" {
			break
		}
	}
	a.affinities[name] = found
	return found
}

// recognise finds the brand of one cookie.
func recognise(name, value string) affinityCookie {
	if len(value) > 4096 {
		return affinityCookie{}
	}
	for i := range brands {
		b := &brands[i]
		if !b.name.MatchString(name) || b.value != nil && !b.value.MatchString(value) {
			continue
		}
		c := affinityCookie{product: b.product, renews: b.renews}
		if b.decode != nil {
			c.says = b.decode(name, value)
			if b.product == "Envoy" && !c.says.addr.IsValid() {
				continue // any base64 looks so
			}
		}
		return c
	}
	return affinityCookie{}
}

// values are those set and presented under a name, at most 20.
func (a *analysis) values(name string) []string {
	var out []string
	for _, s := range a.steps {
		for _, line := range s.set {
			if capture.NameOf(line) == name {
				pair, _, _ := strings.Cut(line, ";")
				_, v, _ := strings.Cut(pair, "=")
				if v = strings.TrimSpace(v); v != "" {
					out = append(out, v)
				}
			}
		}
		for _, p := range s.sent {
			if p.Name == name {
				out = append(out, p.Value.Reveal())
			}
		}
		if len(out) > 20 {
			break
		}
	}
	return out
}

// decodeF5 reads the four plain forms of BIGipServer (F5 K6917).
func decodeF5(name, value string) named {
	out := named{server: pool(strings.TrimPrefix(name, "BIGipServer"))}
	if m := f5v4.FindStringSubmatch(value); m != nil {
		ip, _ := strconv.ParseUint(m[1], 10, 32)
		port, _ := strconv.ParseUint(m[2], 10, 16)
		a := netip.AddrFrom4([4]byte{byte(ip), byte(ip >> 8), byte(ip >> 16), byte(ip >> 24)})
		out.addr = netip.AddrPortFrom(a, uint16(port)<<8|uint16(port)>>8)
		return out
	}
	for _, f := range []*regexp.Regexp{f5rd, f5v6} {
		if m := f.FindStringSubmatch(value); m != nil {
			b, err := hex.DecodeString(m[1])
			if err != nil || len(b) != 16 {
				continue
			}
			port, _ := strconv.ParseUint(m[2], 10, 16)
			if f == f5v6 {
				port = port&0xff<<8 | port>>8
			}
			out.addr = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b)).Unmap(), uint16(port))
		}
	}
	return out
}

var (
	f5v4 = re(`^(\d{1,10})\.(\d{1,5})\.0000$`)
	f5rd = re(`^rd\d+o([0-9a-f]{32})o(\d{1,5})$`)
	f5v6 = re(`^vi([0-9a-f]{32})\.(\d{1,5})$`)
)

func pool(name string) string { return strings.ReplaceAll(strings.TrimPrefix(name, "~"), "~", "/") }

// decodeNetScaler reads the plain COOKIEINSERT form by the keys that public decoders use.
func decodeNetScaler(name, value string) named {
	server := strings.Map(func(r rune) rune {
		switch {
		case r == 'a':
			return 'z'
		case r == 'A':
			return 'Z'
		case r > 'a' && r <= 'z' || r > 'A' && r <= 'Z':
			return r - 1
		}
		return r
	}, strings.TrimPrefix(name, "NSC_"))
	out := named{server: server}
	ip, err1 := strconv.ParseUint(value[8:16], 16, 32)
	port, err2 := strconv.ParseUint(value[len(value)-4:], 16, 16)
	if err1 != nil || err2 != nil {
		return out
	}
	ip ^= 0x03081e11
	out.addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}), uint16(port)^0x3630)
	return out
}

func decodeURL(_, value string) named {
	_, rest, ok := strings.Cut(value, "://")
	if !ok {
		return named{}
	}
	a, _ := netip.ParseAddrPort(strings.TrimSuffix(rest, "/"))
	return named{addr: a}
}

func decodeHAProxy(_, value string) named {
	id, _, _ := strings.Cut(value, "|")
	if len(id) > 32 || re(`^[0-9a-f]{16}$`).MatchString(id) {
		return named{}
	}
	return named{server: id}
}

func decodeRoute(_, value string) named {
	return named{server: value[strings.LastIndexByte(value, '.')+1:]}
}

// decodeEnvoy reads a stateful session's cookie: base64 of a small protobuf message with the address in field 1, or of
// the address alone.
func decodeEnvoy(_, value string) named {
	value = strings.Trim(value, `"`)
	value, _, _ = strings.Cut(value, ";")
	b, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		if b, err = base64.RawStdEncoding.DecodeString(value); err != nil {
			return named{}
		}
	}
	if len(b) > 2 && b[0] == 0x0a && int(b[1]) <= len(b)-2 {
		b = b[2 : 2+int(b[1])]
	}
	a, err := netip.ParseAddrPort(string(b))
	if err != nil {
		return named{}
	}
	return named{addr: a}
}

func decodeAkamai(_, value string) named {
	_, rest, ok := strings.Cut(value, "~m=")
	if !ok {
		return named{}
	}
	rest, _, _ = strings.Cut(rest, "~")
	origin, _, _ := strings.Cut(rest, ":")
	return named{server: origin}
}

// words says what a value names, fit for a report: addresses as networks.
func (n named) words() string {
	var out []string
	if re(`^[A-Za-z0-9_.:/\-]{1,24}$`).MatchString(n.server) && ordinary(n.server) {
		out = append(out, "server "+n.server)
	}
	if n.addr.IsValid() {
		bits := 48
		if n.addr.Addr().Is4() {
			bits = 24
		}
		if p, err := n.addr.Addr().Prefix(bits); err == nil {
			out = append(out, fmt.Sprintf("an address in %s, port %d", p.Masked(), n.addr.Port()))
		}
	}
	return strings.Join(out, ", ")
}

// internal reports whether the value gives away an address inside the operator's network.
func (n named) internal() bool {
	a := n.addr.Addr()
	return n.addr.IsValid() && (a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast())
}
