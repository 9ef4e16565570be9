package emulate

import "math"

// maxSchemaWork bounds how many subschemas apply to one value. That multiplies with each
// reference to a schema that refers twice to another, and is counted when a schema is
// compiled, so that its client is told at once. What else multiplies depends on the
// value: see walk.
const maxSchemaWork = 100_000

// work counts how many schemas apply to one value at the most, through references
// and combinations.
type work struct {
	*document
	counted map[string]int // by reference; 0 while it is being counted
}

// cost returns that count.
func (d *document) cost() int {
	w := work{d, map[string]int{}}
	return w.of(d.root)
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
		return 1
	case known:
		return n
	}
	w.counted[ref] = 0
	n = max(w.of(w.resolve(ref)), 1)
	w.counted[ref] = n
	return n
}

func plus(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}
