package haproxy

// A meaning is what a field says about a request, whatever the format calls it.
type meaning uint8

// The meanings. Those that the event does not keep (ports, counters) are meansNothing.
const (
	meansNothing meaning = iota

	meansAcceptDate      // %t: classic date, local, milliseconds, accept of the connection
	meansAcceptZoned     // %T, %Tl: whole seconds with zone
	meansAcceptSeconds   // %Ts
	meansAcceptMillis    // %ms
	meansRequestDate     // %tr: classic date, local, milliseconds, the request's own start
	meansRequestZoned    // %trg, %trl
	meansRequestMillis   // an expression that gives the request's own start in ms since 1970
	meansRequestMicros   // … in µs
	meansAcceptEpochMs   // an expression that gives the accept date in ms
	meansAcceptEpochUs   // … in µs
	meansHandshakeMs     // %Th
	meansIdleMs          // %Ti
	meansRequestMs       // %TR
	meansRequestTotalMs  // %Tq = Th+Ti+TR
	meansQueueMs         // %Tw
	meansConnectMs       // %Tc
	meansServerMs        // %Tr
	meansDataMs          // %Td
	meansActiveMs        // %Ta
	meansTotalMs         // %Tt
	meansUserMs          // %Tu
	meansClient          // %ci
	meansClientPort      // %cp
	meansForwardedFor    // X-Forwarded-For
	meansListener        // %f
	meansListenerTLS     // %ft: '~' behind it for TLS
	meansPool            // %b
	meansInstance        // %s
	meansStatus          // %ST
	meansBytes           // %B
	meansRequestCookie   // %CC: "NAME=value"
	meansResponseCookie  // %CS
	meansState           // %tsc, %ts
	meansRetries         // %rc
	meansServerQueue     // %sq
	meansPoolQueue       // %bq
	meansRedispatched    // txn.redispatched
	meansRequestHeaders  // %hr {a|b}
	meansResponseHeaders // %hs
	meansRequestList     // %hrl
	meansResponseList    // %hsl
	meansRequestLine     // %r
	meansMethod
	meansTarget
	meansPath
	meansQuery
	meansVersion
	meansRequestID
	meansTraceID
	meansSession
	meansSetSession
	meansAffinity
	meansSetAffinity
	meansCookieHeader
	meansSetCookieHeader
	meansCleared
	meansHost
	meansScheme
	meansTLS // 1 or 0
	meansUserAgent
	meansReferer
	meansOrigin
	meansLocation

	// What only the writer has to know apart.
	meansPid
	meansOne       // connection counters: at least one
	meansZero      // counters that the emulator leaves at 0
	meansCounter   // %rt, %lc
	meansHostname  // %H
	meansListenIP  // %fi
	meansListenPt  // %fp
	meansServerIP  // %si
	meansServerPt  // %sp
	meansSourceIP  // %bi
	meansSourcePt  // %bp
	meansUploaded  // %U
	meansTLSName   // %sslv, %sslc
	meansLogOrigin // %OG

	meaningCount
)

// A shape says how a field looks, and so where it ends.
type shape uint8

const (
	shapeText      shape = iota // anything up to the literal that follows
	shapeWord                   // no blank inside
	shapeNumber                 // optional + or -, digits
	shapeHex                    // hexadecimal digits
	shapeDigits3                // three digits (%ms)
	shapeDate                   // 26/Apr/2024:09:39:58.774
	shapeZonedDate              // 26/Apr/2024:07:41:11 +0000
	shapeFlags                  // termination state, four signs
	shapeFlags2                 // termination state, two signs
	shapeBraces                 // {a|b}, or nothing at all
	shapeList                   // captured headers, blanks between
	shapeQuery                  // begins with '?', or nothing at all
)

// isText reports whether +Q and +E have an effect on it. HAProxy does not quote dates,
// numbers and termination states.
func (s shape) isText() bool {
	switch s {
	case shapeText, shapeWord, shapeBraces, shapeList, shapeQuery:
		return true
	}
	return false
}

// An alias is one of HAProxy's %names.
type alias struct {
	what  meaning
	shape shape
	hash  bool // written with #XX for what is not printable
	hexes bool // +X makes it hexadecimal
}

// aliases are those of HAProxy 2.6 to 3.2 (manual, section 8.2.6).
var aliases = map[string]alias{
	"OG": {what: meansLogOrigin, shape: shapeWord}, "B": {what: meansBytes, shape: shapeNumber},
	"CC": {what: meansRequestCookie}, "CS": {what: meansResponseCookie},
	"H": {what: meansHostname, shape: shapeWord}, "ID": {what: meansRequestID},
	"ST": {what: meansStatus, shape: shapeNumber},
	"T":  {what: meansAcceptZoned, shape: shapeZonedDate}, "Tl": {what: meansAcceptZoned, shape: shapeZonedDate},
	"t": {what: meansAcceptDate, shape: shapeDate}, "tr": {what: meansRequestDate, shape: shapeDate},
	"trg": {what: meansRequestZoned, shape: shapeZonedDate}, "trl": {what: meansRequestZoned, shape: shapeZonedDate},
	"Ts": {what: meansAcceptSeconds, shape: shapeNumber, hexes: true}, "ms": {what: meansAcceptMillis, shape: shapeDigits3, hexes: true},
	"Ta": {what: meansActiveMs, shape: shapeNumber}, "Tc": {what: meansConnectMs, shape: shapeNumber},
	"Td": {what: meansDataMs, shape: shapeNumber}, "Th": {what: meansHandshakeMs, shape: shapeNumber},
	"Ti": {what: meansIdleMs, shape: shapeNumber}, "Tq": {what: meansRequestTotalMs, shape: shapeNumber},
	"TR": {what: meansRequestMs, shape: shapeNumber}, "Tr": {what: meansServerMs, shape: shapeNumber},
	"Tt": {what: meansTotalMs, shape: shapeNumber}, "Tu": {what: meansUserMs, shape: shapeNumber},
	"Tw": {what: meansQueueMs, shape: shapeNumber}, "U": {what: meansUploaded, shape: shapeNumber},
	"ac": {what: meansOne, shape: shapeNumber}, "fc": {what: meansOne, shape: shapeNumber},
	"bc": {what: meansZero, shape: shapeNumber}, "sc": {what: meansZero, shape: shapeNumber},
	"b": {what: meansPool, shape: shapeWord}, "f": {what: meansListener, shape: shapeWord},
	"ft": {what: meansListenerTLS, shape: shapeWord}, "s": {what: meansInstance, shape: shapeWord},
	"bi": {what: meansSourceIP, shape: shapeWord, hexes: true}, "bp": {what: meansSourcePt, shape: shapeNumber, hexes: true},
	"ci": {what: meansClient, shape: shapeWord, hexes: true}, "cp": {what: meansClientPort, shape: shapeNumber, hexes: true},
	"fi": {what: meansListenIP, shape: shapeWord, hexes: true}, "fp": {what: meansListenPt, shape: shapeNumber, hexes: true},
	"si": {what: meansServerIP, shape: shapeWord, hexes: true}, "sp": {what: meansServerPt, shape: shapeNumber, hexes: true},
	"bq": {what: meansPoolQueue, shape: shapeNumber}, "sq": {what: meansServerQueue, shape: shapeNumber},
	"hr": {what: meansRequestHeaders, shape: shapeBraces, hash: true}, "hs": {what: meansResponseHeaders, shape: shapeBraces, hash: true},
	"hrl": {what: meansRequestList, shape: shapeList, hash: true}, "hsl": {what: meansResponseList, shape: shapeList, hash: true},
	"HM": {what: meansMethod, shape: shapeWord, hash: true}, "HP": {what: meansTarget, shape: shapeWord, hash: true},
	"HPO": {what: meansPath, shape: shapeWord, hash: true}, "HQ": {what: meansQuery, shape: shapeQuery, hash: true},
	"HU": {what: meansTarget, shape: shapeWord, hash: true}, "HV": {what: meansVersion, shape: shapeWord, hash: true},
	"r":  {what: meansRequestLine, hash: true},
	"lc": {what: meansCounter, shape: shapeNumber, hexes: true}, "rt": {what: meansCounter, shape: shapeNumber, hexes: true},
	"pid":  {what: meansPid, shape: shapeNumber, hexes: true},
	"rc":   {what: meansRetries, shape: shapeNumber},
	"sslc": {what: meansTLSName, shape: shapeWord}, "sslv": {what: meansTLSName, shape: shapeWord},
	"ts": {what: meansState, shape: shapeFlags2}, "tsc": {what: meansState, shape: shapeFlags},
}
