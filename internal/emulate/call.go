package emulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// call is a call that the model made.
type call struct {
	name      string
	arguments string // a JSON object
	// violations are the mistakes in the call, in words for the model. A call with violations
	// cannot be made.
	violations []string
	isSent     bool // the client has it already
}

// invalidCall returns a call with one violation.
func invalidCall(name, format string, args ...any) call {
	return call{name: name, violations: []string{fmt.Sprintf(format, args...)}}
}

// unreadableCall returns a call whose text cannot be parsed.
func unreadableCall(err error) call { return invalidCall("", "the call cannot be read: %v", err) }

var (
	errTruncated   = errors.New("it stops before its end")
	errNoObject    = errors.New("it must be a JSON object with the keys name and arguments")
	errNoArguments = errors.New("the arguments must be a JSON object")
)

// readCalls parses the content of a call's tags and checks it against the tools. The result is
// never empty, because a tag is never text.
func (p *Plan) readCalls(raw rawCall) []call {
	body, fenced := cutClosingFence(raw.body)
	raw.body, raw.isEnded = body, raw.isEnded || fenced
	name := tagName(raw.tag)
	if !strings.HasPrefix(body, "{") && !strings.HasPrefix(body, "[") {
		return []call{p.readMarkup(name, raw)}
	}
	text, truncated, err := repair(body, raw.isEnded)
	if err == nil && truncated {
		err = errTruncated
	}
	switch {
	case err != nil:
		return []call{unreadableCall(err)}
	case name != "":
		return []call{p.readNamed(name, text)}
	case text[0] == '[':
		return p.readList(text)
	default:
		return []call{p.readObject([]byte(text))}
	}
}

// readList reads calls that the model wrote as one JSON array.
func (p *Plan) readList(text string) []call {
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) == 0 {
		return []call{unreadableCall(errNoObject)}
	}
	calls := make([]call, len(list))
	for i, object := range list {
		calls[i] = p.readObject(object)
	}
	return calls
}

// readObject reads a call in the form that the model was told.
func (p *Plan) readObject(object []byte) call {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(object, &fields); err != nil || fields == nil {
		return unreadableCall(errNoObject)
	}
	var name string
	if json.Unmarshal(fields["name"], &name) != nil || name == "" {
		return invalidCall("", `the key "name" must be the name of a function`)
	}
	arguments, err := readArguments(fields)
	return p.checkCall(name, arguments, err)
}

// readNamed reads the JSON of a call whose tag has the name. The JSON is the arguments or, if only
// that is valid, an object with the arguments.
func (p *Plan) readNamed(name, text string) call {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &fields) != nil {
		return p.checkCall(name, "", errNoArguments)
	}
	c := p.checkCall(name, text, nil)
	if len(c.violations) == 0 || fields["arguments"] == nil {
		return c
	}
	var inner string
	if given := fields["name"]; given != nil && (json.Unmarshal(given, &inner) != nil || inner != name) {
		return c
	}
	arguments, err := readArguments(fields)
	if other := p.checkCall(name, arguments, err); len(other.violations) == 0 {
		return other
	}
	return c
}

// checkCall checks a call against the tools. err is a mistake in its arguments.
func (p *Plan) checkCall(name, arguments string, err error) call {
	switch {
	case !p.allowsTool(name):
		return invalidCall(name, "%s", p.notAllowedText(name))
	case err != nil:
		return invalidCall(name, "%s: %v", name, err)
	}
	c := call{name: name, arguments: arguments}
	for _, v := range p.schemas[name].violations(arguments) {
		c.violations = append(c.violations, fmt.Sprintf("%s: the arguments are not valid: %s", name, v))
	}
	return c
}

// cutClosingFence removes the closing fence of a body, and reports whether there was one. The
// opening fence comes before the body.
func cutClosingFence(body string) (inner string, fenced bool) {
	body = strings.TrimSpace(body)
	for _, fence := range []string{"`", "~"} {
		if inner := strings.TrimRight(body, fence); len(body)-len(inner) >= 3 {
			return inner, true
		}
	}
	return body, false
}

// notAllowedText says that a name cannot be called, and lists the names that can.
func (p *Plan) notAllowedText(name string) string {
	names := p.allowedTools()
	if len(names) == 0 {
		return "no function may be called now: answer with text"
	}
	const maxNames = 100 // that are listed
	suffix := ""
	if len(names) > maxNames {
		names, suffix = names[:maxNames], ", …"
	}
	list := strings.Join(names, ", ")
	if _, isDeclared := p.schemas[name]; isDeclared {
		return fmt.Sprintf("the function %s may not be called now; these may: %s%s", name, list, suffix)
	}
	return fmt.Sprintf("there is no function %s; there are: %s%s", clipText(quoteJSON(name)), list, suffix)
}

// readArguments returns a call's arguments as the text of a JSON object. The model may write that
// object as a JSON string, and may leave out empty arguments.
func readArguments(fields map[string]json.RawMessage) (string, error) {
	raw, given := fields["arguments"]
	if !given || string(raw) == "null" {
		for key := range fields {
			if !slices.Contains([]string{"name", "arguments", "id", "type"}, key) {
				return "", errors.New(`the key "arguments" is missing`)
			}
		}
		return "{}", nil
	}
	text := string(raw)
	if strings.HasPrefix(text, `"`) {
		var inner string
		if err := json.Unmarshal(raw, &inner); err != nil {
			return "", err
		}
		if strings.TrimSpace(inner) == "" {
			return "{}", nil
		}
		fixed, truncated, err := repair(inner, true) // the closing quote of the string marks the end
		if err == nil && truncated {
			err = errTruncated
		}
		if err != nil {
			return "", fmt.Errorf("the arguments are a string that is not a JSON object: %w", err)
		}
		text = strings.TrimSpace(fixed)
	}
	if !strings.HasPrefix(text, "{") {
		return "", errNoArguments
	}
	return text, nil
}
