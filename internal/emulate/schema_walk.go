package emulate

import (
	"encoding/json"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// The library compiles schemas. Values are held to them here, because the library
// knows no bound: it makes an error of every invalid item, and applies a schema that
// contains itself in two alternatives twice as often with each level of a value. This
// walk counts its steps, and stops at the first errors.
//
// Schemas that reach this point refer to nothing outside of themselves and have one
// $id at the most. Therefore a dynamic reference means the schema that it names.

// Bounds on holding one value to its schema.
const (
	maxSteps = 16_000_000 // about a second
	maxNests = 25_000     // schemas that are being applied inside one another
)

// verdict is what a walk comes to.
type verdict uint8

const (
	isValid verdict = iota
	isInvalid
	isUndecided // the walk ran out of steps
)

// walk holds one value to a schema.
type walk struct {
	notes map[*jsonschema.Schema]*schemaNote
	steps int // left
	nests int
	spent bool // no steps are left, so that every result is void

	// wanted is how many findings are of interest; 0 asks for the verdict alone. In
	// a trial, where a schema may fail without the value being invalid, none are.
	wanted int
	trials int
	found  []finding
}

// finding is one thing that is wrong with a value.
type finding struct {
	at   *place
	kind jsonschema.ErrorKind
	more string // follows the kind's words
}

// place is where a value stands in another; nil is the whole value.
type place struct {
	parent *place
	step   string
}

// in returns the place of a value's part. A walk for the verdict alone needs none.
func (w *walk) in(at *place, step string) *place {
	if w.wanted == 0 {
		return nil
	}
	return &place{at, step}
}

// run holds a value to a schema and returns at most wanted findings; 0 asks for the
// verdict alone.
func (c *compiledSchema) run(value any, wanted int) (verdict, []finding) {
	w := walk{notes: c.notes, steps: maxSteps, wanted: wanted}
	ok := w.apply(c.root, value, nil, nil, nil)
	switch {
	case w.spent:
		return isUndecided, w.found
	case ok:
		return isValid, nil
	default:
		return isInvalid, w.found
	}
}

// charge takes steps for work.
func (w *walk) charge(steps int) {
	if w.steps -= steps; w.steps < 0 {
		w.spent = true
	}
}

// fail notes what is wrong and returns false.
func (w *walk) fail(at *place, k jsonschema.ErrorKind) bool { return w.failWith(at, k, "") }

func (w *walk) failWith(at *place, k jsonschema.ErrorKind, more string) bool {
	if !w.isDone() {
		w.found = append(w.found, finding{at, k, more})
	}
	return false
}

// isDone reports whether nothing more need be found once something has failed.
func (w *walk) isDone() bool { return w.spent || w.trials > 0 || len(w.found) >= w.wanted }

// scope is a schema that is being applied, for the search of references that come back
// to the same value.
type scope struct {
	parent *scope // of the same value
	schema *jsonschema.Schema
}

// isCycle reports whether s is being applied to this value already.
func (w *walk) isCycle(sc *scope, s *jsonschema.Schema) bool {
	for ; sc != nil; sc = sc.parent {
		w.charge(1)
		if sc.schema == s {
			return true
		}
	}
	return false
}

// apply reports whether v is valid under s. sc is the schemas that are being applied to
// v already. seen, where it is not nil, takes what parts of v have been looked at.
func (w *walk) apply(s *jsonschema.Schema, v any, at *place, sc *scope, seen *evaluated) bool {
	w.charge(1)
	if w.nests++; w.nests > maxNests {
		w.spent = true
	}
	defer func() { w.nests-- }()
	note := w.notes[s]
	switch {
	case w.spent:
		return false
	case s.Bool != nil:
		return *s.Bool || w.fail(at, &kind.FalseSchema{})
	case w.isCycle(sc, s):
		return w.fail(at, &kind.RefCycle{URL: s.Location})
	case v == nil && note != nil && note.isNullable:
		return true
	case !w.anyType(s, note, v, at):
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
	ok := w.typed(s, v, at, sc, own)
	if ok || !w.isDone() {
		ok = w.inPlace(s, v, at, sc, own) && ok
	}
	if ok || !w.isDone() {
		ok = w.unevaluated(s, v, at, own) && ok
	}
	if ok && seen != nil {
		w.charge(seen.add(own))
	}
	return ok
}

// typed applies what a schema says of values of v's type.
func (w *walk) typed(s *jsonschema.Schema, v any, at *place, sc *scope, own *evaluated) bool {
	switch v := v.(type) {
	case map[string]any:
		return w.object(s, v, at, sc, own)
	case []any:
		return w.array(s, v, at, own)
	case string:
		return w.text(s, v, at)
	case json.Number:
		return w.number(s, v, at)
	default:
		return true
	}
}

// inPlace applies the schemas that apply to the same value.
func (w *walk) inPlace(s *jsonschema.Schema, v any, at *place, sc *scope, own *evaluated) bool {
	ok := true
	for _, ref := range references2019(s) {
		if ref != nil && (ok || !w.isDone()) {
			ok = w.apply(ref, v, at, sc, own) && ok
		}
	}
	if s.Not != nil && w.try(s.Not, v, sc, nil) {
		ok = w.fail(at, &kind.Not{})
	}
	for _, sub := range s.AllOf {
		if !ok && w.isDone() {
			return false
		}
		ok = w.apply(sub, v, at, sc, own) && ok
	}
	ok = w.anyOf(s, v, at, sc, own) && ok
	ok = w.oneOf(s, v, at, sc, own) && ok
	if s.If == nil {
		return ok
	}
	branch := s.Else
	if w.try(s.If, v, sc, own) {
		branch = s.Then
	}
	return (branch == nil || w.apply(branch, v, at, sc, own)) && ok
}

// references2019 are the schemas that a schema of 2019 or later refers to.
func references2019(s *jsonschema.Schema) [3]*jsonschema.Schema {
	refs := [3]*jsonschema.Schema{s.Ref, s.RecursiveRef}
	if s.DynamicRef != nil {
		refs[2] = s.DynamicRef.Ref
	}
	return refs
}

// try applies a schema of which the verdict alone counts.
func (w *walk) try(s *jsonschema.Schema, v any, sc *scope, own *evaluated) bool {
	w.trials++
	defer func() { w.trials-- }()
	return w.apply(s, v, nil, sc, own)
}

// anyOf keeps what the alternatives found only when all of them fail.
func (w *walk) anyOf(s *jsonschema.Schema, v any, at *place, sc *scope, own *evaluated) bool {
	if len(s.AnyOf) == 0 {
		return true
	}
	before, ok := len(w.found), false
	for _, sub := range s.AnyOf {
		if w.apply(sub, v, at, sc, own) {
			ok = true
			if own == nil { // else the others may look at more
				break
			}
		}
	}
	if ok {
		w.found = w.found[:before]
	}
	return ok
}

func (w *walk) oneOf(s *jsonschema.Schema, v any, at *place, sc *scope, own *evaluated) bool {
	if len(s.OneOf) == 0 {
		return true
	}
	before, matched := len(w.found), -1
	for i, sub := range s.OneOf {
		switch {
		case matched < 0 && w.apply(sub, v, at, sc, own):
			matched = i
			w.found = w.found[:before]
		case matched >= 0 && matched != i && w.try(sub, v, sc, nil):
			return w.fail(at, &kind.OneOf{Subschemas: []int{matched, i}})
		}
	}
	return matched >= 0
}

// sortedKeys are an object's keys in order, so that the same value gives the same
// findings.
func (w *walk) sortedKeys(obj map[string]any) []string {
	w.charge(len(obj))
	keys := make([]string, 0, len(obj))
	for key := range obj {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
