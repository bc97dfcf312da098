package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"
)

// A Pseudonym stands for a credential: HMAC-SHA-256 of its bytes on the wire
// under the installation's key, first 128 bits. It is the only form in which a
// credential leaves the process.
type Pseudonym [16]byte

// A Key makes pseudonyms. Runs with the same key give one credential the same pseudonym.
type Key [32]byte

var pseudonymEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Pseudonym returns the pseudonym of a credential, given as it stands on the wire
// (not decoded, a balancer's prefix removed).
func (k Key) Pseudonym(credential []byte) Pseudonym {
	mac := hmac.New(sha256.New, k[:])
	mac.Write(credential)
	var sum [sha256.Size]byte
	mac.Sum(sum[:0])
	return Pseudonym(sum[:16])
}

// ID names the key without revealing it: reports carry it, so that two reports
// can be compared only when it is equal.
func (k Key) ID() string {
	sum := sha256.Sum256(append([]byte("limpet pseudonym key\x00"), k[:]...))
	return hex.EncodeToString(sum[:4])
}

// ParseKey reads a key written as 64 hexadecimal characters, white space around it ignored.
func ParseKey(text string) (Key, bool) {
	var k Key
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != len(k) {
		return Key{}, false
	}
	return Key(b), true
}

// String returns "s:" and 26 base32 characters.
func (p Pseudonym) String() string { return "s:" + pseudonymEncoding.EncodeToString(p[:]) }

// ParsePseudonym reads "s:" (or "u:") and 26 base32 characters, or 32 hexadecimal digits as a
// balancer logs them; case does not matter.
func ParsePseudonym(text []byte) (Pseudonym, bool) {
	var p Pseudonym
	switch {
	case len(text) == 28 && text[1] == ':':
		var v uint32
		var bits, n int
		for _, c := range text[2:] {
			d := base32Digit(c)
			if d < 0 {
				return Pseudonym{}, false
			}
			v = v<<5 | uint32(d)
			if bits += 5; bits >= 8 {
				bits -= 8
				p[n] = byte(v >> bits)
				n++
			}
		}
		return p, true
	case len(text) == 32:
		for i := range p {
			hi, lo := hexDigit(text[2*i]), hexDigit(text[2*i+1])
			if hi < 0 || lo < 0 {
				return Pseudonym{}, false
			}
			p[i] = byte(hi<<4 | lo)
		}
		return p, true
	}
	return Pseudonym{}, false
}

func base32Digit(c byte) int {
	switch {
	case c >= 'a' && c <= 'z':
		return int(c - 'a')
	case c >= 'A' && c <= 'Z':
		return int(c - 'A')
	case c >= '2' && c <= '7':
		return int(c-'2') + 26
	}
	return -1
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
