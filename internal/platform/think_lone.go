package platform

import "strings"

// loneTags tells close tags that close nothing from those that belong to an open tag
// or to code. It looks at each byte of an answer once, up to the last close tag.
type loneTags struct {
	start  int  // where the text begins
	at     int  // up to here the answer was looked at
	opened int  // open tags that wait for their close tag
	fenced bool // in a code fence
	ticks  int  // runs of backticks on the line so far
}

// isLone reports whether the close tag at a place of the answer closes nothing. It
// is called for each close tag in turn.
func (l *loneTags) isLone(whole string, tag int) bool {
	before := whole[l.at:tag]
	l.opened += strings.Count(before, openTag)
	for {
		line, rest, more := strings.Cut(before, "\n")
		l.read(line, l.at == l.start || whole[l.at-1] == '\n')
		if !more {
			break
		}
		l.at += len(line) + 1
		l.ticks = 0
		before = rest
	}
	l.at = tag + len(closeTag)
	switch {
	case l.fenced || l.ticks%2 == 1:
		return false
	case l.opened > 0:
		l.opened--
		return false
	}
	return true
}

// read takes a line, or a part of one, into account.
func (l *loneTags) read(line string, isStart bool) {
	if isStart {
		start := strings.TrimLeft(line, " \t>")
		if strings.HasPrefix(start, "```") || strings.HasPrefix(start, "~~~") {
			l.fenced = !l.fenced
			return
		}
	}
	for i := range len(line) {
		if line[i] == '`' && (i == 0 || line[i-1] != '`') {
			l.ticks++
		}
	}
}
