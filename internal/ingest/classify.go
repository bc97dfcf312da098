package ingest

import (
	"limpet.dev/intent"
	"limpet.dev/session"
)

// classifier says what a route is for: as declared, else by the usual names.
func classifier(r intent.Routes) func(session.Method, string) session.Class {
	declared := []struct {
		patterns []intent.RoutePattern
		class    session.Class
	}{{r.Login, session.LoginRoute}, {r.Logout, session.LogoutRoute}, {r.Cart, session.CartRoute}, {r.Checkout, session.CheckoutRoute}}
	return func(m session.Method, route string) session.Class {
		for _, d := range declared {
			for _, p := range d.patterns {
				if p.Match(m.String(), route) {
					return d.class
				}
			}
		}
		return session.UsualClass(m, route)
	}
}
