package emulate

import (
	"strings"

	"achuan/internal/chat"
)

// endFormat judges an answer that must be JSON.
func (s *Shaper) endFormat(ev chat.Event) (string, error) {
	const how = "Answer again with the whole JSON, corrected, and with nothing else."
	var violations []string
	passed := false
	if s.streamsObject() {
		violations = s.reply.object.end(s.say)
		passed = s.reply.object.passed
	} else {
		var text string
		if text, violations = s.plan.extract(s.reply.held.String()); len(violations) == 0 {
			s.say(text)
		}
	}
	if len(violations) > 0 {
		if s.cut(ev, true) {
			return s.endCut(ev)
		}
		return s.again(passed, badOutput, violations, how)
	}
	s.finish(ev)
	return "", nil
}

// sayCut passes on what there is of an answer that the token limit cut, as far as
// it was held for its format.
func (s *Shaper) sayCut() {
	if text := s.reply.held.String(); s.plan.formatted() && len(s.reply.calls) == 0 {
		if at := strings.IndexAny(text, "{["); at >= 0 {
			text = text[at:]
		}
		s.say(text)
		return
	}
	s.sayHeld()
}

// maxCandidates bounds how many places in an answer are tried for its JSON.
const maxCandidates = 16

// extract finds the JSON in an answer: all of it, or what stands in a fence or
// between prose. It returns the text of the first value that is valid, or what is
// wrong with the first that is JSON at all.
func (p *Plan) extract(answer string) (string, []string) {
	text, violations := p.judge(answer)
	if len(violations) == 0 {
		return text, nil
	}
	isJSON := text != ""
	for tried, at := 0, 0; tried < maxCandidates; tried++ {
		i := strings.IndexAny(answer[at:], "{[")
		if i < 0 {
			break
		}
		at += i
		value, size := firstValue(answer[at:])
		if value == "" { // what stands in its brackets may be a part of an answer, and never is the answer
			at += bracketsSize(answer[at:])
			continue
		}
		wrong := p.wrong(value)
		if len(wrong) == 0 {
			return value, nil
		}
		if !isJSON {
			isJSON, violations = true, wrong
		}
		at += size
	}
	return "", violations
}

// judge takes the whole answer for JSON; text is "" when it is none.
func (p *Plan) judge(answer string) (text string, violations []string) {
	text, torn, err := repair(strings.TrimSpace(answer), false)
	switch {
	case err != nil:
		return "", []string{"the answer is not JSON: " + err.Error()}
	case torn:
		return "", []string{"the JSON stops before its end"}
	}
	return text, p.wrong(text)
}

// wrong tells what is wrong with a JSON text.
func (p *Plan) wrong(text string) []string {
	if err := checkCharacters(text); err != nil {
		return []string{err.Error()}
	}
	if p.format.Kind == chat.FormatObject && !strings.HasPrefix(text, "{") {
		return []string{"the answer must be a JSON object"}
	}
	return p.answer.violations(text)
}

// firstValue returns the array or object that text begins with, repaired, and how
// much of text it takes; "" when there is none that is whole.
func firstValue(text string) (value string, size int) {
	var m mender
	for i := range len(text) {
		if m.take(text[i]) != nil {
			return "", 0
		}
		if m.complete() {
			return string(m.out), i + 1
		}
	}
	return "", 0
}

// brackets finds where a bracket is closed in text that need not be JSON.
type brackets struct {
	depth             int
	isQuoted, escaped bool
}

// take looks at one byte.
func (b *brackets) take(c byte) {
	switch {
	case b.escaped:
		b.escaped = false
	case b.isQuoted && c == '\\':
		b.escaped = true
	case c == '"':
		b.isQuoted = !b.isQuoted
	case b.isQuoted:
	case c == '{' || c == '[':
		b.depth++
	case c == '}' || c == ']':
		b.depth--
	}
}

// bracketsSize returns how much of text stands up to the end of the bracket that it
// begins with: all of it if the bracket is never closed.
func bracketsSize(text string) int {
	var b brackets
	for i := range len(text) {
		if b.take(text[i]); b.depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

// objectStream passes a JSON object on while it is made: from its first { on, what
// stands before it and behind it dropped.
type objectStream struct {
	mender mender
	prose  brackets // a brace that begins no JSON, while it is open
	began  bool     // its { has come
	passed bool     // something was passed on, so that it cannot be asked for again
	said   strings.Builder
}

func (o *objectStream) take(text string, say func(string)) {
	for i := range len(text) {
		c := text[i]
		if o.prose.depth > 0 {
			o.prose.take(c)
			continue
		}
		if !o.began {
			o.began = c == '{'
			if !o.began {
				continue
			}
		}
		if o.mender.complete() {
			break
		}
		if o.mender.take(c) != nil && !o.passed && o.mender.want == wantFirstKey {
			o.mender, o.began = mender{}, false
			o.prose = brackets{depth: 1}
			o.prose.take(c)
		}
	}
	o.say(say)
}

// say passes on what is valid so far, once more than its brace has come.
func (o *objectStream) say(say func(string)) {
	if o.mender.want == wantFirstKey && o.mender.quote == 0 && !o.passed {
		return
	}
	if len(o.mender.out) > 0 {
		say(string(o.mender.out))
		o.said.Write(o.mender.out)
		o.passed = true
		o.mender.out = o.mender.out[:0]
	}
}

// end returns what is wrong with the object, and passes on the rest of it.
func (o *objectStream) end(say func(string)) []string {
	if !o.began {
		return []string{"the answer must be a JSON object"}
	}
	torn, err := o.mender.end(false)
	switch {
	case err != nil:
		return []string{"the answer is not JSON: " + err.Error()}
	case torn:
		return []string{"the JSON stops before its end"}
	}
	o.say(say)
	if err := checkCharacters(o.said.String()); err != nil {
		return []string{err.Error()}
	}
	return nil
}
