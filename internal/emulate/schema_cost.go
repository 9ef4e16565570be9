package emulate

import "math"

// Two bounds keep a schema from taking for ever. How many subschemas apply to one
// value multiplies with each reference to a schema that refers twice to another:
// that is counted when it is compiled. Where a schema contains itself in several
// alternatives, each level of a value multiplies again: that depends on the value,
// and is checked with it.
const (
	maxSchemaWork = 100_000
	maxValueWork  = 100_000 // about a second
)

// work counts how many schemas apply to one value at the most, through references
// and combinations.
type work struct {
	*document
	counted   map[string]int  // by reference; 0 while it is being counted
	recursive map[string]bool // references that come back to themselves
	reaching  map[string]bool // references behind which there is a recursive one
}

// cost returns that count, and in how many alternatives at the most a schema contains
// itself.
func (d *document) cost() (total, branching int) {
	w := work{d, map[string]int{}, map[string]bool{}, map[string]bool{}}
	total = w.of(d.root)
	if len(w.recursive) == 0 {
		return total, 1
	}
	return total, max(w.branching(d.root), 1)
}

func (w *work) of(part any) int {
	switch v := part.(type) {
	case []any:
		total := 0
		for _, e := range v {
			total = plus(total, w.of(e))
		}
		return total
	case map[string]any:
		return w.ofObject(v)
	default:
		return 1
	}
}

// ofObject counts a schema with what applies to its value, or, where more, with
// what applies to the values inside that.
func (w *work) ofObject(v map[string]any) int {
	same, below := 1, 0
	for _, ref := range refs(v) {
		same = plus(same, w.ofReference(ref))
	}
	for key, e := range v {
		switch key {
		case "const", "enum", "default", "examples", "$defs", "definitions":
		case "allOf", "anyOf", "oneOf", "not", "if", "then", "else":
			same = plus(same, w.of(e))
		case "dependentSchemas", "dependencies":
			for _, schema := range named(e) {
				same = plus(same, w.of(schema))
			}
		case "properties", "patternProperties":
			for _, schema := range named(e) {
				below = max(below, w.of(schema))
			}
		default:
			below = max(below, w.of(e))
		}
	}
	return max(same, below)
}

// named are the schemas of a keyword that has one for each of several names.
func named(part any) map[string]any {
	schemas, _ := part.(map[string]any)
	return schemas
}

// ofReference counts what a reference stands for; a schema inside itself counts
// once, because each turn of it takes a value that is smaller.
func (w *work) ofReference(ref string) int {
	n, known := w.counted[ref]
	switch {
	case known && n == 0:
		w.recursive[ref] = true
		return 1
	case known:
		return n
	}
	w.counted[ref] = 0
	n = max(w.of(w.resolve(ref)), 1)
	w.counted[ref] = n
	return n
}

// branching is the most alternatives of one combination in which a schema comes back
// to itself.
func (w *work) branching(part any) int {
	most := 0
	switch v := part.(type) {
	case []any:
		for _, e := range v {
			most = max(most, w.branching(e))
		}
	case map[string]any:
		several := 0
		for key, e := range v {
			if isData(key) {
				continue
			}
			most = max(most, w.branching(e))
			switch key {
			case "allOf", "anyOf", "oneOf":
				list, _ := e.([]any)
				for _, alternative := range list {
					several += w.reaches(alternative)
				}
			case "not", "if", "then", "else", "properties":
				several += w.reaches(e)
			}
		}
		most = max(most, several)
	}
	return most
}

// reaches returns 1 when a schema comes back to itself somewhere in part, else 0.
func (w *work) reaches(part any) int {
	switch v := part.(type) {
	case []any:
		for _, e := range v {
			if w.reaches(e) == 1 {
				return 1
			}
		}
	case map[string]any:
		for _, ref := range refs(v) {
			if w.recursive[ref] {
				return 1
			}
			if !w.reaching[ref] {
				w.reaching[ref] = true // looked at: it does not, unless it says so now
				if w.reaches(w.resolve(ref)) == 1 {
					w.recursive[ref] = true
					return 1
				}
			}
		}
		for key, e := range v {
			if !isData(key) && w.reaches(e) == 1 {
				return 1
			}
		}
	}
	return 0
}

func plus(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}

// tooDeep reports whether a value nests deeper than a schema with that branching can
// be applied to it in time.
func tooDeep(value any, branching int) bool {
	return branching > 1 && math.Pow(float64(branching), float64(depth(value))) > maxValueWork
}

// depth is how many objects and arrays are in each other.
func depth(value any) int {
	most := 0
	switch v := value.(type) {
	case []any:
		for _, e := range v {
			most = max(most, depth(e))
		}
		most++
	case map[string]any:
		for _, e := range v {
			most = max(most, depth(e))
		}
		most++
	}
	return most
}
