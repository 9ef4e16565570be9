package emulate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Bounds on one schema of a client. The depth is of the JSON text.
const (
	maxSchemaSize  = 256 << 10
	maxSchemaDepth = 64
	// maxSchemaObjects bounds the objects in a schema. Its compiler looks each up among
	// all before it; this many take a quarter of a second.
	maxSchemaObjects = 6000
)

// schema is a JSON Schema that values can be held to. It is known to compile; its
// compiled form is in the cache or made again, so that the schemas of a request that
// nobody comes back to take no memory. It may be used by several goroutines.
type schema struct {
	text  []byte
	key   [sha256.Size]byte
	cache *SchemaCache // of the compiled form
	schemaCost
}

// schemaCost is what a schema takes.
type schemaCost struct {
	weight int // bytes of the compiled form, by estimate
	work   int // of its compiler, in comparisons; 40 million are a quarter of a second
}

// refusingLoader is the loader of schemas that are not in the text itself.
type refusingLoader struct{}

func (refusingLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is not loaded: a schema must be whole in itself", url)
}

// schemaLocation is what the text of a client's schema is known as.
const schemaLocation = "schema:client"

// compileSchema reads the text of a schema. Its error is for the client.
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

// plainError words an error of the compiler without the name that the schema has here.
func plainError(err error) error {
	if invalid, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		if v, ok := errors.AsType[*jsonschema.ValidationError](invalid.Err); ok {
			return errors.New(strings.Join(leafErrors(v), "; "))
		}
	}
	return errors.New(strings.ReplaceAll(clipText(err.Error()), schemaLocation, ""))
}

// maxViolations bounds what a model or a client is told of one value, and maxFound how
// many violations are found to choose from.
const (
	maxViolations = 8
	maxFound      = 64
)

const tooMuchWork = "it is too large or nests too deep to be checked against its schema"

// violations returns what is wrong with a JSON text under the schema, in the
// validator's words and in an order of their own; none for a valid one.
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
	if err != nil { // cannot be: it compiled before
		return []string{err.Error()}
	}
	return form.violations(value)
}

// violations looks for the verdict first, which most values pass at little cost.
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

// describe puts a finding into the library's words.
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

// firstViolations are the first violations, in order.
func firstViolations(words []string) []string {
	slices.Sort(words)
	words = slices.Compact(words)
	return words[:min(len(words), maxViolations)]
}

// leafErrors are the errors at the ends of the validator's tree, in order. The validator
// looks at the keys of an object in any order, and only the first errors are listed.
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

// clipText bounds one message: it may repeat what a client or a model wrote.
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

// Numbers longer than these are compared exactly by the validator, at a cost that
// grows with what they stand for and not with what is sent.
const (
	maxDigits   = 1000
	maxExponent = 400
)

var exponentPattern = regexp.MustCompile(`[eE][+-]?0*([0-9]+)$`)

// checkNumbers refuses numbers that would be costly to compare.
func checkNumbers(value any) error {
	switch v := value.(type) {
	case json.Number:
		text := string(v)
		m := exponentPattern.FindStringSubmatch(text)
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
