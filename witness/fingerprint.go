package witness

import (
	"encoding/hex"
	"net/http"
)

// The headers by which an application tells its balancer's log the fingerprints of the session presented and of the session
// set: the first 16 bytes of HMAC-SHA-256(key, cookie value), as 32 hexadecimal digits. The balancer logs them and
// takes them out of the answer ("limpet logline nginx", "limpet logline httpd").
const (
	PresentedHeader = "X-Limpet-Session"
	SetHeader       = "X-Limpet-Set-Session"
)

// fingerprint tells the session presented, and returns the writer that tells the session set.
func (r *Recorder) fingerprint(w http.ResponseWriter, req *http.Request) http.ResponseWriter {
	if c, err := req.Cookie(r.FingerprintCookie); err == nil && c.Value != "" {
		w.Header().Set(PresentedHeader, r.hex(c.Value))
	}
	return &headWriter{ResponseWriter: w, before: func(int) {
		for _, c := range (&http.Response{Header: w.Header()}).Cookies() {
			if c.Name == r.FingerprintCookie && c.Value != "" {
				w.Header().Set(SetHeader, r.hex(c.Value))
			}
		}
	}}
}

func (r *Recorder) hex(value string) string {
	p := r.Key.Pseudonym([]byte(value))
	return hex.EncodeToString(p[:])
}
