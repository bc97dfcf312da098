package cookie

import (
	"slices"
	"time"
)

// Offered is a cookie of the jar in the light of one request.
type Offered struct {
	Cookie Cookie
	Why    Reasons // why it stays at home; zero: it is sent
	Notes  Reasons
}

// Sent reports whether the cookie goes with the request.
func (o *Offered) Sent() bool { return o.Why == 0 }

// Withholds says why a client does not send a cookie with a request; zero: it sends it.
func (c *Client) Withholds(k *Cookie, r *Request, now time.Time) Reasons {
	if c.Rules.Jar == NoJar {
		return NoCookieStore.Set()
	}
	return withholds(k, r, &c.Rules, r.access(&c.Rules), r.partition(&c.Rules), now)
}

// withholds applies bis, 5.8.3.
func withholds(k *Cookie, r *Request, rules *Rules, near access, here Partition, now time.Time) (why Reasons) {
	if k.expired(now) {
		return ExpiredLater.Set()
	}
	if !domainGoes(k, &r.URL, rules) {
		if under(r.URL.Host, k.Domain) || under(k.Domain, r.URL.Host) || k.site() == r.URL.site {
			why |= DomainMismatch.Set()
		} else {
			return DifferentSite.Set()
		}
	}
	if !k.HostOnly && rules.Suffixes && len(k.Domain) < len(r.URL.site) && !r.URL.ip {
		why |= SuffixRuleChanged.Set()
	}
	if without := r.without(); without != 0 && rules.SameSite {
		return without
	}
	third := near == crossSite && !r.firstParty(rules)
	if k.Partition != (Partition{}) && k.Partition != here || k.Partition == (Partition{}) && third && rules.ThirdParty == PartitionThird {
		return OtherPartition.Set()
	}
	if k.Secure && !r.secure(rules) && !(rules.SecureLoopSend && r.URL.loopback()) {
		why |= SecureOnly.Set()
	}
	if !pathMatch(r.URL.Path, k.Path) {
		why |= NotOnPath.Set()
	}
	if r.Kind == Script && k.HttpOnly {
		why |= HTTPOnlyHidden.Set()
	}
	if rules.SameSite {
		why |= sameSiteWithholds(k, rules, near, now)
	}
	if third && rules.ThirdParty == BlockThird && k.Partition == (Partition{}) {
		why = rules.blockedSend(why)
	}
	return why
}

// sameSiteWithholds applies bis, 5.6.7.1 and the two minutes of 5.6.7.2.
func sameSiteWithholds(k *Cookie, rules *Rules, near access, now time.Time) Reasons {
	s := effective(k, rules)
	unset := k.SameSite == Unset
	switch {
	case near == sameSite || s == None:
		return 0
	case s == Lax && near == laxSafe:
		return 0
	case s == Lax && near == laxUnsafe && unset && now.Sub(k.Created) < rules.LaxPost:
		return 0
	}
	return sameSiteReason(s, unset, rules)
}

func domainGoes(k *Cookie, u *URL, rules *Rules) bool {
	return k.Domain == u.Host || (!k.HostOnly || rules.HostOnlyLoose) && (!u.ip || rules.LooseIP) && under(u.Host, k.Domain)
}

// site is the registrable domain of the cookie's domain.
func (c *Cookie) site() string {
	host, ip := canonicalHost(c.Domain)
	site, _ := registrable(host, ip, compiledIn)
	return site
}

// pathMatch is bis, 5.1.4.
func pathMatch(path, cookiePath string) bool {
	n := len(cookiePath)
	return len(path) >= n && path[:n] == cookiePath && (len(path) == n || cookiePath[n-1] == '/' || path[n] == '/')
}

// PathMatch reports whether a cookie's path covers a request's path (bis, 5.1.4).
func PathMatch(path, cookiePath string) bool { return cookiePath != "" && pathMatch(path, cookiePath) }

// AppendHeader appends the value of the Cookie header that goes with a request, "" if none
// does, and notes the access. It allocates nothing beyond dst. What it returns is a credential.
func (j *Jar) AppendHeader(dst []byte, r *Request, now time.Time) []byte {
	rules := &j.Client.Rules
	d := j.sites[j.key(&r.URL)]
	if d == nil || rules.Jar == NoJar {
		return dst
	}
	near, here := r.access(rules), r.partition(rules)
	start, count := len(dst), 0
	for _, k := range d.visible(r) {
		if withholds(k, r, rules, near, here, now) != 0 {
			continue
		}
		if rules.MaxSent > 0 && count >= rules.MaxSent || rules.MaxOut > 0 && len(dst)-start+len(k.Name)+len(k.Value) > rules.MaxOut {
			break
		}
		if count > 0 {
			dst = append(dst, "; "...)
		}
		dst = rules.Dialect.appendPair(dst, k)
		k.Accessed = now
		count++
	}
	return dst
}

// visible returns the cookies that a request may see; a document also sees its ghosts.
func (d *drawer) visible(r *Request) []*Cookie {
	if r.Kind != Script || len(d.ghosts) == 0 {
		return d.cookies
	}
	all := slices.Clone(d.cookies)
	for i := range d.ghosts {
		all = append(all, &d.ghosts[i])
	}
	slices.SortStableFunc(all, func(a, b *Cookie) int { return len(b.Path) - len(a.Path) })
	return all
}

// Explain returns every cookie of the request's site in the order of sending, and why those
// that stay at home do. Two that are sent under one name carry the note X.Shadowed.
func (j *Jar) Explain(r *Request, now time.Time) []Offered {
	rules := &j.Client.Rules
	d := j.sites[j.key(&r.URL)]
	if d == nil || rules.Jar == NoJar {
		return nil
	}
	near, here := r.access(rules), r.partition(rules)
	visible := d.visible(r)
	out := make([]Offered, len(visible))
	seen := map[string]int{}
	for i, k := range visible {
		out[i] = Offered{Cookie: *k, Why: withholds(k, r, rules, near, here, now)}
		if !out[i].Sent() {
			continue
		}
		out[i].Notes = r.hidden()
		if first, twice := seen[k.Name]; twice {
			out[first].Notes |= Shadowed.Set()
			out[i].Notes |= Shadowed.Set()
		} else {
			seen[k.Name] = i
		}
	}
	return out
}
