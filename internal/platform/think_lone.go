package platform

import "strings"

// loneTags tells close tags that close nothing from those that belong to an open tag
// or to code. It looks at each byte of an answer once, up to the last close tag.
type loneTags struct {
	start        int  // where the text begins
	scanned      int  // up to here the answer was looked at
	unclosed     int  // open tags that wait for their close tag
	isFenced     bool // in a code fence
	backtickRuns int  // runs of backticks on the line so far
}

// isLone reports whether the close tag at a place of the answer closes nothing. It
// is called for each close tag in turn.
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

// readLine takes a line, or a part of one, into account.
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
