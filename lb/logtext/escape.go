package logtext

// Unescape undoes the backslashes of a JSON string, or of one in which only quotes and backslashes are escaped. The
// result points into b or into scratch, which grows.
func Unescape(b []byte, scratch *[]byte) []byte {
	from := len(*scratch)
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			*scratch = append(*scratch, b[i])
			continue
		}
		i++
		switch b[i] {
		case 'n':
			*scratch = append(*scratch, '\n')
		case 't':
			*scratch = append(*scratch, '\t')
		case 'r':
			*scratch = append(*scratch, '\r')
		case 'b':
			*scratch = append(*scratch, '\b')
		case 'f':
			*scratch = append(*scratch, '\f')
		case 'u':
			if i+4 < len(b) && Unhex(b[i+1]) == 0 && Unhex(b[i+2]) == 0 && Unhex(b[i+3]) >= 0 && Unhex(b[i+4]) >= 0 {
				*scratch = append(*scratch, byte(Unhex(b[i+3])<<4|Unhex(b[i+4])))
				i += 4
				continue
			}
			*scratch = append(*scratch, '\\', 'u')
		default:
			*scratch = append(*scratch, b[i])
		}
	}
	return (*scratch)[from:]
}
