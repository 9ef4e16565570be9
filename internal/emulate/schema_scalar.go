package emulate

import (
	"encoding/json"
	"errors"
	"math/big"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

func (w *walker) checkText(s *jsonschema.Schema, text string, at *place) bool {
	ok := true
	if s.MinLength != nil || s.MaxLength != nil {
		w.charge(len(text) / 256)
		n := utf8.RuneCountInString(text)
		if s.MinLength != nil && n < *s.MinLength {
			ok = w.fail(at, &kind.MinLength{Got: n, Want: *s.MinLength})
		}
		if s.MaxLength != nil && n > *s.MaxLength {
			ok = w.fail(at, &kind.MaxLength{Got: n, Want: *s.MaxLength})
		}
	}
	if s.Pattern != nil && !w.matchesPattern(s.Pattern, text) && !w.isSpent {
		ok = w.fail(at, &kind.Pattern{Got: clipText(text), Want: s.Pattern.String()})
	}
	return ok
}

// matchesPattern reports whether a pattern matches a text. Each byte of the text may run each
// instruction of the pattern. One step stands for eight of these.
func (w *walker) matchesPattern(re jsonschema.Regexp, text string) bool {
	instructions := 1
	if p, ok := re.(*pattern); ok {
		instructions = max(p.instructions, 1)
	}
	w.charge(1 + instructions*len(text)/8)
	return !w.isSpent && re.MatchString(text)
}

// checkFormat checks a value against a named format. That takes time in proportion to the text. A
// regular expression is only parsed.
func (w *walker) checkFormat(f *jsonschema.Format, v any, at *place) bool {
	text, isText := v.(string)
	w.charge(1 + len(text)/32)
	if w.isSpent {
		return false
	}
	var err error
	switch {
	case f.Name != "regex":
		err = f.Validate(v)
	case isText && len(text) > maxPatternLength:
		err = errors.New("it is too long")
	case isText:
		_, err = syntax.Parse(text, syntax.Perl)
	}
	if err == nil {
		return true
	}
	if isText {
		v = clipText(text)
	}
	return w.fail(at, &kind.Format{Got: v, Want: f.Name, Err: err})
}

func (w *walker) checkNumber(s *jsonschema.Schema, n json.Number, at *place) bool {
	hasLimits := s.Minimum != nil || s.Maximum != nil || s.ExclusiveMinimum != nil || s.ExclusiveMaximum != nil
	if !hasLimits && s.MultipleOf == nil {
		return true
	}
	x, known := new(big.Rat).SetString(string(n))
	if !known { // cannot happen: the text was parsed
		return true
	}
	w.charge(4 + machineWords(x))
	ok := true
	compare := func(bound *big.Rat, fails func(order int) bool, k func() jsonschema.ErrorKind) {
		if bound == nil {
			return
		}
		w.charge(machineWords(x) * machineWords(bound) / 8)
		if !w.isSpent && fails(x.Cmp(bound)) {
			ok = w.fail(at, k())
		}
	}
	compare(s.Minimum, func(o int) bool { return o < 0 }, func() jsonschema.ErrorKind {
		return &kind.Minimum{Got: x, Want: s.Minimum}
	})
	compare(s.Maximum, func(o int) bool { return o > 0 }, func() jsonschema.ErrorKind {
		return &kind.Maximum{Got: x, Want: s.Maximum}
	})
	compare(s.ExclusiveMinimum, func(o int) bool { return o <= 0 }, func() jsonschema.ErrorKind {
		return &kind.ExclusiveMinimum{Got: x, Want: s.ExclusiveMinimum}
	})
	compare(s.ExclusiveMaximum, func(o int) bool { return o >= 0 }, func() jsonschema.ErrorKind {
		return &kind.ExclusiveMaximum{Got: x, Want: s.ExclusiveMaximum}
	})
	if s.MultipleOf != nil {
		w.charge(2 + machineWords(x)*machineWords(s.MultipleOf)/2)
		if !w.isSpent && !new(big.Rat).Quo(x, s.MultipleOf).IsInt() {
			ok = w.fail(at, &kind.MultipleOf{Got: x, Want: s.MultipleOf})
		}
	}
	return ok
}

// machineWords returns the size of a number in machine words.
func machineWords(x *big.Rat) int { return (x.Num().BitLen()+x.Denom().BitLen())/64 + 1 }

// isInteger reports whether a number has no fraction. 1.0 has none.
func isInteger(n json.Number) bool {
	if !strings.ContainsAny(string(n), ".eE") {
		return true
	}
	x, ok := new(big.Rat).SetString(string(n))
	return ok && x.IsInt()
}

// valueKey returns a text that is the same for equal JSON values and differs for others.
func (w *walker) valueKey(v any) string {
	var b strings.Builder
	writeValueKey(&b, v)
	w.charge(1 + b.Len()/16)
	return b.String()
}

// isAmong reports whether the key of a value is in keys.
func (w *walker) isAmong(v any, keys map[string]struct{}) bool {
	_, is := keys[w.valueKey(v)]
	return is
}
