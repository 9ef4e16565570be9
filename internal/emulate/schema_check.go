package emulate

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// references are the keywords that point at another schema.
var references = []string{"$ref", "$dynamicRef", "$recursiveRef"}

// checkDocument refuses a schema that points outside of itself, nests too deep, or
// would take too long to apply.
func checkDocument(doc any) error {
	if err := checkReferences(doc, 1); err != nil {
		return err
	}
	if err := checkNumbers(doc); err != nil {
		return err
	}
	w := work{root: doc, known: map[string]int{}}
	if w.of(doc) > maxSchemaWork {
		return errors.New("its references and combinations multiply too often")
	}
	return nil
}

func checkReferences(doc any, depth int) error {
	if depth > maxSchemaDepth {
		return fmt.Errorf("a schema may nest %d levels at most", maxSchemaDepth)
	}
	switch v := doc.(type) {
	case []any:
		for _, e := range v {
			if err := checkReferences(e, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, keyword := range references {
			if ref, ok := v[keyword].(string); ok && !strings.HasPrefix(ref, "#") {
				return fmt.Errorf("%s %q points outside of the schema; only references that begin with # are followed", keyword, clip(ref))
			}
		}
		for key, e := range v {
			if isData(key) {
				continue
			}
			if err := checkReferences(e, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// isData reports whether a keyword's value is no schema. A property of that name
// is not looked into either; what it refers to outside, the loader refuses.
func isData(keyword string) bool {
	switch keyword {
	case "const", "enum", "default", "examples":
		return true
	default:
		return false
	}
}

// work counts how many schemas apply to one value at the most, through references
// and combinations.
type work struct {
	root  any
	known map[string]int // by reference; 0 while it is being counted
}

// combining are the keywords whose schemas apply to the same value.
var combining = []string{"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"}

func (w *work) of(doc any) int {
	switch v := doc.(type) {
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
	for key, e := range v {
		switch {
		case isData(key), key == "$defs", key == "definitions":
		case slices.Contains(combining, key):
			if named, ok := e.(map[string]any); ok && (key == "dependentSchemas" || key == "dependencies") {
				for _, schema := range named {
					same = plus(same, w.of(schema))
				}
				continue
			}
			same = plus(same, w.of(e))
		case slices.Contains(references, key):
			if ref, ok := e.(string); ok {
				same = plus(same, w.ofReference(ref))
			}
		case key == "properties" || key == "patternProperties":
			if named, ok := e.(map[string]any); ok {
				for _, schema := range named {
					below = max(below, w.of(schema))
				}
			}
		default:
			if _, schema := e.(map[string]any); schema {
				below = max(below, w.of(e))
			}
		}
	}
	return max(same, below)
}

// ofReference counts what a reference stands for; a schema inside itself counts
// once, because each turn of it takes a value that is smaller.
func (w *work) ofReference(ref string) int {
	if n, known := w.known[ref]; known {
		return max(n, 1)
	}
	w.known[ref] = 0
	n := w.of(resolve(w.root, ref))
	w.known[ref] = n
	return n
}

// resolve follows a JSON pointer; what is not there is nil.
func resolve(root any, ref string) any {
	at := root
	for step := range strings.SplitSeq(strings.TrimPrefix(strings.TrimPrefix(ref, "#"), "/"), "/") {
		if step == "" && ref == "#" {
			return root
		}
		step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		switch v := at.(type) {
		case map[string]any:
			at = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			at = v[i]
		default:
			return nil
		}
	}
	return at
}

func plus(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}
