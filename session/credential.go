package session

import "slices"

const longestSpan = 1 << 15

// spanOf remembers where a credential stands in the batch.
func spanOf(c Credential, base []byte) Span {
	if len(c.Raw) > longestSpan {
		return Span{}
	}
	off, ok := offsetIn(base, c.Raw)
	if !ok {
		return Span{}
	}
	return Span{At: off, Len: uint16(len(c.Raw)), Name: c.Fingerprint}
}

// credential returns the key of a credential.
func (d *Reducer) credential(c Credential) uint64 {
	if c.Fingerprint {
		if p, ok := ParsePseudonym(c.Raw); ok {
			return d.Fingerprint(p)
		}
	}
	raw := d.raw(c.Raw)
	if !d.Joined {
		return raw
	}
	if c.Opaque {
		return raw ^ opaqueSpace
	}
	if d.memo == nil {
		d.memo = make([]memoSlot, 1<<14)
	}
	s := &d.memo[raw%uint64(len(d.memo))]
	if s.raw != raw {
		*s = memoSlot{raw, d.Fingerprint(d.Key.Pseudonym(c.Raw))}
	}
	return s.key
}

// raw returns the key of a credential's bytes.
func (d *Reducer) raw(b []byte) uint64 {
	if len(b) <= 16 {
		return d.Bytes(b)
	}
	return nonZero(mixBytes(b, d.salt))
}

// deletedValues are what applications write into a cookie that they take back. Many clients share them, so
// they name no session.
var deletedValues = []string{"", "deleted", "delete", "null", "none", "invalid", "expired", `""`, "0", "-1"}

// deletes reports whether a credential, of this key, is such a value.
func (d *Reducer) deletes(c Credential, key uint64) bool {
	if !c.Fingerprint {
		return len(c.Raw) <= 7 && slices.Contains(deletedValues, string(c.Raw))
	}
	if d.deleted == nil {
		for _, v := range deletedValues {
			d.deleted = append(d.deleted, d.Fingerprint(d.Key.Pseudonym([]byte(v))))
		}
	}
	return slices.Contains(d.deleted, key)
}

// opaqueSpace keeps the application's own identifiers apart from credentials.
const opaqueSpace = 0x9e3779b97f4a7c15
