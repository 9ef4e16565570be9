package emulate

import (
	"strings"

	"achuan/internal/chat"
)

// endFormat checks a reply that must be JSON.
func (s *Shaper) endFormat(ev chat.Event) (string, error) {
	const instructions = "Answer again with the whole JSON, corrected, and with nothing else."
	var violations []string
	hasEmitted := false
	if s.streamsObject() {
		violations = s.reply.object.end(s.emitText)
		hasEmitted = s.reply.object.hasEmitted
	} else {
		var text string
		if text, violations = s.plan.extractJSON(s.reply.held.String()); len(violations) == 0 {
			s.emitText(text)
		}
	}
	if len(violations) > 0 {
		if s.isTruncated(ev, true) {
			return s.endTruncated(ev)
		}
		return s.askAgain(hasEmitted, &invalidOutput, violations, instructions)
	}
	s.emitDone(ev)
	return "", nil
}

// emitTruncated emits the held part of an answer that the token limit truncated.
func (s *Shaper) emitTruncated() {
	if text := s.reply.held.String(); s.plan.requiresJSON() && len(s.reply.calls) == 0 {
		if at := strings.IndexAny(text, "{["); at >= 0 {
			text = text[at:]
		}
		s.emitText(text)
		return
	}
	s.emitHeld()
}

// maxCandidates limits how many places of an answer are tried for its JSON.
const maxCandidates = 16

// extractJSON finds the JSON in an answer: the whole answer, or a part in a fence or between
// prose. It returns the first valid value, or the violations of the first value that is JSON.
func (p *Plan) extractJSON(answer string) (string, []string) {
	text, violations := p.parseAnswer(answer)
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
		value, size := cutFirstValue(answer[at:])
		if value == "" { // a value inside invalid brackets is never the whole answer
			at += bracketedLen(answer[at:])
			continue
		}
		found := p.answerViolations(value)
		if len(found) == 0 {
			return value, nil
		}
		if !isJSON {
			isJSON, violations = true, found
		}
		at += size
	}
	return "", violations
}

// parseAnswer parses the whole answer as JSON. text is "" if it is not JSON.
func (p *Plan) parseAnswer(answer string) (text string, violations []string) {
	text, truncated, err := repair(strings.TrimSpace(answer), false)
	switch {
	case err != nil:
		return "", []string{"the answer is not JSON: " + err.Error()}
	case truncated:
		return "", []string{"the JSON stops before its end"}
	}
	return text, p.answerViolations(text)
}

// answerViolations returns what is wrong with the JSON of an answer.
func (p *Plan) answerViolations(text string) []string {
	if err := checkCharacters(text); err != nil {
		return []string{err.Error()}
	}
	if p.format.Kind == chat.FormatObject && !strings.HasPrefix(text, "{") {
		return []string{"the answer must be a JSON object"}
	}
	return p.answerSchema.violations(text)
}

// cutFirstValue returns the array or object that text begins with, repaired, and its length in
// text. value is "" if it is not complete.
func cutFirstValue(text string) (value string, size int) {
	var r repairer
	for i := range len(text) {
		if r.take(text[i]) != nil {
			return "", 0
		}
		if r.isComplete() {
			return string(r.out), i + 1
		}
	}
	return "", 0
}

// bracketCounter counts open brackets in text that need not be JSON.
type bracketCounter struct {
	depth               int
	isQuoted, isEscaped bool
}

// take reads one byte.
func (b *bracketCounter) take(c byte) {
	switch {
	case b.isEscaped:
		b.isEscaped = false
	case b.isQuoted && c == '\\':
		b.isEscaped = true
	case c == '"':
		b.isQuoted = !b.isQuoted
	case b.isQuoted:
	case c == '{' || c == '[':
		b.depth++
	case c == '}' || c == ']':
		b.depth--
	}
}

// bracketedLen returns the length of text up to the bracket that closes its first one, or the
// whole length if nothing closes it.
func bracketedLen(text string) int {
	var b bracketCounter
	for i := range len(text) {
		if b.take(text[i]); b.depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

// objectStream emits a JSON object while the model writes it. It drops what comes before the first
// { and after the object.
type objectStream struct {
	repairer   repairer
	prose      bracketCounter // an open brace that begins no JSON
	hasBegun   bool           // the { has come
	hasEmitted bool           // a part was emitted, so a repair is no longer possible
	emitted    strings.Builder
}

func (o *objectStream) take(text string, emit func(string)) {
	for i := range len(text) {
		c := text[i]
		if o.prose.depth > 0 {
			o.prose.take(c)
			continue
		}
		if !o.hasBegun {
			o.hasBegun = c == '{'
			if !o.hasBegun {
				continue
			}
		}
		if o.repairer.isComplete() {
			break
		}
		if o.repairer.take(c) != nil && !o.hasEmitted && o.repairer.expect == expectFirstKey {
			o.repairer, o.hasBegun = repairer{}, false
			o.prose = bracketCounter{depth: 1}
			o.prose.take(c)
		}
	}
	o.emit(emit)
}

// emit emits what is valid so far, but never the first brace alone.
func (o *objectStream) emit(emit func(string)) {
	if o.repairer.expect == expectFirstKey && o.repairer.quote == 0 && !o.hasEmitted {
		return
	}
	if len(o.repairer.out) > 0 {
		emit(string(o.repairer.out))
		o.emitted.Write(o.repairer.out)
		o.hasEmitted = true
		o.repairer.out = o.repairer.out[:0]
	}
}

// end emits the rest of the object and returns what is wrong with it.
func (o *objectStream) end(emit func(string)) []string {
	if !o.hasBegun {
		return []string{"the answer must be a JSON object"}
	}
	truncated, err := o.repairer.finish(false)
	switch {
	case err != nil:
		return []string{"the answer is not JSON: " + err.Error()}
	case truncated:
		return []string{"the JSON stops before its end"}
	}
	o.emit(emit)
	if err := checkCharacters(o.emitted.String()); err != nil {
		return []string{err.Error()}
	}
	return nil
}
