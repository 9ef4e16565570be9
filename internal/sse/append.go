package sse

// AppendData appends an event with one `data:` field to dst. The payload holds no
// line break.
func AppendData(dst, payload []byte) []byte {
	dst = append(dst, "data: "...)
	dst = append(dst, payload...)
	return append(dst, "\n\n"...)
}

// AppendComment appends a comment, which a reader skips, to dst. The text holds no
// line break.
func AppendComment(dst []byte, text string) []byte {
	dst = append(dst, ": "...)
	dst = append(dst, text...)
	return append(dst, "\n\n"...)
}
