package access

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"achuan/internal/chat"
)

// ParseKeys reads entries of the form `key` or `name:key`, split at the first colon. It trims blanks around a name and
// a key, and skips empty entries. A key without a name gets a name from its digest, so that a new order of the entries
// renames no caller. An error names all bad entries by position (from 1, without the empty entries) and by name, never
// by key.
func ParseKeys(entries []string) (*Keys, error) {
	p := parser{byDigest: map[[sha256.Size]byte]string{}, byName: map[string]string{}}
	var errs []error
	for _, entry := range entries {
		if entry = strings.TrimSpace(entry); entry != "" {
			p.position++
			errs = append(errs, p.add(entry))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	p.nameUnnamed()
	return &Keys{p.keys}, nil
}

type parser struct {
	keys     []key
	position int                          // of the current entry
	byDigest map[[sha256.Size]byte]string // the entry that has this key
	byName   map[string]string            // the entry that has this name
}

// add parses one entry, which is not empty.
func (p *parser) add(entry string) error {
	where := fmt.Sprintf("entry %d", p.position)
	name, secret, hasName := strings.Cut(entry, ":")
	if !hasName {
		name, secret = "", entry
	}
	name, secret = strings.TrimSpace(name), strings.TrimSpace(secret)
	switch {
	case hasName && name == "":
		return fmt.Errorf("%s has no name before the colon; write `name:key`, or the key alone", where)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("%s has a control character in its name", where)
	}
	if hasName {
		where = fmt.Sprintf("%s (%s)", where, name)
	}
	switch {
	case secret == "":
		return fmt.Errorf("%s has no key after the colon", where)
	case strings.ContainsFunc(secret, isUnsendable):
		return fmt.Errorf("%s has white space or a control character in its key", where)
	}

	digest := sha256.Sum256([]byte(secret))
	if other, taken := p.byDigest[digest]; taken {
		return fmt.Errorf("%s has the same key as %s; one key is one caller", where, other)
	}
	if other, taken := p.byName[name]; hasName && taken {
		return fmt.Errorf("%s has the same name as %s", where, other)
	}
	p.byDigest[digest] = where
	if hasName {
		p.byName[name] = where
	}
	p.keys = append(p.keys, key{digest, chat.Caller{ID: hex.EncodeToString(digest[:]), Name: name}})
	return nil
}

// isUnsendable reports whether a key with that character cannot be sent in a header.
func isUnsendable(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// nameUnnamed names the keys without a name after the beginning of their digest, which is long enough to be unique.
func (p *parser) nameUnnamed() {
	for i := range p.keys {
		caller := &p.keys[i].caller
		for digits := 6; caller.Name == ""; digits++ {
			name := "key-" + caller.ID[:digits]
			if _, taken := p.byName[name]; !taken {
				caller.Name = name
				p.byName[name] = name
			}
		}
	}
}
