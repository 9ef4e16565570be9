package platform

import "strings"

// loneTags recognizes closing tags without an opening tag outside of code. It reads each byte of
// an answer once, up to the last closing tag.
type loneTags struct {
	start        int  // index where the text begins
	scanned      int  // bytes before this one have been read
	unclosed     int  // opening tags without a closing tag so far
	isFenced     bool // inside a code fence
	backtickRuns int  // runs of backticks in the line so far
}

// isLone reports whether the closing tag at an index of the answer has no opening tag. The caller
// calls it for each closing tag in order.
func (l *loneTags) isLone(whole string, tag int) bool {
	before := whole[l.scanned:tag]
	l.unclosed += strings.Count(before, openTag)
	for {
		line, rest, more := strings.Cut(before, "\n")
		l.readLine(line, l.scanned == l.start || whole[l.scanned-1] == '\n')
		if !more {
			break
		}
		l.scanned += len(line) + 1
		l.backtickRuns = 0
		before = rest
	}
	l.scanned = tag + len(closeTag)
	switch {
	case l.isFenced || l.backtickRuns%2 == 1:
		return false
	case l.unclosed > 0:
		l.unclosed--
		return false
	}
	return true
}

// readLine reads a line or a part of one.
func (l *loneTags) readLine(line string, isStart bool) {
	if isStart {
		start := strings.TrimLeft(line, " \t>")
		if strings.HasPrefix(start, "```") || strings.HasPrefix(start, "~~~") {
			l.isFenced = !l.isFenced
			return
		}
	}
	for i := range len(line) {
		if line[i] == '`' && (i == 0 || line[i-1] != '`') {
			l.backtickRuns++
		}
	}
}
