package config

import (
	"errors"
	"fmt"
)

// Error is one problem with the settings. It means wrong use of the program, which has an exit code of its own.
type Error struct {
	Source  string // where the value is from: environment, .env, --listen, or file:line; "" when it is not set
	Setting string // name of the setting; "" when the problem concerns a whole source
	Problem string
}

// Error returns source, setting and problem. Editors can jump to a source with a file and a line.
func (e *Error) Error() string {
	text := e.Problem
	if e.Setting != "" {
		text = e.Setting + ": " + text
	}
	if e.Source != "" {
		text = e.Source + ": " + text
	}
	return text
}

type problems []error

func (p *problems) add(source, setting, format string, args ...any) {
	*p = append(*p, &Error{source, setting, fmt.Sprintf(format, args...)})
}

func (p problems) join() error { return errors.Join(p...) }
