package intent

import (
	"fmt"
	"io"
	"net/url"
)

// A StoreURL says how a store is reached. It may hold a password: printed in any way, it
// shows scheme, host and path only.
type StoreURL string

// Raw returns the URL as written. It must not be printed.
func (u StoreURL) Raw() string { return string(u) }

// String returns the URL without user, password and query.
func (u StoreURL) String() string {
	if u == "" {
		return ""
	}
	p, err := url.Parse(string(u))
	if err != nil || p.Scheme == "" || p.Host == "" {
		return "(not shown)"
	}
	shown := url.URL{Scheme: p.Scheme, Host: p.Host, Path: p.Path}
	return shown.String()
}

// Format keeps the URL's secrets for every verb, %#v included.
func (u StoreURL) Format(f fmt.State, verb rune) {
	if verb == 'q' || f.Flag('#') {
		fmt.Fprintf(f, "%q", u.String())
		return
	}
	io.WriteString(f, u.String())
}

// MarshalText keeps the URL's secrets in encodings.
func (u StoreURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }
