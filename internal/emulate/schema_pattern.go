package emulate

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Limits of the regular expressions of a schema. Repetitions multiply: seven characters can stand
// for a thousand instructions, so the length of the text says nothing about the size.
const (
	maxPatternLength = 8 << 10 // bytes of one pattern's text
	maxPatternSize   = 4 << 20 // estimated bytes of one compiled pattern
	maxPatternsSize  = 8 << 20 // estimated bytes of all patterns of a schema
	maxInstructions  = 20_000  // of one compiled pattern
)

// The measured bytes of a compiled pattern: of an instruction in its program and in the machine
// that runs it, and of a rune in a class.
const (
	instructionSize = 100
	runeSize        = 4
)

// maxOnePass is the number of instructions up to which Go copies the classes of a program's runes
// into each instruction.
const maxOnePass = 1000

// pattern is a regular expression as the schemas use it.
type pattern struct {
	text         string
	re           *regexp.Regexp // nil if Go's engine does not support it
	instructions int
	size         int // bytes
}

// MatchString reports whether the pattern matches a part of s. A pattern that Go's engine does not
// support (look-ahead, back-references) matches everything, because refusing the schema would stop
// agents whose other constraints can be checked.
func (p *pattern) MatchString(s string) bool { return p.re == nil || p.re.MatchString(s) }

// String returns the pattern's text.
func (p *pattern) String() string { return p.text }

// patterns compiles the regular expressions of one schema, each once.
type patterns struct {
	known map[string]*pattern
	size  int   // of all of them
	err   error // of the first refused pattern
}

// compile is a jsonschema.RegexpEngine.
func (p *patterns) compile(text string) (jsonschema.Regexp, error) {
	if found := p.known[text]; found != nil {
		return found, nil
	}
	made, err := newPattern(text)
	if err == nil {
		if p.size += made.size; p.size > maxPatternsSize {
			err = fmt.Errorf("its patterns take more than %d MiB of memory when they are compiled", maxPatternsSize>>20)
		}
	}
	if err != nil {
		if p.err == nil {
			p.err = err
		}
		return nil, err
	}
	if p.known == nil {
		p.known = map[string]*pattern{}
	}
	p.known[text] = made
	return made, nil
}

// newPattern compiles a pattern unless that is too expensive. It inspects the parsed form, which
// is small, before it compiles anything.
func newPattern(text string) (*pattern, error) {
	if len(text) > maxPatternLength {
		return nil, fmt.Errorf("a pattern may have %d bytes at most, but one has %d", maxPatternLength, len(text))
	}
	p := &pattern{text: text}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		e, ok := errors.AsType[*syntax.Error](err)
		if ok && (e.Code == syntax.ErrLarge || e.Code == syntax.ErrNestingDepth) {
			return nil, fmt.Errorf("the pattern %s is too large", clipText(quoteJSON(text)))
		}
		return p, nil
	}
	tooLarge := fmt.Errorf("the pattern %s is too large: its repetitions multiply", clipText(quoteJSON(text)))
	estimate, runes := programSize(parsed)
	if estimate > maxInstructions {
		return nil, tooLarge
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil { // cannot happen: the pattern was parsed
		return nil, tooLarge
	}
	p.instructions = len(program.Inst)
	p.size = len(text) + p.instructions*instructionSize
	if p.instructions < maxOnePass {
		p.size += runes * runeSize
	}
	if p.size > maxPatternSize {
		return nil, tooLarge
	}
	p.re, err = regexp.Compile(text)
	return p, err
}

// maxCounted is where counting stops, so that no product overflows.
const maxCounted = 1 << 30

// programSize estimates the instructions of a compiled regular expression and the runes in its
// classes.
func programSize(re *syntax.Regexp) (instructions, runes int) {
	switch re.Op {
	case syntax.OpLiteral:
		return max(len(re.Rune), 1), 0
	case syntax.OpCharClass:
		return 1, len(re.Rune)
	}
	for _, sub := range re.Sub {
		n, r := programSize(sub)
		instructions, runes = instructions+n, runes+r
	}
	times := 1
	switch re.Op {
	case syntax.OpRepeat:
		times = max(re.Max, re.Min+1) // x{2,} is xxx*
		instructions++                // each optional repetition has a branch
	case syntax.OpAlternate:
		instructions += len(re.Sub)
	case syntax.OpCapture:
		instructions += 2
	default:
		instructions++
	}
	return min(instructions*times, maxCounted), min(runes*times, maxCounted)
}
