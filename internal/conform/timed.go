package conform

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"limpet.dev/cookie"
)

// timed is what was observed over time: a crowded jar, and the two minutes in which a cookie
// without SameSite goes with a POST from another site.
type timed struct {
	Evict60  *evicted        `json:"evict_60"`
	Evict200 *evicted        `json:"evict_200"`
	PostAge  map[string]sent `json:"lax_post_age"`
	Refresh  *sent           `json:"lax_post_refresh"`
}

type evicted struct {
	First, Last    string
	SentCount, Set int
}

type sent struct{ Cookie string }

const setAt = "https://app.example.test/app/login"

func (t *tally) timed(client *cookie.Client, want timed) {
	for _, e := range []*evicted{want.Evict60, want.Evict200} {
		if e != nil {
			t.count(fmt.Sprintf("timed/evict_%d", e.Set), client.ID, crowd(client, e))
		}
	}
	for _, after := range slices.Sorted(maps.Keys(want.PostAge)) {
		age, err := time.ParseDuration(strings.TrimPrefix(after, "after_"))
		if err != nil {
			continue
		}
		jar := cookie.NewJar(client)
		u, _ := cookie.ParseURL(setAt)
		for _, line := range []string{"unset=1; Path=/; Secure", "lax=1; Path=/; Secure; SameSite=Lax", "strict=1; Path=/; Secure; SameSite=Strict", "none=1; Path=/; Secure; SameSite=None"} {
			jar.Set(line, cookie.Typed(u), observedAt)
		}
		t.count("timed/lax_post_age/"+after, client.ID, posted(jar, observedAt.Add(age), want.PostAge[after].Cookie))
	}
	if want.Refresh != nil {
		t.count("timed/lax_post_refresh", client.ID, refreshed(client, want.Refresh.Cookie))
	}
}

// crowd sets cookies in answers of twenty.
func crowd(client *cookie.Client, want *evicted) (differs []string) {
	jar := cookie.NewJar(client)
	u, _ := cookie.ParseURL(setAt)
	now := observedAt
	for i := range want.Set {
		if i%20 == 0 {
			now = now.Add(100 * time.Millisecond)
		}
		jar.Set(fmt.Sprintf("c%03d=1; Path=/", i), cookie.Typed(u), now)
	}
	pairs := strings.Split(string(jar.AppendHeader(nil, cookie.Typed(u), now)), "; ")
	if got := (evicted{pairs[0], pairs[len(pairs)-1], len(pairs), want.Set}); got != *want {
		differs = append(differs, fmt.Sprintf("%d of %d cookies are left, want %d", got.SentCount, got.Set, want.SentCount))
	}
	return differs
}

// refreshed sets cookies again after 90 seconds and posts after 128.
func refreshed(client *cookie.Client, want string) []string {
	jar := cookie.NewJar(client)
	u, _ := cookie.ParseURL(setAt)
	for _, line := range []string{"same=1; Path=/; Secure", "changed=1; Path=/; Secure", "once=1; Path=/; Secure"} {
		jar.Set(line, cookie.Typed(u), observedAt)
	}
	for _, line := range []string{"same=1; Path=/; Secure", "changed=2; Path=/; Secure"} {
		jar.Set(line, cookie.Typed(u), observedAt.Add(90*time.Second))
	}
	return posted(jar, observedAt.Add(128*time.Second), want)
}

// posted compares what a form of another site takes along.
func posted(jar *cookie.Jar, now time.Time, want string) (differs []string) {
	partner, _ := cookie.ParseURL(partnerPage)
	page, _ := cookie.ParseURL("https://app.example.test/app/page")
	if got := string(jar.AppendHeader(nil, cookie.Post(partner, page), now)); got != want {
		differs = append(differs, headerDiffers("the POST", got, want))
	}
	return differs
}
