// Package cookie knows what clients do with cookies: which Set-Cookie lines each one keeps,
// which cookies it sends with which request, and by which rule it withholds the others. It
// computes only; time, requests and lines are arguments.
//
// A Client is a row of a table: a name and the Rules by which it differs from others. A Jar
// is the cookie store of one such client:
//
//	chrome, _ := cookie.ClientNamed("chrome")
//	shop, _ := cookie.ParseURL("https://shop.example/login")
//	jar := cookie.NewJar(chrome)
//	v := jar.Set("sid=…; Path=/; Secure; SameSite=Lax", cookie.Typed(shop), now)
//	if !v.Kept() {
//		fmt.Println(v.Name, v.Why) // "sid SecureOnly"
//	}
//
// A Request says what asks for what: Typed (the user typed an address), Link, Post, Embed (a
// frame), Load (an image, a style sheet), Call (fetch or XMLHttpRequest), Document
// (document.cookie). Its fields tell the rest: redirects, frames around it, what the answer says about CORS.
//
//	idp, _ := cookie.ParseURL("https://login.example/")
//	for _, s := range jar.Explain(cookie.Post(idp, shop), now) {
//		fmt.Println(s.Cookie.Name, s.Sent(), s.Why) // "sid false SchemefulSameSiteLax"
//	}
//	header := jar.AppendHeader(nil, cookie.Link(idp, shop), now) // "sid=…": a credential
//
// Without a jar: Client.Judge says what becomes of one line in a client that holds nothing
// yet, Client.Withholds why one cookie does not go with one request; Parse reads a line, Split
// takes lines apart that a proxy joined with commas. ClientFor finds the row for a
// User-Agent, Family names the family that a log shows.
//
// Reasons are stable names, those of the Chrome DevTools Protocol where it has one
// (Network.SetCookieBlockedReason, Network.CookieBlockedReason), otherwise with X. in front.
//
// Values of cookies are credentials. They stand in Cookie.Value and in what AppendHeader
// returns, nowhere else: neither fmt nor encoding/json shows them.
//
// Sources: draft-ietf-httpbis-rfc6265bis ("bis"), draft-cutler-httpbis-partitioned-cookies
// (CHIPS), RFC 6265, and what browsers were observed to do on loopback.
package cookie
