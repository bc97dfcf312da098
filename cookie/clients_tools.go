package cookie

// Sources of the rows: the manuals of OkHttp, .NET, Apache HttpClient, java.net, and what curl
// 7.88, Go 1.26, Python 3.11 and requests 2.34 did on loopback (the conformance vectors).

var crawlers = []*Client{
	{ID: "crawler", Name: "Crawlers and monitors", Class: Crawler, Rules: Rules{},
		Note: "no jar: every request is a stranger's", claims: func(a *agent) bool { return a.crawler }},
}

var unknownTool = &Client{ID: "tool", Name: "An unknown tool", Class: Tool, Note: "taken for one without a jar"}

var tools = []*Client{
	{ID: "curl", Name: "curl without -b or -c", Class: Tool, claims: startsWith("curl/", "libcurl")},
	{ID: "curl-jar", Name: "curl with a cookie jar (-b FILE, -c FILE)", Class: Tool, Rules: curlRules(),
		Note: "kept across runs only by -c; session cookies too unless -j"},
	{ID: "wget", Name: "wget", Class: Tool, Rules: Rules{Jar: MemoryJar, Suffixes: true, Nameless: NamelessDropped},
		Note: "--save-cookies drops session cookies unless --keep-session-cookies", claims: startsWith("Wget/")},
	{ID: "go", Name: "Go http.Client without Jar", Class: Tool, claims: startsWith("Go-http-client")},
	{ID: "go-jar", Name: "Go http.Client with cookiejar and public suffix list", Class: Tool, Rules: goRules(true)},
	{ID: "go-jar-no-suffixes", Name: "Go http.Client with cookiejar.New(nil)", Class: Tool, Rules: goRules(false)},
	{ID: "python-requests", Name: "Python requests.get", Class: Tool, claims: startsWith("python-requests/"),
		Note: "no jar between calls; within one call redirects keep cookies"},
	{ID: "python-requests-session", Name: "Python requests.Session", Class: Tool, Rules: pythonRules()},
	{ID: "python-urllib", Name: "Python urllib with http.cookiejar", Class: Tool, Rules: pythonRules(), claims: startsWith("Python-urllib/")},
	{ID: "python-aiohttp", Name: "Python aiohttp ClientSession", Class: Tool, claims: startsWith("Python/", "python-httpx/"),
		Rules: Rules{Jar: MemoryJar, HostOnlyInKey: true, Nameless: NamelessDropped}, Note: "cookies of IP hosts are ignored by default"},
	{ID: "okhttp", Name: "OkHttp and Retrofit without CookieJar", Class: Native, claims: startsWith("okhttp/", "Dalvik/"),
		Note: "CookieJar.NO_COOKIES is the default: every call is a new session"},
	{ID: "okhttp-jar", Name: "OkHttp with JavaNetCookieJar", Class: Native, Rules: Rules{Jar: MemoryJar, Suffixes: true, Nameless: NamelessDropped}},
	{ID: "java", Name: "java.net.HttpURLConnection and HttpClient without CookieHandler", Class: Native, claims: startsWith("Java/", "Java-http-client/")},
	{ID: "apache-httpclient", Name: "Apache HttpClient", Class: Native, claims: startsWith("Apache-HttpClient/"),
		Rules: Rules{Jar: MemoryJar, Suffixes: true, Nameless: NamelessDropped}},
	{ID: "nsurlsession", Name: "NSURLSession (iOS and macOS apps)", Class: Native, claims: (*agent).cfNetwork,
		Rules: Rules{Jar: PersistentJar, Suffixes: true, HostOnlyInKey: true, SecureNeedsTLS: true, Prefixes: ClassicPrefixes, MaxPair: 4096},
		Note:  "HTTPCookieStorage.shared, not the store of WKWebView"},
	{ID: "dotnet", Name: ".NET HttpClient", Class: Native, claims: func(a *agent) bool { return a.has(".NET") && !a.isBrowser() },
		Rules: Rules{Jar: MemoryJar, Nameless: NamelessDropped, MaxPair: 4096, MaxPerSite: 20, PurgeSite: 20, MaxTotal: 300, PurgeTotal: 300},
		Note:  "the jar lives in the handler, and IHttpClientFactory rotates handlers: cookies are lost or shared"},
	{ID: "node-fetch", Name: "Node fetch and axios", Class: Tool, claims: startsWith("node", "axios/", "undici")},
	{ID: "postman", Name: "Postman, Insomnia", Class: Tool, claims: startsWith("PostmanRuntime/", "insomnia/"),
		Rules: Rules{Jar: PersistentJar, Suffixes: true, HostOnlyInKey: true, Nameless: NamelessDropped}, Note: "a jar for the whole app, so one test's login leaks into the next"},
	{ID: "jmeter", Name: "JMeter without Cookie Manager, gRPC, health probes, webhooks", Class: Tool,
		claims: startsWith("Apache-HttpClient/ JMeter", "kube-probe/", "grpc-", "ELB-HealthChecker/", "GoogleHC/")},
	{ID: "k6", Name: "k6, Gatling", Class: Tool, Rules: goRules(true), claims: startsWith("k6/", "Gatling/"),
		Note: "a jar for each virtual user, which k6 empties with every iteration"},
	unknownTool,
}

func startsWith(prefixes ...string) func(*agent) bool {
	return func(a *agent) bool { return a.startsWith(prefixes...) }
}

func curlRules() Rules {
	return Rules{
		Jar: ExportOnlyJar, Dialect: Curl, Suffixes: true, HostOnlyInKey: true, Prefixes: ClassicPrefixes, SecureNeedsTLS: true, KeepSecure: KeepSameDomain,
		SecureLoopback: true, Order: LongFirst, Nameless: NamelessDropped, FoldNames: true, MaxPair: 4096, MaxSent: 150, MaxOut: 8190,
	}
}

func goRules(suffixes bool) Rules {
	return Rules{Jar: MemoryJar, Dialect: Golang, Suffixes: suffixes, Nameless: NamelessDropped, SecureLoopSend: true, DotRefused: true, AnswerLost: true}
}

func pythonRules() Rules {
	return Rules{Jar: MemoryJar, Dialect: Python, HostOnlyInKey: true, HostOnlyLoose: true, LooseIP: true, InnerDot: true, BatchDeletes: true, Order: Grouped}
}
