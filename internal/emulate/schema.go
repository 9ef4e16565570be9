package emulate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"achuan/internal/lazyregexp"
)

// Limits of one schema of a client. The depth is that of the JSON text.
const (
	maxSchemaSize  = 256 << 10
	maxSchemaDepth = 64
	// maxSchemaObjects limits the objects in a schema. Its compiler looks up each object among all
	// before it; so many objects take a quarter of a second.
	maxSchemaObjects = 6000
)

// schema is a JSON Schema that is known to compile. The cache has its compiled form or makes it
// again, so that schemas that are no longer used take no memory. It is safe for concurrent use.
type schema struct {
	text  []byte
	key   [sha256.Size]byte
	cache *SchemaCache // of the compiled form
	schemaCost
}

// schemaCost is the cost of a schema.
type schemaCost struct {
	weight int // estimated bytes of the compiled form
	work   int // comparisons of the compiler; 40 million take a quarter of a second
}

// refusingLoader refuses to load schemas from outside of the text.
type refusingLoader struct{}

func (refusingLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is not loaded: a schema must be whole in itself", url)
}

// schemaLocation is the URL of a client's schema in the compiler.
const schemaLocation = "schema:client"

// compileSchema compiles the text of a schema. Its error is for the client.
func compileSchema(text []byte) (*compiledSchema, error) {
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, errors.New("it is not valid JSON")
	}
	switch root.(type) {
	case map[string]any, bool:
	default:
		return nil, errors.New("a schema must be an object")
	}
	doc, err := readDocument(root)
	if err != nil {
		return nil, err
	}
	draft := modernize(root)
	if doc.countApplications() > maxApplications {
		return nil, errors.New("its references and combinations multiply too often")
	}
	var p patterns
	c := jsonschema.NewCompiler()
	c.DefaultDraft(draft)
	c.UseLoader(refusingLoader{})
	c.UseRegexpEngine(p.compile)
	if err := c.AddResource(schemaLocation, root); err != nil {
		return nil, plainError(err)
	}
	made, err := c.Compile(schemaLocation)
	switch {
	case p.err != nil:
		return nil, p.err
	case err != nil:
		return nil, plainError(err)
	}
	compiled := newCompiledSchema(made, doc, &p)
	compiled.weight += len(text) * textByteSize
	return compiled, nil
}

// plainError removes the schema's internal URL from an error of the compiler.
func plainError(err error) error {
	if invalid, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		if v, ok := errors.AsType[*jsonschema.ValidationError](invalid.Err); ok {
			return errors.New(strings.Join(leafErrors(v), "; "))
		}
	}
	return errors.New(strings.ReplaceAll(clipText(err.Error()), schemaLocation, ""))
}

// maxViolations limits the violations of one value that a model or a client sees. maxFound limits
// how many are collected to choose from.
const (
	maxViolations = 8
	maxFound      = 64
)

const tooMuchWork = "it is too large or too deeply nested to be checked against its schema"

// violations returns what is wrong with a JSON text under the schema, in the library's words and
// sorted. It returns none for a valid text. A nil schema allows everything.
func (s *schema) violations(text string) []string {
	if s == nil {
		return nil
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return []string{"it is not valid JSON"}
	}
	if err := checkNumbers(value); err != nil {
		return []string{err.Error()}
	}
	form, err := s.cache.compiledForm(context.Background(), s)
	if err != nil { // cannot happen: the schema compiled before
		return []string{err.Error()}
	}
	return form.violations(value)
}

// violations first checks only whether the value is valid, because most values are and that is
// cheap.
func (c *compiledSchema) violations(value any) []string {
	switch result, _ := c.validate(value, 0); result {
	case verdictValid:
		return nil
	case verdictUndecided:
		return []string{tooMuchWork}
	}
	_, found := c.validate(value, maxFound)
	words := make([]string, 0, len(found))
	for _, f := range found {
		words = append(words, f.describe())
	}
	if len(words) == 0 {
		return []string{tooMuchWork}
	}
	return firstViolations(words)
}

// describe returns a finding in the library's words.
func (f finding) describe() string {
	leaf := jsonschema.ValidationError{SchemaURL: schemaLocation, ErrorKind: f.kind}
	for at := f.place; at != nil; at = at.parent {
		leaf.InstanceLocation = append(leaf.InstanceLocation, at.step)
	}
	slices.Reverse(leaf.InstanceLocation)
	return describeError(&leaf, f.suffix)
}

func describeError(leaf *jsonschema.ValidationError, more string) string {
	unit := leaf.DetailedOutput()
	text := unit.Error.String() + more
	if unit.InstanceLocation != "" {
		text = "at " + unit.InstanceLocation + ": " + text
	}
	return clipText(strings.ReplaceAll(text, schemaLocation, ""))
}

// firstViolations sorts violations and returns the first ones without duplicates.
func firstViolations(words []string) []string {
	slices.Sort(words)
	words = slices.Compact(words)
	return words[:min(len(words), maxViolations)]
}

// leafErrors returns the errors at the leaves of the library's error tree, sorted. The library
// visits the keys of an object in any order, and only the first errors are listed.
func leafErrors(v *jsonschema.ValidationError) []string {
	var all []string
	var visit func(v *jsonschema.ValidationError)
	visit = func(v *jsonschema.ValidationError) {
		causes := slices.SortedStableFunc(slices.Values(v.Causes), func(a, b *jsonschema.ValidationError) int {
			return slices.Compare(a.InstanceLocation, b.InstanceLocation)
		})
		for _, cause := range causes {
			if len(all) == maxFound {
				return
			}
			visit(cause)
		}
		if len(v.Causes) == 0 && len(all) < maxFound {
			all = append(all, describeError(v, ""))
		}
	}
	visit(v)
	return firstViolations(all)
}

// clipText limits the length of a message, which may repeat text of a client or a model.
func clipText(text string) string {
	const maxRunes = 300
	isLong := len(text) > maxRunes*4
	if isLong {
		text = text[:maxRunes*4]
	}
	runes := []rune(strings.ToValidUTF8(text, "?"))
	if len(runes) > maxRunes {
		return string(runes[:maxRunes]) + "…"
	}
	if isLong {
		return string(runes) + "…"
	}
	return string(runes)
}

// The library compares numbers exactly. For longer numbers than these, the cost grows with their
// value and not with the length of their text.
const (
	maxDigits   = 1000
	maxExponent = 400
)

var exponentPattern = lazyregexp.New(`[eE][+-]?0*([0-9]+)$`)

// checkNumbers refuses numbers that are expensive to compare.
func checkNumbers(value any) error {
	switch v := value.(type) {
	case json.Number:
		text := string(v)
		m := exponentPattern().FindStringSubmatch(text)
		if len(text) > maxDigits || m != nil && (len(m[1]) > 3 || m[1] > fmt.Sprint(maxExponent) && len(m[1]) == 3) {
			return errors.New("a number is too large or too long")
		}
	case []any:
		for _, e := range v {
			if err := checkNumbers(e); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, e := range v {
			if err := checkNumbers(e); err != nil {
				return err
			}
		}
	}
	return nil
}
