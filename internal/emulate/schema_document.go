package emulate

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// referenceKeywords are the keywords that refer to another schema.
var referenceKeywords = []string{"$ref", "$dynamicRef", "$recursiveRef"}

// document is the parsed text of a schema, with what its references need.
type document struct {
	root          any
	anchors       map[string]any // schemas by their anchor names
	hasReferences bool           // the schema has references
	hasInnerID    bool           // a schema inside has an $id, which changes the meaning of references

	objects       int             // number of JSON objects
	oddReferences map[string]bool // references to places where no draft has schemas
	hasNullable   bool            // the schema uses OpenAPI's keyword
}

// readDocument refuses a schema that refers outside of itself or is nested too deeply.
func readDocument(root any) (*document, error) {
	d := &document{root: root, anchors: map[string]any{}, oddReferences: map[string]bool{}}
	if err := d.inspect(root, 1); err != nil {
		return nil, err
	}
	if d.hasReferences && d.hasInnerID {
		return nil, errors.New("a schema with references may have an $id at its root only")
	}
	if d.compileWork() > maxCompileWork {
		return nil, errors.New("too many of its references point into keywords that hold no schemas: " +
			"put what they point at into $defs")
	}
	return d, checkNumbers(root)
}

func (d *document) inspect(part any, depth int) error {
	if depth > maxSchemaDepth {
		return fmt.Errorf("a schema may nest %d levels at most", maxSchemaDepth)
	}
	switch v := part.(type) {
	case []any:
		for _, e := range v {
			if err := d.inspect(e, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		if d.objects++; d.objects > maxSchemaObjects {
			return fmt.Errorf("a schema may have %d objects at most", maxSchemaObjects)
		}
		if err := d.inspectObject(v, depth); err != nil {
			return err
		}
		for key, e := range v {
			if holdsData(key) {
				continue
			}
			if err := d.inspect(e, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// inspectObject records the names and references of an object.
func (d *document) inspectObject(v map[string]any, depth int) error {
	for _, keyword := range referenceKeywords {
		ref, ok := v[keyword].(string)
		if ok && !strings.HasPrefix(ref, "#") {
			return fmt.Errorf("%s %q points outside of the schema; only references that begin with # are followed",
				keyword, clipText(ref))
		}
		d.hasReferences = d.hasReferences || ok
		if ok && isOddReference(ref) {
			d.oddReferences[ref] = true
		}
	}
	if nullable, ok := v["nullable"].(bool); ok && nullable {
		d.hasNullable = true
	}
	for _, keyword := range []string{"$id", "id", "$anchor", "$dynamicAnchor"} {
		name, ok := v[keyword].(string)
		switch {
		case !ok:
		case strings.HasSuffix(strings.ToLower(keyword), "anchor"):
			d.anchors[name] = v
		case strings.HasPrefix(name, "#"):
			d.anchors[name[1:]] = v
		case depth > 1:
			d.hasInnerID = true
		}
	}
	return nil
}

// maxCompileWork limits the work of the compiler for one schema, in comparisons. The compiler
// looks up each object among all before it. For each reference to a place where no draft has
// schemas, such as OpenAPI's components, it copies all objects that it knows.
const (
	maxCompileWork = maxSchemaObjects*maxSchemaObjects + 10_000_000
	copyCost       = 80 // comparisons that take as long as copying an object, measured
)

func (d *document) compileWork() int { return d.objects * (d.objects + copyCost*len(d.oddReferences)) }

// isOddReference reports whether a reference points to a place where no draft has schemas.
func isOddReference(ref string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(ref, "#/"), "/")
	switch first {
	case "#", "$defs", "definitions", "properties", "items", "allOf", "anyOf", "oneOf", "prefixItems":
		return false
	default:
		return strings.HasPrefix(ref, "#/")
	}
}

// holdsData reports whether a keyword's value is data and not a schema. A property of that name is
// not inspected either; the loader refuses what it refers to outside of the schema.
func holdsData(keyword string) bool {
	switch keyword {
	case "const", "enum", "default", "examples":
		return true
	default:
		return false
	}
}

// resolve follows a reference. A missing target is nil, and such a schema does not compile.
func (d *document) resolve(ref string) any {
	pointer, err := url.PathUnescape(strings.TrimPrefix(ref, "#"))
	switch {
	case err != nil:
		return nil
	case pointer == "":
		return d.root
	case pointer[0] != '/':
		return d.anchors[pointer]
	}
	at := d.root
	for step := range strings.SplitSeq(pointer[1:], "/") {
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

// referencesOf returns the references of an object.
func referencesOf(v map[string]any) []string {
	var found []string
	for _, keyword := range referenceKeywords {
		if ref, ok := v[keyword].(string); ok && !slices.Contains(found, ref) {
			found = append(found, ref)
		}
	}
	return found
}
