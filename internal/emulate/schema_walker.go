package emulate

import (
	"encoding/json"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// The library compiles schemas. This walker checks values against them, because the library has no
// limits: it creates an error for every invalid item, and if a schema contains itself in two
// alternatives, it applies that schema twice as often with each level of the value. The walker
// counts its steps and stops at the first errors.
//
// A schema that reaches this point refers to nothing outside of itself and has at most one $id.
// Therefore a dynamic reference means the schema that it names.

// Limits of checking one value.
const (
	maxSteps = 16_000_000 // about a second
	maxDepth = 25_000     // of schemas that are applied inside one another
)

// verdict is the result of a check.
type verdict uint8

const (
	verdictValid verdict = iota
	verdictInvalid
	verdictUndecided // the steps were used up
)

// walker checks one value against a schema.
type walker struct {
	extras    map[*jsonschema.Schema]*schemaExtra
	stepsLeft int // left
	depth     int
	isSpent   bool // no steps are left, so every result is void

	// maxFindings limits the findings that are collected. 0 collects none. A trial, in which a
	// schema may fail although the value is valid, collects none either.
	maxFindings int
	trialDepth  int
	findings    []finding
}

// finding is one violation in a value.
type finding struct {
	place  *place
	kind   jsonschema.ErrorKind
	suffix string // follows the library's words
}

// place is the position of a value in another. nil is the whole value.
type place struct {
	parent *place
	step   string
}

// child returns the place of a part of a value, or nil if no findings are collected.
func (w *walker) child(at *place, step string) *place {
	if w.maxFindings == 0 {
		return nil
	}
	return &place{at, step}
}

// validate checks a value and returns at most maxFindings findings.
func (c *compiledSchema) validate(value any, maxFindings int) (verdict, []finding) {
	w := walker{extras: c.extras, stepsLeft: maxSteps, maxFindings: maxFindings}
	ok := w.apply(c.root, value, nil, nil, nil)
	switch {
	case w.isSpent:
		return verdictUndecided, w.findings
	case ok:
		return verdictValid, nil
	default:
		return verdictInvalid, w.findings
	}
}

// charge uses up steps for work.
func (w *walker) charge(steps int) {
	if w.stepsLeft -= steps; w.stepsLeft < 0 {
		w.isSpent = true
	}
}

// fail adds a finding and returns false.
func (w *walker) fail(at *place, k jsonschema.ErrorKind) bool { return w.failWith(at, k, "") }

func (w *walker) failWith(at *place, k jsonschema.ErrorKind, more string) bool {
	if !w.isDone() {
		w.findings = append(w.findings, finding{at, k, more})
	}
	return false
}

// isDone reports whether the walker can stop after a failure.
func (w *walker) isDone() bool {
	return w.isSpent || w.trialDepth > 0 || len(w.findings) >= w.maxFindings
}

// scope is a schema that is being applied. It serves to find references that return to the same
// value.
type scope struct {
	parent *scope // schemas that are being applied to the same value
	schema *jsonschema.Schema
}

// isCycle reports whether s is already being applied to this value.
func (w *walker) isCycle(sc *scope, s *jsonschema.Schema) bool {
	for ; sc != nil; sc = sc.parent {
		w.charge(1)
		if sc.schema == s {
			return true
		}
	}
	return false
}

// apply reports whether v is valid under s. sc is the schemas that are already being applied to v.
// seen, if not nil, receives the evaluated parts of v.
func (w *walker) apply(s *jsonschema.Schema, v any, at *place, sc *scope, seen *evaluated) bool {
	w.charge(1)
	if w.depth++; w.depth > maxDepth {
		w.isSpent = true
	}
	defer func() { w.depth-- }()
	note := w.extras[s]
	switch {
	case w.isSpent:
		return false
	case s.Bool != nil:
		return *s.Bool || w.fail(at, &kind.FalseSchema{})
	case w.isCycle(sc, s):
		return w.fail(at, &kind.RefCycle{URL: s.Location})
	case v == nil && note != nil && note.isNullable:
		return true
	case !w.checkType(s, note, v, at):
		return false
	}
	sc = &scope{sc, s}
	if s.Ref != nil && s.DraftVersion < 2019 {
		return w.apply(s.Ref, v, at, sc, seen)
	}
	var own *evaluated
	if seen != nil || s.UnevaluatedProperties != nil || s.UnevaluatedItems != nil {
		own = &evaluated{}
		w.charge(4)
	}
	ok := w.applyTyped(s, v, at, sc, own)
	if ok || !w.isDone() {
		ok = w.applyInPlace(s, v, at, sc, own) && ok
	}
	if ok || !w.isDone() {
		ok = w.checkUnevaluated(s, v, at, own) && ok
	}
	if ok && seen != nil {
		w.charge(seen.add(own))
	}
	return ok
}

// applyTyped applies the keywords for values of v's type.
func (w *walker) applyTyped(s *jsonschema.Schema, v any, at *place, sc *scope, own *evaluated) bool {
	switch v := v.(type) {
	case map[string]any:
		return w.checkObject(s, v, at, sc, own)
	case []any:
		return w.checkArray(s, v, at, own)
	case string:
		return w.checkText(s, v, at)
	case json.Number:
		return w.checkNumber(s, v, at)
	default:
		return true
	}
}

// applyInPlace applies the subschemas that apply to the same value.
func (w *walker) applyInPlace(s *jsonschema.Schema, v any, at *place, sc *scope, own *evaluated) bool {
	ok := true
	for _, ref := range references2019(s) {
		if ref != nil && (ok || !w.isDone()) {
			ok = w.apply(ref, v, at, sc, own) && ok
		}
	}
	if s.Not != nil && w.isMatch(s.Not, v, sc, nil) {
		ok = w.fail(at, &kind.Not{})
	}
	for _, sub := range s.AllOf {
		if !ok && w.isDone() {
			return false
		}
		ok = w.apply(sub, v, at, sc, own) && ok
	}
	ok = w.applyAnyOf(s, v, at, sc, own) && ok
	ok = w.applyOneOf(s, v, at, sc, own) && ok
	if s.If == nil {
		return ok
	}
	branch := s.Else
	if w.isMatch(s.If, v, sc, own) {
		branch = s.Then
	}
	return (branch == nil || w.apply(branch, v, at, sc, own)) && ok
}

// references2019 returns the schemas that a schema of 2019 or later refers to.
func references2019(s *jsonschema.Schema) [3]*jsonschema.Schema {
	refs := [3]*jsonschema.Schema{s.Ref, s.RecursiveRef}
	if s.DynamicRef != nil {
		refs[2] = s.DynamicRef.Ref
	}
	return refs
}

// isMatch reports whether v is valid under s, without findings.
func (w *walker) isMatch(s *jsonschema.Schema, v any, sc *scope, own *evaluated) bool {
	w.trialDepth++
	defer func() { w.trialDepth-- }()
	return w.apply(s, v, nil, sc, own)
}

// applyAnyOf keeps the findings of the alternatives only if all of them fail.
func (w *walker) applyAnyOf(s *jsonschema.Schema, v any, at *place, sc *scope, own *evaluated) bool {
	if len(s.AnyOf) == 0 {
		return true
	}
	before, ok := len(w.findings), false
	for _, sub := range s.AnyOf {
		if w.apply(sub, v, at, sc, own) {
			ok = true
			if own == nil { // otherwise the others may evaluate more
				break
			}
		}
	}
	if ok {
		w.findings = w.findings[:before]
	}
	return ok
}

func (w *walker) applyOneOf(s *jsonschema.Schema, v any, at *place, sc *scope, own *evaluated) bool {
	if len(s.OneOf) == 0 {
		return true
	}
	before, matched := len(w.findings), -1
	for i, sub := range s.OneOf {
		switch {
		case matched < 0 && w.apply(sub, v, at, sc, own):
			matched = i
			w.findings = w.findings[:before]
		case matched >= 0 && matched != i && w.isMatch(sub, v, sc, nil):
			return w.fail(at, &kind.OneOf{Subschemas: []int{matched, i}})
		}
	}
	return matched >= 0
}

// sortedKeys returns an object's keys in order, so that the same value gives the same findings.
func (w *walker) sortedKeys(obj map[string]any) []string {
	w.charge(len(obj))
	keys := make([]string, 0, len(obj))
	for key := range obj {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
