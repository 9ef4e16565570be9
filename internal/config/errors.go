package config

import (
	"errors"
	"fmt"
)

// Error is one problem with the settings. A program that ends because of one
// was used wrongly; it did not fail.
type Error struct {
	Source  string // where it was given: environment, .env, --listen, or file:line; "" for nowhere
	Setting string // the setting's name; "" for a problem with a whole source
	Problem string
}

// Error tells where, what and why, in the form that editors can jump to.
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
