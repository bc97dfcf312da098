package cookie_test

import (
	"fmt"
	"time"

	"limpet.dev/cookie"
)

func Example() {
	now := time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)
	shop, _ := cookie.ParseURL("https://shop.example/login")
	idp, _ := cookie.ParseURL("https://login.example/")
	chrome, _ := cookie.ClientNamed("chrome")
	jar := cookie.NewJar(chrome)

	v := jar.Set("sid=4711; Path=/; Secure; SameSite=Lax", cookie.Typed(shop), now)
	fmt.Println(v.Name, v.Outcome)
	v = jar.Set("sid=4711; Path=/; SameSite=None", cookie.Typed(shop), now)
	fmt.Println(v.Name, v.Outcome, v.Why)

	for _, r := range []*cookie.Request{cookie.Link(idp, shop), cookie.Post(idp, shop)} {
		for _, o := range jar.Explain(r, now) {
			fmt.Printf("%v %t [%v]\n", o.Cookie, o.Sent(), o.Why)
		}
	}
	// Output:
	// sid stored
	// sid rejected SameSiteNoneInsecure
	// sid (shop.example/) true []
	// sid (shop.example/) false [SchemefulSameSiteLax]
}
