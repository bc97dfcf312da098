package cookie

import (
	"slices"
	"strings"
	"time"
)

// A Jar is the cookie store of one client. It is not safe for use by several goroutines.
type Jar struct {
	Client *Client

	sites map[string]*drawer // by key
	total int
	order uint64
	lost  []Lost
}

// A drawer holds the cookies of one site in the order in which they are sent: longer paths
// first, then older ones (bis, 5.8.3).
type drawer struct {
	cookies []*Cookie
	ghosts  []Cookie // what script sees although it was refused
}

// Lost is a cookie that left a jar without anybody asking for it.
type Lost struct {
	Cookie Cookie
	Why    Reason // Evicted, ExpiredLater, SessionEnded
	At     time.Time
}

// maxLost is how many lost cookies a jar remembers.
const maxLost = 10_000

// NewJar returns an empty jar of a client.
func NewJar(c *Client) *Jar { return &Jar{Client: c, sites: map[string]*drawer{}} }

// Clone returns a copy that shares nothing with j.
func (j *Jar) Clone() *Jar {
	c := &Jar{Client: j.Client, sites: make(map[string]*drawer, len(j.sites)), total: j.total, order: j.order, lost: slices.Clone(j.lost)}
	for site, d := range j.sites {
		copied := &drawer{ghosts: slices.Clone(d.ghosts)}
		for _, k := range d.cookies {
			same := *k
			copied.cookies = append(copied.cookies, &same)
		}
		c.sites[site] = copied
	}
	return c
}

// Set takes in one Set-Cookie line that came with the answer to r, or that script wrote (r is
// then a Document).
func (j *Jar) Set(line string, r *Request, now time.Time) Verdict {
	rules := &j.Client.Rules
	v, gone := judge(line, r, rules, now)
	d := j.sites[j.key(&r.URL)]
	if v.Why != 0 {
		if d != nil && rules.FormFirst && v.Why.Has(SecureOnly) { // Chromium's protocol names both
			v.Why |= d.protects(&v.Cookie, r, rules, now)
		}
		return v
	}
	if d == nil {
		if gone {
			v.Outcome, v.Why = DeletedNothing, Expired.Set()
			return v
		}
		d = &drawer{}
		j.sites[j.key(&r.URL)] = d
	}
	if why := d.protects(&v.Cookie, r, rules, now); why != 0 {
		v.Why = why
		return v
	}
	at := d.find(&v.Cookie, rules)
	if at >= 0 && d.cookies[at].HttpOnly && r.Kind == Script {
		v.Why = HTTPOnlyScript.Set()
		if rules.GhostWrites && !gone {
			d.ghosts = append(d.ghosts, v.Cookie)
		}
		return v
	}
	switch {
	case gone && at < 0:
		v.Outcome, v.Why = DeletedNothing, Expired.Set()
	case gone:
		d.remove(at)
		j.total--
		v.Outcome, v.Why = Deleted, Expired.Set()
	case at >= 0:
		j.replace(d, at, &v.Cookie, rules)
		v.Outcome = Replaced
	default:
		j.insert(d, &v.Cookie)
		v.Outcome = Stored
		j.makeRoom(d, &v.Cookie, now)
	}
	return v
}

// key names the drawer of a host: its site; without a public suffix list all hosts of a top-level
// domain may share cookies.
func (j *Jar) key(u *URL) string {
	if j.Client.Rules.Suffixes || u.ip {
		return u.site
	}
	return u.Host[strings.LastIndexByte(u.Host, '.')+1:]
}

// SetAll takes in the Set-Cookie lines of one answer.
func (j *Jar) SetAll(lines []string, r *Request, now time.Time) []Verdict {
	out := make([]Verdict, len(lines))
	if rules := &j.Client.Rules; rules.AnswerLost && slices.ContainsFunc(lines, func(l string) bool { return controls(l, rules) }) {
		for i, line := range lines {
			l, _ := Parse(line)
			out[i] = Verdict{Name: l.Name, Why: DisallowedCharacter.Set()}
		}
		return out
	}
	if !j.Client.Rules.BatchDeletes {
		for i, line := range lines {
			out[i] = j.Set(line, r, now)
		}
		return out
	}
	for _, deletions := range []bool{true, false} { // first what goes, then what comes
		for i, line := range lines {
			if _, gone := judge(line, r, &j.Client.Rules, now); gone == deletions {
				out[i] = j.Set(line, r, now)
			}
		}
	}
	return out
}

// protects keeps Secure cookies from being overlaid over http (bis, 5.7 step 18).
func (d *drawer) protects(c *Cookie, r *Request, rules *Rules, now time.Time) Reasons {
	if rules.KeepSecure == KeepNone || r.secure(rules) {
		return 0
	}
	for _, old := range d.cookies {
		if old.Secure && old.Name == c.Name && !old.expired(now) && rules.KeepSecure.covers(old, c) {
			return OverwriteSecure.Set()
		}
	}
	return 0
}

// covers reports whether an old cookie would be overlaid by a new one.
func (k Keep) covers(old, c *Cookie) bool {
	same := old.Domain == c.Domain
	switch k {
	case KeepSame:
		return same && old.Path == c.Path
	case KeepSameDomain:
		return same && pathMatch(c.Path, old.Path)
	}
	return pathMatch(c.Path, old.Path) && (same || under(old.Domain, c.Domain) || under(c.Domain, old.Domain))
}

// find returns the place of the cookie that a new one replaces, -1 if there is none.
func (d *drawer) find(c *Cookie, rules *Rules) int {
	for i, old := range d.cookies {
		if old.Path == c.Path && old.Domain == c.Domain && (old.HostOnly == c.HostOnly || !rules.HostOnlyInKey) &&
			(old.Name == c.Name || rules.FoldNames && strings.EqualFold(old.Name, c.Name)) && old.Partition == c.Partition {
			return i
		}
	}
	return -1
}

func (d *drawer) remove(at int) { d.cookies = slices.Delete(d.cookies, at, at+1) }

// replace puts a new cookie in an old one's place. It keeps the time of creation (bis, 5.7
// step 23), in some clients only while the value stays the same.
func (j *Jar) replace(d *drawer, at int, c *Cookie, rules *Rules) {
	old := d.cookies[at]
	if rules.RenewOnChange && old.Value != c.Value {
		d.remove(at)
		j.total--
		j.insert(d, c)
		return
	}
	c.Created, c.order, c.group = old.Created, old.order, old.group
	*old = *c
}

// Cookies returns what the jar holds, sites in alphabetical order, each in the order of sending.
func (j *Jar) Cookies() []Cookie {
	var sites []string
	for site := range j.sites {
		sites = append(sites, site)
	}
	slices.Sort(sites)
	var out []Cookie
	for _, site := range sites {
		for _, c := range j.sites[site].cookies {
			out = append(out, *c)
		}
	}
	return out
}

// Len returns how many cookies the jar holds.
func (j *Jar) Len() int { return j.total }

// Lost returns the cookies that left the jar by themselves, the first ones first, 10,000 at most.
func (j *Jar) Lost() []Lost { return j.lost }

// Restart ends the client's process and starts it again: a memory jar is empty then, a
// persistent one has lost its session cookies.
func (j *Jar) Restart(now time.Time) {
	keep := j.Client.Rules.Jar == PersistentJar
	for _, d := range j.sites {
		j.drop(d, SessionEnded, now, func(c *Cookie) bool { return !keep || !c.Persistent() })
	}
}

// Clear empties the jar.
func (j *Jar) Clear() { *j = *NewJar(j.Client) }

// drop removes cookies from a drawer and remembers why.
func (j *Jar) drop(d *drawer, why Reason, now time.Time, gone func(*Cookie) bool) {
	d.cookies = slices.DeleteFunc(d.cookies, func(c *Cookie) bool {
		if !gone(c) {
			return false
		}
		j.total--
		if len(j.lost) < maxLost {
			j.lost = append(j.lost, Lost{Cookie: *c, Why: why, At: now})
		}
		return true
	})
}

func (c *Cookie) expired(now time.Time) bool { return !c.Expires.IsZero() && !c.Expires.After(now) }
