package emulate

import (
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

func (w *walker) checkArray(s *jsonschema.Schema, list []any, at *place, own *evaluated) bool {
	ok := true
	if s.MinItems != nil && len(list) < *s.MinItems {
		ok = w.fail(at, &kind.MinItems{Got: len(list), Want: *s.MinItems})
	}
	if s.MaxItems != nil && len(list) > *s.MaxItems {
		ok = w.fail(at, &kind.MaxItems{Got: len(list), Want: *s.MaxItems})
	}
	if s.UniqueItems && (ok || !w.isDone()) {
		ok = w.checkUnique(list, at) && ok
	}
	if ok || !w.isDone() {
		if s.DraftVersion < 2020 {
			ok = w.applyItems2019(s, list, at, own) && ok
		} else {
			ok = w.applyItems2020(s, list, at, own) && ok
		}
	}
	if s.Contains != nil && (ok || !w.isDone()) {
		ok = w.checkContains(s, list, at, own) && ok
	}
	return ok
}

// checkUnique reports whether no two items are equal.
func (w *walker) checkUnique(list []any, at *place) bool {
	seen := make(map[string]int, min(len(list), 1000))
	for i, v := range list {
		key := w.valueKey(v)
		if w.isSpent {
			return false
		}
		if first, has := seen[key]; has {
			return w.fail(at, &kind.UniqueItems{Duplicates: [2]int{first, i}})
		}
		seen[key] = i
	}
	return true
}

// applyEach applies one schema to the items from an index on.
func (w *walker) applyEach(s *jsonschema.Schema, list []any, from int, at *place) bool {
	ok := true
	for i := from; i < len(list); i++ {
		if !ok && w.isDone() {
			return false
		}
		ok = w.apply(s, list[i], w.item(at, i), nil, nil) && ok
	}
	return ok
}

// item returns the place of an item.
func (w *walker) item(list *place, i int) *place {
	if w.maxFindings == 0 {
		return nil
	}
	return w.child(list, strconv.Itoa(i))
}

// applyPositions applies each schema to the item at the same index, and returns the number of
// these items.
func (w *walker) applyPositions(schemas []*jsonschema.Schema, list []any, at *place) (n int, ok bool) {
	n, ok = min(len(schemas), len(list)), true
	for i, v := range list[:n] {
		if !ok && w.isDone() {
			break
		}
		ok = w.apply(schemas[i], v, w.item(at, i), nil, nil) && ok
	}
	return n, ok
}

// applyItems2019 applies items and additionalItems of the drafts up to 2019-09.
func (w *walker) applyItems2019(s *jsonschema.Schema, list []any, at *place, own *evaluated) bool {
	from, ok := 0, true
	switch items := s.Items.(type) {
	case *jsonschema.Schema:
		ok = w.applyEach(items, list, 0, at)
		from = len(list)
	case []*jsonschema.Schema:
		from, ok = w.applyPositions(items, list, at)
	}
	own.addLeading(from)
	switch rest := s.AdditionalItems.(type) {
	case bool:
		if !rest && from < len(list) {
			ok = w.fail(at, &kind.AdditionalItems{Count: len(list) - from})
		}
		own.addLeading(len(list))
	case *jsonschema.Schema:
		if ok || !w.isDone() {
			ok = w.applyEach(rest, list, from, at) && ok
		}
		own.addLeading(len(list))
	}
	return ok
}

// applyItems2020 applies prefixItems and items.
func (w *walker) applyItems2020(s *jsonschema.Schema, list []any, at *place, own *evaluated) bool {
	from, ok := w.applyPositions(s.PrefixItems, list, at)
	own.addLeading(from)
	if s.Items2020 != nil {
		if ok || !w.isDone() {
			ok = w.applyEach(s.Items2020, list, from, at) && ok
		}
		own.addLeading(len(list))
	}
	return ok
}

// checkContains counts the items that are valid under a schema.
func (w *walker) checkContains(s *jsonschema.Schema, list []any, at *place, own *evaluated) bool {
	minMatches := 1
	if s.MinContains != nil {
		minMatches = *s.MinContains
	}
	matched := 0
	var some []int
	for i, v := range list {
		if w.isSpent {
			return false
		}
		if !w.isMatch(s.Contains, v, nil, nil) {
			continue
		}
		matched++
		if len(some) < maxListed {
			some = append(some, i)
		}
		if s.DraftVersion >= 2020 {
			own.addItem(i)
		}
		if own == nil && s.MaxContains == nil && matched >= minMatches {
			return true
		}
	}
	switch {
	case s.MinContains != nil && matched < minMatches:
		return w.fail(at, &kind.MinContains{Got: some, Want: minMatches})
	case matched < minMatches:
		return w.fail(at, &kind.Contains{})
	case s.MaxContains != nil && matched > *s.MaxContains:
		return w.fail(at, &kind.MaxContains{Got: some, Want: *s.MaxContains})
	}
	return true
}
