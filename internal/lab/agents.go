package lab

import "math/rand/v2"

// A family is a kind of client.
type family string

const (
	familyChrome  family = "chrome"
	familyFirefox family = "firefox"
	familySafari  family = "safari"
	familyNative  family = "native"
	familyBot     family = "bot"
)

// agents are User-Agent headers as these families send them.
var agents = map[family][]string{
	familyChrome: {
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Mobile Safari/537.36",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36 Edg/139.0.0.0",
	},
	familyFirefox: {
		"Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0",
	},
	familySafari: {
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
	},
	familyNative: {
		"HarbourShop/5.2 (iOS 18.5; iPhone15,2) CFNetwork/3826.500.131 Darwin/24.5.0",
		"HarbourShop/5.1 (Android 15; Pixel 8) okhttp/4.12.0",
	},
	familyBot: {
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
		"Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
		"curl/8.5.0",
	},
}

func agentOf(f family, rng *rand.Rand) string {
	list := agents[f]
	return list[rng.IntN(len(list))]
}

// drawFamily gives a shopper its family; native is the share of the native app.
func drawFamily(rng *rand.Rand, native float64) family {
	if rng.Float64() < native {
		return familyNative
	}
	switch n := rng.IntN(10); {
	case n < 6:
		return familyChrome
	case n < 8:
		return familyFirefox
	default:
		return familySafari
	}
}
