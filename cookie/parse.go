package cookie

import (
	"strings"
	"time"
)

// A Line is one Set-Cookie line, read but not yet judged. Its strings are parts of the line.
type Line struct {
	Name, Value string // Value is a credential
	Domain      string // the last Domain attribute without its leading dot; "" is none
	Path        string // the last Path attribute if it begins with "/"; "" is the default path
	Secure      bool
	HttpOnly    bool
	Partitioned bool
	SameSite    SameSite
	Priority    Priority
	UnknownSite bool          // a SameSite with a value that nobody knows
	MaxAge      time.Duration // where HasMaxAge; zero or less deletes
	HasMaxAge   bool
	Expires     time.Time // zero: none that can be read
	Notes       Reasons   // attributes that were ignored
	bare        bool      // there was no "="
	dot         bool      // the Domain is a single dot
}

// Parse reads a Set-Cookie line as browsers do (bis, 5.6), with the limits of bis. Refused
// says why the line counts for nothing, zero if it counts.
func Parse(line string) (l Line, refused Reasons) { return parseBis(line, &bis) }

// bis are the rules of the draft itself, where nothing else is said.
var bis = Rules{
	Jar: PersistentJar, SameSite: true, LaxByDefault: true, LaxPost: 2 * time.Minute, NoneNeedsSecure: true,
	Prefixes: HTTPPrefixes, ExplicitRoot: true, Suffixes: true, HostOnlyInKey: true, SecureNeedsTLS: true, KeepSecure: KeepOverlaid,
	FirstOnly: true, Cap: maxLife, MaxPair: 4096, MaxAttribute: 1024, Chips: true,
}

// maxLife is the longest lifetime that bis allows (5.5).
const maxLife = 400 * 24 * time.Hour

func parseBis(line string, rules *Rules) (l Line, refused Reasons) {
	pair, attributes, _ := strings.Cut(line, ";")
	if bad := controls(line, rules); bad {
		refused = DisallowedCharacter.Set()
	}
	name, value, ok := strings.Cut(pair, "=")
	if !ok {
		name, value = "", pair
	}
	l.Name, l.Value = trim(name), trim(value)
	switch {
	case l.Name == "" && l.Value == "":
		refused |= NoCookieContent.Set()
	case rules.MaxPair > 0 && len(l.Name)+len(l.Value) > rules.MaxPair:
		refused |= NameValuePairExceedsMaxSize.Set()
	}
	if l.Name == "" && refused == 0 {
		refused = l.nameless(ok, rules)
	}
	if refused != 0 {
		return l, refused
	}
	for attributes != "" {
		var attribute string
		attribute, attributes, _ = strings.Cut(attributes, ";")
		name, value, _ := strings.Cut(attribute, "=")
		l.attribute(trim(name), trim(value), rules)
	}
	return l, 0
}

// nameless treats a line without a name.
func (l *Line) nameless(hasEqual bool, rules *Rules) Reasons {
	switch rules.Nameless {
	case NamelessDropped:
		return MalformedForClient.Set()
	case NamelessNamed:
		if hasEqual {
			return MalformedForClient.Set()
		}
		l.Name, l.Value = l.Value, ""
	}
	return 0
}

// attribute takes one attribute in. The last one that can be read wins (bis, 5.6).
func (l *Line) attribute(name, value string, rules *Rules) {
	if rules.MaxAttribute > 0 && len(value) > rules.MaxAttribute {
		l.Notes |= AttributeTooLong.Set()
		return
	}
	switch attributeNamed(name) {
	case pathAttribute:
		l.setPath(value)
	case domainAttribute:
		l.Domain = strings.TrimPrefix(value, ".")
		l.dot = value == "."
	case secureAttribute:
		l.Secure = true
	case httpOnlyAttribute:
		l.HttpOnly = true
	case sameSiteAttribute:
		l.setSameSite(value)
	case maxAgeAttribute:
		l.setMaxAge(value, rules)
	case expiresAttribute:
		l.setExpires(value, rules)
	case partitionedAttribute:
		l.Partitioned = true
	case priorityAttribute:
		l.setPriority(value)
	default:
		if name != "" {
			l.Notes |= AttributeIgnored.Set()
		}
	}
}

type attributeKind uint8

const (
	unknownAttribute attributeKind = iota
	pathAttribute
	domainAttribute
	secureAttribute
	httpOnlyAttribute
	sameSiteAttribute
	maxAgeAttribute
	expiresAttribute
	partitionedAttribute
	priorityAttribute
)

// attributeNamed recognises a name without case. Its length leaves at most three to compare.
func attributeNamed(name string) attributeKind {
	switch len(name) {
	case 4:
		return attributeIf(name, "path", pathAttribute)
	case 6:
		return attributeIf(name, "domain", domainAttribute) | attributeIf(name, "secure", secureAttribute)
	case 7:
		return attributeIf(name, "max-age", maxAgeAttribute) | attributeIf(name, "expires", expiresAttribute)
	case 8:
		return attributeIf(name, "httponly", httpOnlyAttribute) | attributeIf(name, "samesite", sameSiteAttribute) | attributeIf(name, "priority", priorityAttribute)
	case 11:
		return attributeIf(name, "partitioned", partitionedAttribute)
	}
	return unknownAttribute
}

// attributeIf returns kind if name is want, which is as long, without case.
func attributeIf(name, want string, kind attributeKind) attributeKind {
	for i := range len(want) {
		b := name[i]
		if b >= 'A' && b <= 'Z' {
			b |= 0x20
		}
		if b != want[i] {
			return unknownAttribute
		}
	}
	return kind
}

func (l *Line) setPath(value string) {
	if !strings.HasPrefix(value, "/") {
		l.Path = ""
		l.Notes |= AttributeIgnored.Set()
		return
	}
	l.Path = value
}

func (l *Line) setSameSite(value string) {
	l.UnknownSite = false
	switch {
	case strings.EqualFold(value, "none"):
		l.SameSite = None
	case strings.EqualFold(value, "lax"):
		l.SameSite = Lax
	case strings.EqualFold(value, "strict"):
		l.SameSite = Strict
	default:
		l.SameSite, l.UnknownSite = Unset, true
		l.Notes |= AttributeIgnored.Set()
	}
}

func (l *Line) setMaxAge(value string, rules *Rules) {
	if rules.MinusExpires && strings.HasPrefix(value, "-") {
		value = "-1"
	}
	d, ok := maxAge(value, rules.PlusMaxAge)
	if !ok {
		l.Notes |= AttributeIgnored.Set()
		l.HasMaxAge = l.HasMaxAge && !rules.LastCounts
		return
	}
	l.MaxAge, l.HasMaxAge = d, true
}

func (l *Line) setExpires(value string, rules *Rules) {
	t, ok := parseDate(value, dateRules{rules.LooseDates, 70})
	if !ok {
		l.Notes |= AttributeIgnored.Set()
		if rules.LastCounts {
			l.Expires = time.Time{}
		}
		return
	}
	l.Expires = t
}

func (l *Line) setPriority(value string) {
	switch {
	case strings.EqualFold(value, "low"):
		l.Priority = Low
	case strings.EqualFold(value, "high"):
		l.Priority = High
	default:
		l.Priority = Medium
	}
}

// maxAge reads an optional "-" and digits (bis, 5.6.2), for some a "+" too. What does not fit
// is as long as it gets.
func maxAge(value string, plus bool) (time.Duration, bool) {
	digits := value
	if value != "" && (value[0] == '-' || plus && value[0] == '+') {
		digits = value[1:]
	}
	if digits == "" {
		return 0, false
	}
	const most = int64(1<<63-1) / int64(time.Second)
	var n int64
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		n = min(n*10+int64(digits[i]-'0'), most/10-1)
	}
	if value[0] == '-' {
		n = -n
	}
	return time.Duration(n) * time.Second, true
}

// controls reports octets that make the whole line void: 00-08, 0A-1F and 7F (bis, 5.6), and
// a TAB inside for some.
func controls(line string, rules *Rules) bool {
	for i := range len(line) {
		b := line[i]
		if (b < 0x20 && b != '\t') || b == 0x7f {
			return true
		}
		if b == '\t' && rules.NoInnerTab && innerTab(line, i) {
			return true
		}
	}
	return false
}

// innerTab reports whether the TAB at i stands inside a name, value or attribute: something
// other than blanks lies on both sides before the next ";" or "=".
func innerTab(line string, i int) bool {
	before, after := i-1, i+1
	for before >= 0 && isBlank(line[before]) {
		before--
	}
	for after < len(line) && isBlank(line[after]) {
		after++
	}
	return before >= 0 && after < len(line) && !isEdge(line[before]) && !isEdge(line[after])
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' }

func isEdge(b byte) bool { return b == ';' || b == '=' }

// trim cuts blanks and TABs off both ends.
func trim(s string) string {
	for s != "" && isBlank(s[0]) {
		s = s[1:]
	}
	for s != "" && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}
