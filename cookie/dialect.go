package cookie

// parse reads a line in the client's own way.
func (d Dialect) parse(line string, r *Request, rules *Rules) (Line, Reasons) {
	return parseBis(line, rules)
}

// appendPair writes a cookie as the client sends it (bis, 5.8.3 step 4).
func (d Dialect) appendPair(dst []byte, c *Cookie) []byte {
	if c.Name != "" {
		dst = append(dst, c.Name...)
		dst = append(dst, '=')
	}
	return append(dst, c.Value...)
}
