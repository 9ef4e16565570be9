package emulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"achuan/internal/lazyregexp"
)

// The markup that models were trained to write instead of JSON:
//
//	<function=NAME><parameter=KEY>VALUE</parameter></function>
//	NAME<arg_key>KEY</arg_key><arg_value>VALUE</arg_value>
//
// The first form is inside a call's tags or alone. Values are raw text.
const (
	parameterTagStart = "<parameter="
	parameterCloseTag = "</parameter>"
	keyTag            = "<arg_key>"
	keyCloseTag       = "</arg_key>"
	valueTag          = "<arg_value>"
	valueCloseTag     = "</arg_value>"
)

const whiteSpace = " \n\r\t"

// nameAttribute matches the name in `<tool_call name="NAME">`.
var nameAttribute = lazyregexp.New(`\sname\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))`)

// tagName returns the name in a call's tag, or "".
func tagName(tag string) string {
	if name, ok := strings.CutPrefix(tag, functionTagStart); ok {
		return strings.TrimSuffix(name, ">")
	}
	if m := nameAttribute().FindStringSubmatch(tag); m != nil {
		return m[1] + m[2] + m[3]
	}
	return ""
}

// argument is an argument in markup.
type argument struct{ key, value string }

// readMarkup reads a call that is not JSON. name is the name in its tag, or "".
func (p *Plan) readMarkup(name string, raw rawCall) call {
	body, ended := raw.body, raw.isEnded
	if inner, ok := strings.CutPrefix(body, functionTagStart); ok && name == "" {
		if name, body, ok = strings.Cut(inner, ">"); !ok {
			return unreadableCall(errTruncated)
		}
		body, ok = strings.CutSuffix(strings.TrimSpace(body), functionCloseTag)
		ended = ended || ok
	}
	var arguments []argument
	var err error
	switch body = strings.TrimSpace(body); {
	case name != "" && strings.HasPrefix(body, "{"):
		return p.readCalls(rawCall{tag: functionTagStart + name + ">", body: body, isEnded: ended})[0]
	case name != "" && (body == "" || strings.HasPrefix(body, parameterTagStart)):
		arguments, err = readParameters(body)
	default:
		name, arguments, err = readKeyValues(name, body)
	}
	switch {
	case err != nil:
		return unreadableCall(err)
	case !ended:
		return unreadableCall(errTruncated)
	}
	return p.checkArguments(name, arguments)
}

// maxTextTries limits how many arguments of a call are tried as text.
const maxTextTries = 16

// checkArguments checks a call in markup against the tools. If the schema gives no type for an
// argument, as with anyOf, a value may be text. Each such value is read as text if only that makes
// the call valid.
func (p *Plan) checkArguments(name string, arguments []argument) call {
	types := p.propertyTypes(name)
	object, err := argumentObject(arguments, types)
	first := p.checkCall(name, object, err)
	if err != nil || len(first.violations) == 0 {
		return first
	}
	tries := 0
	for _, a := range arguments {
		if len(types[a.key]) > 0 || tries == maxTextTries {
			continue
		}
		tries++
		types[a.key] = []string{"string"}
		if object, err = argumentObject(arguments, types); err != nil {
			return first
		}
		c := p.checkCall(name, object, nil)
		switch {
		case len(c.violations) == 0:
			return c
		case len(c.violations) >= len(first.violations): // text is no better
			types[a.key] = nil
		default:
			first = c
		}
	}
	return first
}

// readParameters reads parameter tags. A closing tag in a value is content, unless the next
// parameter or the end of the call follows it.
func readParameters(text string) (arguments []argument, err error) {
	for text != "" {
		inner, ok := strings.CutPrefix(text, parameterTagStart)
		if !ok {
			return nil, fmt.Errorf("each argument needs a %sKEY> before it", parameterTagStart)
		}
		key, body, ok := strings.Cut(inner, ">")
		value, rest, closed := cutParameter(body)
		if !ok || !closed {
			return nil, errTruncated
		}
		value = strings.TrimSuffix(strings.TrimPrefix(value, "\n"), "\n")
		arguments = append(arguments, argument{key, value})
		text = rest
	}
	return arguments, nil
}

// cutParameter returns the value at the start of text, up to its closing tag, and the text after
// that tag.
func cutParameter(text string) (value, rest string, closed bool) {
	for end := 0; ; end++ {
		i := strings.Index(text[end:], parameterCloseTag)
		if i < 0 {
			return "", "", false
		}
		end += i
		rest = strings.TrimLeft(text[end+len(parameterCloseTag):], whiteSpace)
		if rest == "" || strings.HasPrefix(rest, parameterTagStart) {
			return text[:end], rest, true
		}
	}
}

// readKeyValues reads a name, unless it is known, and pairs of arg_key and arg_value.
func readKeyValues(known, text string) (name string, arguments []argument, err error) {
	name = known
	if known == "" {
		at := strings.Index(text, keyTag)
		if at < 0 {
			at = len(text)
		}
		name, text = strings.TrimSpace(text[:at]), text[at:]
	}
	if name == "" || strings.ContainsAny(name, whiteSpace+`<>"'{}()`) {
		return "", nil, errNoObject
	}
	for text != "" {
		key, rest, ok := cutElement(text, keyTag, keyCloseTag)
		if !ok {
			return "", nil, errNoObject
		}
		var value string
		if value, text, ok = cutElement(rest, valueTag, valueCloseTag); !ok {
			return "", nil, errTruncated
		}
		arguments = append(arguments, argument{strings.TrimSpace(key), value})
	}
	return name, arguments, nil
}

// cutElement returns the content of the element at the start of text, and the text after it.
func cutElement(text, open, closing string) (content, rest string, ok bool) {
	if text, ok = strings.CutPrefix(text, open); !ok {
		return "", "", false
	}
	content, rest, ok = strings.Cut(text, closing)
	return content, strings.TrimLeft(rest, whiteSpace), ok
}

// argumentObject returns arguments as a JSON object. A value is a string if the tool's schema
// allows one, and JSON otherwise. If the schema says nothing, it is JSON if possible.
func argumentObject(arguments []argument, types map[string][]string) (string, error) {
	var b strings.Builder
	seen := map[string]bool{}
	for _, a := range arguments {
		if seen[a.key] {
			return "", fmt.Errorf("the argument %s is given twice", clipText(quoteJSON(a.key)))
		}
		seen[a.key] = true
		value, err := argumentValue(a.value, types[a.key])
		if err != nil {
			return "", fmt.Errorf("the argument %s %w", clipText(quoteJSON(a.key)), err)
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quoteJSON(a.key) + ": " + value)
	}
	return "{" + b.String() + "}", nil
}

// argumentValue returns a value as JSON of one of the types. Without types it may have any.
func argumentValue(raw string, types []string) (string, error) {
	if slices.Contains(types, "string") {
		return quoteJSON(raw), nil
	}
	value, truncated, err := repair(strings.TrimSpace(raw), true)
	switch {
	case err == nil && !truncated:
		return value, nil
	case len(types) == 0:
		return quoteJSON(raw), nil
	default:
		return "", errors.New("must be JSON of the type " + strings.Join(types, " or "))
	}
}

// propertyTypes returns the types that a tool's schema gives for each argument.
func (p *Plan) propertyTypes(name string) map[string][]string {
	types := map[string][]string{}
	for _, t := range p.tools {
		if t.Name != name {
			continue
		}
		var schema struct {
			Properties map[string]struct{ Type json.RawMessage }
		}
		_ = json.Unmarshal(t.Parameters, &schema) // an unreadable schema gives no types
		for key, property := range schema.Properties {
			var one string
			var several []string
			if json.Unmarshal(property.Type, &one) == nil {
				several = []string{one}
			} else {
				_ = json.Unmarshal(property.Type, &several) // as above
			}
			types[key] = several
		}
	}
	return types
}
