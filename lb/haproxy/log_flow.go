package haproxy

import "limpet.dev/session"

// What HAProxy's termination state says, in neutral words (manual, section 8.5; src/log.c has the
// letters as "NIDVEOU" and "NPDIRU").

var affinityStates = [256]session.AffinityState{
	'N': session.AffinityNone, 'I': session.AffinityInvalid, 'D': session.AffinityDown, 'V': session.AffinityValid,
	'E': session.AffinityIdle, 'O': session.AffinityOld, 'U': session.AffinityUnused, '-': session.AffinityOff,
}

var affinitySets = [256]session.AffinitySet{
	'N': session.SetNothing, 'P': session.SetPassed, 'D': session.SetDeleted, 'I': session.SetInserted,
	'R': session.SetRewritten, 'U': session.SetRefreshed, '-': session.SetNothing,
}

// flowOf translates a termination state of four letters.
func flowOf(code [4]byte) session.Flow {
	return session.Flow{
		Affinity: affinityStates[code[2]],
		Set:      affinitySets[code[3]],
		Unserved: unservedState(code[0], code[1]),
		Aborted:  code[0] == 'C' || code[0] == 'c',
		Code:     code,
	}
}

// unservedState reports whether the stream ended before the answer's headers: while the request was read
// (R), queued (Q), held (T), being connected (C), or while HAProxy waited for the headers (H). With '-' first
// nothing went wrong.
func unservedState(cause, state byte) bool {
	if cause == '-' {
		return false
	}
	switch state {
	case 'R', 'Q', 'T', 'C', 'H':
		return true
	}
	return false
}

// isStateCode reports whether b can be a termination state, of two letters or of four.
func isStateCode(b []byte) bool {
	for i, c := range b {
		ok := false
		switch i {
		case 0:
			ok = c == '-' || c >= 'A' && c <= 'Z' || c == 'c' || c == 's'
		case 1:
			ok = c == '-' || c >= 'A' && c <= 'Z'
		case 2:
			ok = affinityStates[c] != 0 || c == '7'
		default:
			ok = affinitySets[c] != 0 || c == '6' || c == '7'
		}
		if !ok {
			return false
		}
	}
	return true
}
