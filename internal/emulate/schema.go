package emulate

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Bounds on the schemas of clients. The depth is of the JSON text.
const (
	maxSchemaSize  = 256 << 10
	maxSchemaDepth = 64
)

// schema is a JSON Schema that values can be held to. It may be used by several
// goroutines.
type schema struct {
	compiled  *jsonschema.Schema
	branching int // see cost
}

// compiled keeps schemas from one turn to the next: an agent sends the same ones
// with each request.
var compiled = schemaCache{entries: map[[sha256.Size]byte]*schema{}}

// maxCached bounds the text of the schemas that are kept.
const maxCached = 8 << 20

type schemaCache struct {
	mu      sync.Mutex
	entries map[[sha256.Size]byte]*schema
	size    int
}

// get returns the compiled form of a schema's text. Its error is for the client.
func (c *schemaCache) get(text []byte) (*schema, error) {
	if len(text) > maxSchemaSize {
		return nil, fmt.Errorf("a schema may have %d KiB at most", maxSchemaSize>>10)
	}
	key := sha256.Sum256(text)
	c.mu.Lock()
	found := c.entries[key]
	c.mu.Unlock()
	if found != nil {
		return found, nil
	}
	made, err := compile(text)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size += len(text); c.size > maxCached {
		clear(c.entries)
		c.size = len(text)
	}
	c.entries[key] = made
	return made, nil
}

// nowhere is the loader of schemas that are not in the text itself.
type nowhere struct{}

func (nowhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is not loaded: a schema must be whole in itself", url)
}

// location is what the text of a client's schema is known as.
const location = "schema:client"

func compile(text []byte) (*schema, error) {
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
	total, branching := doc.cost()
	if total > maxSchemaWork {
		return nil, errors.New("its references and combinations multiply too often")
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(nowhere{})
	c.UseRegexpEngine(pattern)
	if err := c.AddResource(location, root); err != nil {
		return nil, plain(err)
	}
	made, err := c.Compile(location)
	if err != nil {
		return nil, plain(err)
	}
	return &schema{made, branching}, nil
}

// plain words an error of the compiler without the name that the schema has here.
func plain(err error) error {
	if invalid, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		if v, ok := errors.AsType[*jsonschema.ValidationError](invalid.Err); ok {
			return errors.New(strings.Join(leaves(v), "; "))
		}
	}
	return errors.New(strings.ReplaceAll(clip(err.Error()), location, ""))
}

// pattern compiles a regular expression. One that Go's engine has not (look-ahead,
// back-references) is taken to match everything, because refusing the schema would
// stop agents whose other constraints can be checked.
func pattern(text string) (jsonschema.Regexp, error) {
	if re, err := regexp.Compile(text); err == nil {
		return re, nil
	}
	return anything(text), nil
}

type anything string

func (anything) MatchString(string) bool { return true }
func (a anything) String() string        { return string(a) }

// maxViolations bounds what a model or a client is told of one value, and maxWorded
// how many violations are put into words to choose from.
const (
	maxViolations = 8
	maxWorded     = 1000
)

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
	if tooDeep(value, s.branching) {
		return []string{"it nests too deep for its schema"}
	}
	err = s.compiled.Validate(value)
	if err == nil {
		return nil
	}
	if v, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		return leaves(v)
	}
	return []string{clip(err.Error())}
}

// leaves are the errors at the ends of the validator's tree, in order.
func leaves(v *jsonschema.ValidationError) []string {
	var all []string
	var visit func(v *jsonschema.ValidationError)
	visit = func(v *jsonschema.ValidationError) {
		if len(all) == maxWorded {
			return
		}
		for _, cause := range v.Causes {
			visit(cause)
		}
		if len(v.Causes) > 0 { // its output would hold all that is below it
			return
		}
		if unit := v.DetailedOutput(); unit.Error != nil {
			text := unit.Error.String()
			if unit.InstanceLocation != "" {
				text = "at " + unit.InstanceLocation + ": " + text
			}
			all = append(all, clip(text))
		}
	}
	visit(v)
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(len(all), maxViolations)]
}

// clip bounds one message: it may repeat what a client or a model wrote.
func clip(text string) string {
	const most = 300
	runes := []rune(strings.ToValidUTF8(text, "?"))
	if len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return string(runes)
}

// Numbers longer than these are compared exactly by the validator, at a cost that
// grows with what they stand for and not with what is sent.
const (
	maxDigits   = 1000
	maxExponent = 400
)

var exponent = regexp.MustCompile(`[eE][+-]?0*([0-9]+)$`)

// checkNumbers refuses numbers that would be costly to compare.
func checkNumbers(value any) error {
	switch v := value.(type) {
	case json.Number:
		text := string(v)
		m := exponent.FindStringSubmatch(text)
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
