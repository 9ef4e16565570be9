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

// ParseKeys reads entries of the form `key` or `name:key`, cut at the first
// colon. Blanks around a name and a key do not count and empty entries are
// passed over. A key without a name gets one made from its digest, so that
// reordering entries renames nobody. An error tells all bad entries by position
// (from 1, empty entries not counted) and name, never by key.
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
	p.nameTheRest()
	return &Keys{p.keys}, nil
}

type parser struct {
	keys     []key
	position int                          // of the entry at hand
	byDigest map[[sha256.Size]byte]string // which entry has a key
	byName   map[string]string            // which entry has a name
}

// add takes in one entry that is not empty.
func (p *parser) add(entry string) error {
	where := fmt.Sprintf("entry %d", p.position)
	name, secret, named := strings.Cut(entry, ":")
	if !named {
		name, secret = "", entry
	}
	name, secret = strings.TrimSpace(name), strings.TrimSpace(secret)
	switch {
	case named && name == "":
		return fmt.Errorf("%s has no name before the colon; write `name:key`, or the key alone", where)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("%s has a control character in its name", where)
	}
	if named {
		where = fmt.Sprintf("%s (%s)", where, name)
	}
	switch {
	case secret == "":
		return fmt.Errorf("%s has no key after the colon", where)
	case strings.ContainsFunc(secret, unsendable):
		return fmt.Errorf("%s has white space or a control character in its key", where)
	}

	digest := sha256.Sum256([]byte(secret))
	if other, taken := p.byDigest[digest]; taken {
		return fmt.Errorf("%s has the same key as %s; one key is one caller", where, other)
	}
	if other, taken := p.byName[name]; named && taken {
		return fmt.Errorf("%s has the same name as %s", where, other)
	}
	p.byDigest[digest] = where
	if named {
		p.byName[name] = where
	}
	p.keys = append(p.keys, key{digest, chat.Caller{ID: hex.EncodeToString(digest[:]), Name: name}})
	return nil
}

// unsendable tells the characters that a header cannot carry inside a key.
func unsendable(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// nameTheRest names the keys without a name after their digest, with as many
// digits as make the name nobody else's.
func (p *parser) nameTheRest() {
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
