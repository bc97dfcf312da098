package cookie

// parse reads a line in the client's own way.
func (d Dialect) parse(line string, r *Request, rules *Rules) (Line, Reasons) {
	switch d {
	case Golang:
		return parseGo(line, rules)
	case Python:
		return parsePython(line)
	case Curl:
		return parseCurl(line, r, rules)
	case Soup:
		return parseSoup(line, rules)
	}
	return parseBis(line, rules)
}

// appendPair writes a cookie as the client sends it (bis, 5.8.3 step 4).
func (d Dialect) appendPair(dst []byte, c *Cookie) []byte {
	switch {
	case c.bare:
		return append(dst, c.Name...)
	case c.Name != "":
		dst = append(dst, c.Name...)
		dst = append(dst, '=')
	}
	return append(dst, c.Value...)
}
