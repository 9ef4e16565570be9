package emulate

import "math"

// maxApplications limits how many subschemas apply to one value. The number multiplies with each
// reference to a schema that has two references to another. It is counted when a schema is
// compiled, so that the client gets the error at once. See walker for the costs that depend on the
// value.
const maxApplications = 100_000

// applicationCounter counts the schemas that may apply to one value, through references and
// combinations.
type applicationCounter struct {
	*document
	counts map[string]int // by reference; 0 while it is being counted
}

// countApplications returns how many schemas may apply to one value.
func (d *document) countApplications() int {
	w := applicationCounter{d, map[string]int{}}
	return w.count(d.root)
}

func (w *applicationCounter) count(part any) int {
	switch v := part.(type) {
	case []any:
		total := 0
		for _, e := range v {
			total = addSaturating(total, w.count(e))
		}
		return total
	case map[string]any:
		return w.countObject(v)
	default:
		return 1
	}
}

// countObject counts the schemas that apply to the same value or, if that is more, to a value
// inside.
func (w *applicationCounter) countObject(v map[string]any) int {
	same, below := 1, 0
	for _, ref := range referencesOf(v) {
		same = addSaturating(same, w.countReference(ref))
	}
	for key, e := range v {
		switch key {
		case "const", "enum", "default", "examples", "$defs", "definitions":
		case "allOf", "anyOf", "oneOf", "not", "if", "then", "else":
			same = addSaturating(same, w.count(e))
		case "dependentSchemas", "dependencies":
			for _, schema := range namedSchemas(e) {
				same = addSaturating(same, w.count(schema))
			}
		case "properties", "patternProperties":
			for _, schema := range namedSchemas(e) {
				below = max(below, w.count(schema))
			}
		default:
			below = max(below, w.count(e))
		}
	}
	return max(same, below)
}

// namedSchemas returns the schemas of a keyword that has several by name.
func namedSchemas(part any) map[string]any {
	schemas, _ := part.(map[string]any)
	return schemas
}

// countReference counts the schemas that a reference applies. A schema inside itself counts once,
// because each level of it takes a smaller value.
func (w *applicationCounter) countReference(ref string) int {
	n, known := w.counts[ref]
	switch {
	case known && n == 0:
		return 1
	case known:
		return n
	}
	w.counts[ref] = 0
	n = max(w.count(w.resolve(ref)), 1)
	w.counts[ref] = n
	return n
}

func addSaturating(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}
