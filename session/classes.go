package session

import "strings"

// UsualClass says what a route is for by the names that web applications use.
func UsualClass(m Method, route string) Class {
	path := strings.ToLower(route)
	last := path
	if i := strings.LastIndexByte(strings.TrimRight(path, "/"), '/'); i >= 0 {
		last = strings.Trim(path[i+1:], "/")
	}
	last, _, _ = strings.Cut(last, ".") // login.php, signin.aspx
	switch last {
	case "login", "signin", "sign-in", "sign_in", "log-in", "logon", "authenticate", "j_security_check":
		return LoginRoute
	case "logout", "signout", "sign-out", "sign_out", "log-out", "logoff":
		return LogoutRoute
	}
	for _, part := range strings.Split(path, "/") {
		switch part {
		case "cart", "basket", "bag":
			return CartRoute
		case "checkout", "payment", "order":
			return CheckoutRoute
		case "static", "assets", "css", "js", "img", "images", "fonts":
			return AssetRoute
		}
	}
	return Ordinary
}

type reasonKind uint8

const (
	reasonUnread reasonKind = iota
	reasonOpen              // none, or "unknown": says nothing
	reasonIdle
	reasonAbsolute
	reasonLogout
	reasonRotated
	reasonFault // the application says that it could not use what it was given
)

// reason says what a reason's word means.
func (c *Correlator) reason(id uint16) reasonKind {
	for int(id) >= len(c.reasons) {
		c.reasons = append(c.reasons, reasonUnread)
	}
	if c.reasons[id] == reasonUnread {
		c.reasons[id] = reasonOf(c.vocab.Reasons.Name(id))
	}
	return c.reasons[id]
}

func reasonOf(word string) reasonKind {
	w := strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(word))
	switch w {
	case "", "unknown", "not-found", "miss", "none", "missing":
		return reasonOpen
	case "idle", "idle-timeout", "expired", "expiry", "timed-out-idle":
		return reasonIdle
	case "absolute", "absolute-timeout", "max-age", "lifetime":
		return reasonAbsolute
	case "logout", "signout", "sign-out", "user-logout":
		return reasonLogout
	case "rotated", "rotation", "regenerated":
		return reasonRotated
	}
	return reasonFault
}
