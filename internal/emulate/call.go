package emulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// call is a call as the model made it.
type call struct {
	name      string
	arguments string // a JSON object
}

// readCall reads the body of a call and holds it to the tools. The violations are
// for the model to read; a call with any is of no use.
func (p *Plan) readCall(raw rawCall) (call, []string) {
	body, fenced := cutClosingFence(raw.body)
	text, torn, err := repair(body, raw.ended || fenced)
	if err == nil && torn {
		err = errors.New("it stops before its end")
	}
	if err != nil {
		return call{}, []string{"the call cannot be read: " + err.Error()}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return call{}, []string{"a call must be a JSON object with the keys name and arguments"}
	}
	var c call
	if json.Unmarshal(fields["name"], &c.name) != nil || c.name == "" {
		return call{}, []string{`the key "name" must be the name of a function`}
	}
	if !p.allows(c.name) {
		return c, []string{p.notAllowed(c.name)}
	}
	c.arguments, err = readArguments(fields)
	if err != nil {
		return c, []string{fmt.Sprintf("%s: %v", c.name, err)}
	}
	violations := p.schemas[c.name].violations(c.arguments)
	for i, v := range violations {
		violations[i] = fmt.Sprintf("%s: the arguments are not valid: %s", c.name, v)
	}
	return c, violations
}

// cutClosingFence takes off the closing fence of a body, and reports whether there
// was one. The opening fence stands before the body.
func cutClosingFence(body string) (inner string, fenced bool) {
	body = strings.TrimSpace(body)
	for _, fence := range []string{"`", "~"} {
		if inner := strings.TrimRight(body, fence); len(body)-len(inner) >= 3 {
			return inner, true
		}
	}
	return body, false
}

// notAllowed says that a name cannot be called, and which can.
func (p *Plan) notAllowed(name string) string {
	names := p.allowed()
	if len(names) == 0 {
		return "no function may be called now: answer with text"
	}
	const most = 100 // names that are listed
	more := ""
	if len(names) > most {
		names, more = names[:most], ", …"
	}
	if _, declared := p.schemas[name]; declared {
		return fmt.Sprintf("the function %s may not be called now; these may: %s%s", name, strings.Join(names, ", "), more)
	}
	return fmt.Sprintf("there is no function %s; there are: %s%s", clip(quoted(name)), strings.Join(names, ", "), more)
}

func quoted(s string) string { return plainString(s) }

// readArguments returns a call's arguments as the text of a JSON object. A model
// may give that as a JSON string, and may leave out arguments that are none.
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
		fixed, torn, err := repair(inner, true) // the model wrote the closing quote
		if err == nil && torn {
			err = errors.New("they stop before their end")
		}
		if err != nil {
			return "", fmt.Errorf("the arguments are a string that holds no JSON object: %w", err)
		}
		text = strings.TrimSpace(fixed)
	}
	if !strings.HasPrefix(text, "{") {
		return "", errors.New("the arguments must be a JSON object")
	}
	return text, nil
}
