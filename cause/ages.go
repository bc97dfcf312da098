package cause

import (
	"fmt"
	"slices"
	"time"

	"limpet.dev/session"
)

// restsOf returns how long sessions had rested at most when they were not known, since their last request came in, sorted. Honoured
// rests are counted from the answer on, as long as they were at least: a store starts a session's time anew somewhere in between,
// and answers may take seconds.
func restsOf(breaks []*Break) []time.Duration {
	var rests []time.Duration
	for _, b := range breaks {
		if b.Gap > 0 && !b.LastGood.IsZero() {
			rests = append(rests, b.Gap)
		}
	}
	slices.Sort(rests)
	return rests
}

// honouredRests returns how many honoured follow-ups came after a rest of at least d, and how many there were.
func honouredRests(ev *Evidence, d time.Duration) (longer, all int64) {
	for b, n := range ev.People.Gaps {
		n += ev.People.MovedGaps[b]
		all += n
		if session.GapFloor(b) >= int64(d) {
			longer += n
		}
	}
	return longer, all
}

// onlyIdle is the share of honoured rests that must be shorter than a lost one for losses to strike the idle only.
// A moment that strikes everybody lies in long rests more often than in short ones, for three quarters of them on average.
const onlyIdle = 0.93

// mostlyIdle is the share that is enough where the losses share no moment.
const mostlyIdle = 0.85

// An age says how the losses lie in the time since the last use.
type age struct {
	from     time.Duration // shorter rests are hardly ever followed by a loss
	survived int64         // honoured follow-ups after a clearly longer rest
	lost     int           // lost ones after such a rest
	older    float64       // mean share of honoured rests that are shorter than a lost one
}

// fewestRests is the least number of losses from which an age is read.
const fewestRests = 4

// enoughRests is the number of losses from which a cluster is read by itself; a smaller one with all others.
const enoughRests = 8

// ageOf compares the rests before losses with those that sessions outlived.
func ageOf(ev *Evidence) (a age, ok bool) {
	rests := restsOf(ev.Breaks)
	if len(rests) < enoughRests || ev.SharedStorage() { // a store does not care where a session was asked for
		rests = restsOf(ev.All)
	}
	if len(rests) < fewestRests {
		return age{}, false
	}
	a.from = rests[len(rests)/20]
	beyond := a.beyond()
	_, all := honouredRests(ev, 0)
	if all == 0 {
		return age{}, false
	}
	a.survived, _ = honouredRests(ev, beyond)
	for _, r := range rests {
		if r >= beyond {
			a.lost++
		}
		longer, _ := honouredRests(ev, r)
		a.older += 1 - float64(longer)/float64(all)
	}
	a.older /= float64(len(rests))
	return a, true
}

// beyond is the rest from which one counts as clearly longer. Honoured rests are counted in buckets; those of the bucket
// in which it lies are left out.
func (a *age) beyond() time.Duration { return a.from + a.from/32 }

// oneAge is the share of longer rests that must end in a loss for one age to divide the living from the lost.
const oneAge = 0.9

// constant returns how clearly one age divides what is lost from what lives: 1 if no session outlived it.
func (a *age) constant() float64 { return share(a.lost, a.lost+int(a.survived)) }

// ageClues says whether sessions are lost from one age on, or at any. forConstant: the first speaks for the cause.
func ageClues(a *age, forConstant bool) []Clue {
	if a.lost+int(a.survived) < fewestRests {
		return nil
	}
	figures := fmt.Sprintf("%d lost and %d honoured after a rest longer than %s", a.lost, a.survived, a.beyond().Round(time.Millisecond))
	if c := a.constant(); c >= oneAge {
		return []Clue{{ID: "one-age", Strength: c, Against: !forConstant, Source: figures,
			Text: fmt.Sprintf("sessions that rested for %s or more are gone, younger ones are there", a.from.Round(10*time.Millisecond))}}
	}
	return []Clue{{ID: "any-age", Strength: min(1, 3*(1-a.constant())), Against: forConstant, Source: figures,
		Text: "no single age divides the sessions that are lost from those that live"}}
}

// storeClues says where the state lives, for causes in a store that all instances share.
func storeClues(ev *Evidence) []Clue {
	switch {
	case ev.SharedStorage():
		return []Clue{{ID: "shared", Strength: 1, Text: "the state lives in a store that all instances share (" + ev.Storage + ")", Source: ev.Declared.StoragePos.String()}}
	case ev.InCookie:
		return []Clue{{ID: "in-cookie", Strength: 1, Against: true, Text: "the session lives in the cookie itself, so there is no store to lose it"}}
	case ev.Storage != "":
		return []Clue{{ID: "not-shared", Strength: 1, Against: true, Text: "the state does not live in a store that instances share (" + ev.Storage + ")"}}
	}
	return nil
}

// missClues speaks against a cause that makes the store forget, where something else was said or happened.
func missClues(ev *Evidence) []Clue {
	clues := contradiction(ev, "signature", "the application could not verify the credential", func(b *Break) bool { return badSignature(b.Reason) })
	clues = append(clues, contradiction(ev, "store-errors", "the store gave errors", func(b *Break) bool { return b.Result&session.AppError != 0 })...)
	clues = append(clues, contradiction(ev, "restarted", "an instance had started anew", func(b *Break) bool { return b.FromStarted != nil || b.ToStarted != nil })...)
	return append(clues, contradiction(ev, "other-release", "the instance asked ran another release than the one that had known the session", otherRelease)...)
}

// contradiction is a clue against a cause: how many of the cluster's breaks satisfy f.
func contradiction(ev *Evidence, id, text string, f func(*Break) bool) []Clue {
	clues := ev.Clue(id, text, f)
	for i := range clues {
		clues[i].Against = true
	}
	return clues
}

func otherRelease(b *Break) bool {
	return b.FromRelease != "" && b.Release != "" && b.FromRelease != b.Release
}

// fromStore reports whether the state lives in a store that all instances reach. Where nothing says so, the log alone does not
// tell a store that forgets from a flush or from instances that lost their memory.
func fromStore(ev *Evidence) bool { return ev.SharedStorage() }

// goneThere reports whether the state was missing where it should have been: on the instance that had known it, or in
// a store that every instance reaches.
func goneThere(ev *Evidence) []Clue {
	held := ev.Share(func(b *Break) bool { return !b.Moved })
	honoured, all := ev.MovesHonoured()
	switch {
	case held >= 0.5:
		return []Clue{{ID: "gone-there", Strength: held, Text: "the instance that had honoured the session did not know it any more", Source: percent(held) + " of the broken sessions"}}
	case all >= 10 && honoured*2 > all:
		return []Clue{{ID: "gone-there", Strength: float64(honoured) / float64(all), Text: "other sessions are found on whatever instance they reach", Source: fmt.Sprintf("%d of %d moves were honoured", honoured, all)}}
	case all >= 10:
		return []Clue{{ID: "only-moved", Strength: 1 - float64(honoured)/float64(all), Against: true, Text: "sessions are lost where they change their instance", Source: fmt.Sprintf("%d of %d moves were honoured", honoured, all)}}
	}
	return nil
}
