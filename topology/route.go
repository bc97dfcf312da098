package topology

// A Route sends some of a listener's requests to a pool.
type Route struct {
	Pool string `json:"pool"`
	When string `json:"when,omitempty"` // the condition as written, "" always
	Pos  Pos    `json:"pos"`

	// What the balancer does on this way to cookies that applications set, in the order written.
	Cookies []CookieEdit `json:"cookies,omitempty"`

	// Cache says that answers are kept and given to other clients; nil: they are not, or it is not said.
	Cache *Cache `json:"cache,omitempty"`

	// Forwarded are the request headers by which the balancer tells the application about the client:
	// X-Forwarded-Proto, X-Forwarded-For, X-Real-IP, Forwarded, Host.
	Forwarded []Header `json:"forwarded,omitempty"`
}

// A CookieEdit is a rule by which a balancer changes Set-Cookie lines on their way to the client.
type CookieEdit struct {
	// What it changes: "path", "domain", "flags", "drop" (the whole header never reaches the client).
	Kind string `json:"kind"`
	From string `json:"from,omitempty"` // the path or domain, or for flags the cookie, that it applies to
	To   string `json:"to,omitempty"`   // what it becomes; for flags the words
	Pos  Pos    `json:"pos"`
}

// A Cache keeps answers and gives them to other clients.
type Cache struct {
	Zone string `json:"zone"`
	Key  string `json:"key,omitempty"`
	Pos  Pos    `json:"pos"`

	// IgnoresSetCookie is where the balancer is told to keep answers that set a cookie too; no
	// position: it keeps none of them.
	IgnoresSetCookie Pos `json:"ignores_set_cookie,omitzero"`

	// DropsSetCookie is where the cookie is taken out of what is kept and sent.
	DropsSetCookie Pos `json:"drops_set_cookie,omitzero"`

	// Except are the conditions on which an answer is not kept or not taken from the cache, as written.
	Except []string `json:"except,omitempty"`
}

// A Header is a request header that the balancer sets, with its value as written.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Pos   Pos    `json:"pos"`
}
