package emulate

import (
	"iter"
	"maps"
	"slices"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

func (w *walker) checkObject(s *jsonschema.Schema, obj map[string]any, at *place, sc *scope, own *evaluated) bool {
	ok := true
	if s.MinProperties != nil && len(obj) < *s.MinProperties {
		ok = w.fail(at, &kind.MinProperties{Got: len(obj), Want: *s.MinProperties})
	}
	if s.MaxProperties != nil && len(obj) > *s.MaxProperties {
		ok = w.fail(at, &kind.MaxProperties{Got: len(obj), Want: *s.MaxProperties})
	}
	if missing := w.missingNames(obj, s.Required); missing != nil {
		ok = w.fail(at, &kind.Required{Missing: missing})
	}
	if ok || !w.isDone() {
		ok = w.checkDependencies(s, obj, at, sc, own) && ok
	}
	if ok || !w.isDone() {
		ok = w.checkProperties(s, obj, at, own) && ok
	}
	if s.PropertyNames != nil {
		for key := range w.keys(obj) {
			if !ok && w.isDone() {
				break
			}
			ok = w.apply(s.PropertyNames, key, at, nil, nil) && ok
		}
	}
	return ok
}

// keys iterates over an object's keys, sorted if findings are collected.
func (w *walker) keys(obj map[string]any) iter.Seq[string] {
	if w.isDone() {
		return maps.Keys(obj)
	}
	return slices.Values(w.sortedKeys(obj))
}

// missingNames returns some of the required names that an object lacks, or nil.
func (w *walker) missingNames(obj map[string]any, required []string) (missing []string) {
	w.charge(len(required) / 4)
	for _, name := range required {
		if _, has := obj[name]; !has {
			if missing = append(missing, name); w.isDone() || len(missing) == maxListed {
				break
			}
		}
	}
	return missing
}

// checkDependencies applies the schemas and requirements that depend on the presence of a
// property.
func (w *walker) checkDependencies(
	s *jsonschema.Schema, obj map[string]any, at *place, sc *scope, own *evaluated,
) bool {
	ok := true
	for _, name := range slices.Sorted(maps.Keys(s.Dependencies)) {
		if _, has := obj[name]; !has {
			continue
		}
		switch d := s.Dependencies[name].(type) {
		case []string:
			if missing := w.missingNames(obj, d); missing != nil {
				ok = w.fail(at, &kind.Dependency{Prop: name, Missing: missing})
			}
		case *jsonschema.Schema:
			ok = w.apply(d, obj, at, sc, own) && ok
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.DependentSchemas)) {
		if _, has := obj[name]; has {
			ok = w.apply(s.DependentSchemas[name], obj, at, sc, own) && ok
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.DependentRequired)) {
		if _, has := obj[name]; !has {
			continue
		}
		if missing := w.missingNames(obj, s.DependentRequired[name]); missing != nil {
			ok = w.fail(at, &kind.DependentRequired{Prop: name, Missing: missing})
		}
	}
	w.charge(len(s.Dependencies) + len(s.DependentSchemas) + len(s.DependentRequired))
	return ok
}

// checkProperties applies schemas to the values of an object's properties.
func (w *walker) checkProperties(s *jsonschema.Schema, obj map[string]any, at *place, own *evaluated) bool {
	if s.Properties == nil && s.PatternProperties == nil && s.AdditionalProperties == nil {
		return true
	}
	ok := true
	var additional []string
	for key := range w.keys(obj) {
		if w.isSpent || !ok && w.isDone() {
			return false
		}
		w.charge(1)
		v, isEvaluated := obj[key], false
		if sub, has := s.Properties[key]; has {
			isEvaluated = true
			ok = w.apply(sub, v, w.child(at, key), nil, nil) && ok
		}
		for re, sub := range s.PatternProperties {
			if w.matchesPattern(re, key) {
				isEvaluated = true
				ok = w.apply(sub, v, w.child(at, key), nil, nil) && ok
			}
		}
		if !isEvaluated && s.AdditionalProperties != nil {
			isEvaluated = true
			switch rest := s.AdditionalProperties.(type) {
			case bool:
				if !rest {
					additional, ok = append(additional, key), false
				}
			case *jsonschema.Schema:
				ok = w.apply(rest, v, w.child(at, key), nil, nil) && ok
			}
		}
		if len(additional) == maxListed {
			break
		}
		if isEvaluated {
			own.addProperty(key)
		}
	}
	if additional != nil {
		return w.fail(at, &kind.AdditionalProperties{Properties: additional})
	}
	return ok
}

// evaluated records the parts of a value that a schema was applied to, for the keywords
// unevaluatedProperties and unevaluatedItems. A nil evaluated records nothing.
type evaluated struct {
	properties map[string]struct{}
	items      map[int]struct{}
	leading    int // number of evaluated items at the start
}

func (e *evaluated) addProperty(name string) {
	if e != nil {
		addToSet(&e.properties, name)
	}
}

func (e *evaluated) addItem(i int) {
	if e != nil {
		addToSet(&e.items, i)
	}
}

// addToSet adds a key to a set. It makes the set if that is nil.
func addToSet[K comparable](set *map[K]struct{}, key K) {
	if *set == nil {
		*set = map[K]struct{}{}
	}
	(*set)[key] = struct{}{}
}

// addLeading adds the first n items.
func (e *evaluated) addLeading(n int) {
	if e != nil {
		e.leading = max(e.leading, n)
	}
}

// add adds the parts of another, and returns their number.
func (e *evaluated) add(other *evaluated) int {
	for name := range other.properties {
		e.addProperty(name)
	}
	for i := range other.items {
		e.addItem(i)
	}
	e.addLeading(other.leading)
	return len(other.properties) + len(other.items)
}

// checkUnevaluated applies schemas to the parts that are not evaluated.
func (w *walker) checkUnevaluated(s *jsonschema.Schema, v any, at *place, own *evaluated) bool {
	ok := true
	switch v := v.(type) {
	case map[string]any:
		if s.UnevaluatedProperties == nil {
			return true
		}
		for key := range w.keys(v) {
			if !ok && w.isDone() {
				return false
			}
			w.charge(1)
			if _, isEvaluated := own.properties[key]; !isEvaluated {
				ok = w.apply(s.UnevaluatedProperties, v[key], w.child(at, key), nil, nil) && ok
				own.addProperty(key)
			}
		}
	case []any:
		if s.UnevaluatedItems == nil {
			return true
		}
		for i := own.leading; i < len(v); i++ {
			if !ok && w.isDone() {
				return false
			}
			w.charge(1)
			if _, isEvaluated := own.items[i]; !isEvaluated {
				ok = w.apply(s.UnevaluatedItems, v[i], w.child(at, strconv.Itoa(i)), nil, nil) && ok
			}
		}
		own.addLeading(len(v))
	}
	return ok
}
