package lab

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// botKind is a sort of robot. None of them has a session to lose.
type botKind int

const (
	crawler   botKind = iota // keeps no cookies
	replayer                 // sends a session cookie that was never issued here
	emptied                  // sends the emptied cookie that a logout leaves
	guesser                  // tries passwords
	botKinds  = 4
	botsShare = 12 // one client in so many is a robot
)

type bot struct {
	*client
	kind botKind
	page int
}

func (st *stage) newBot(i, n int) *bot {
	b := &bot{client: st.newClient(i, familyBot), kind: botKind(n % botKinds)}
	secret := newCredential()
	if st.opt.Canary != "" {
		secret = st.opt.Canary
		b.agent += " " + st.opt.Canary
	}
	switch b.kind {
	case replayer:
		b.fixedCookie = sessionCookie + "=" + secret
	case emptied:
		b.fixedCookie = sessionCookie + "=" + deletedValue
	}
	return b
}

func (b *bot) play(ctx context.Context) {
	for b.st.open(ctx) {
		b.visit(ctx)
		b.think(ctx, 150*time.Millisecond, 500*time.Millisecond)
		if b.st.opt.Followups > 0 {
			b.st.rest(ctx, 20*time.Millisecond)
		}
	}
	b.transport.CloseIdleConnections()
}

// visit fetches the next page. Its errors concern nobody.
func (b *bot) visit(ctx context.Context) {
	b.page++
	switch {
	case b.kind == guesser:
		b.post(ctx, "/login", url.Values{"user": {fmt.Sprintf("userc%03d", 1+b.page%40)}, "password": {"123456"}})
	case b.page == 1:
		b.get(ctx, "/robots.txt")
	case b.kind == replayer && b.page%3 == 0:
		b.get(ctx, "/cart")
	case b.st.opt.Canary != "" && b.page%2 == 0:
		b.get(ctx, "/search?token="+b.st.opt.Canary+"&q=boots")
	default:
		b.get(ctx, fmt.Sprintf("/product/%d", 1+b.page%40))
	}
}
