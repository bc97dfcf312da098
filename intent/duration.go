package intent

import (
	"errors"
	"strings"
	"time"
)

const maxLifetime = 10 * 365 * 24 * time.Hour

// parseDuration reads "30m", "8h", "1h30m" and, for lifetimes that count in days, "7d".
// Errors do not quote it.
func parseDuration(text string) (time.Duration, error) {
	days := strings.TrimSuffix(text, "d")
	d, err := time.ParseDuration(text)
	if days != text && days != "" && strings.Trim(days, "0123456789") == "" {
		if d, err = time.ParseDuration(days + "h"); err != nil || d > maxLifetime/24 {
			return 0, errors.New("a lifetime is at most ten years")
		}
		d *= 24
	}
	switch {
	case err != nil && text != "" && strings.Trim(text, "0123456789.") == "":
		return 0, errors.New(`a duration needs its unit: "30m", "8h", "7d"`)
	case err != nil:
		return 0, errors.New(`a duration is a number with its unit: "30m", "8h", "7d"`)
	case d <= 0:
		return 0, errors.New("a lifetime is longer than nothing; leave the key out if there is none")
	case d > maxLifetime:
		return 0, errors.New("a lifetime is at most ten years")
	}
	return d, nil
}

// formatDuration writes what parseDuration reads, without zero parts: 30m, not 30m0s.
func formatDuration(d time.Duration) string {
	if d >= 48*time.Hour && d%(24*time.Hour) == 0 {
		return strings.TrimSuffix((d/24).String(), "h0m0s") + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
