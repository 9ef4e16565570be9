package platform

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"achuan/internal/chat"
)

const (
	maxLinks     = 100     // of one answer
	maxLinkSize  = 8 << 10 // bytes of a link or of its title
	maxLinkDepth = 8       // of lists and objects around a link
)

// Links returns the pages that the platform found for the answers of a session. Nobody has described
// this reply, so every http or https link counts, wherever it is: the title is the member `title` or `name` of
// the same object, or the key of the link. The order is that of the lists, and of the sorted keys of objects.
func (c *Client) Links(ctx context.Context, session int64) ([]chat.Citation, error) {
	var data any
	to := endpoint{http.MethodGet, "/chat/link-dict/{id}", fmt.Sprintf("/chat/link-dict/%d", session)}
	if err := c.call(ctx, to, nil, &data); err != nil {
		return nil, err
	}
	var l linkList
	l.collect(data, "", 0)
	return l.citations, nil
}

// linkList collects links, each once.
type linkList struct{ citations []chat.Citation }

func (l *linkList) add(url, title string) {
	if len(l.citations) == maxLinks || len(url) > maxLinkSize || !isLink(url) ||
		slices.ContainsFunc(l.citations, func(c chat.Citation) bool { return c.URL == url }) {
		return
	}
	l.citations = append(l.citations, chat.Citation{URL: url, Title: chat.Truncate(title, maxLinkSize)})
}

func isLink(s string) bool {
	return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
}

// collect adds the links in a value. key is that of the value in its object.
func (l *linkList) collect(value any, key string, depth int) {
	if depth > maxLinkDepth {
		return
	}
	switch v := value.(type) {
	case string:
		if isLink(key) { // a title by its link
			l.add(key, v)
			return
		}
		l.add(v, key)
	case []any:
		for _, e := range v {
			l.collect(e, "", depth+1)
		}
	case map[string]any:
		url := textMember(v, "url", "link", "href")
		if isLink(url) {
			l.add(url, textMember(v, "title", "name"))
			return
		}
		for _, k := range sortedKeys(v) {
			l.collect(v[k], k, depth+1)
		}
	}
}

// textMember returns the first member of an object, of those names, that is a text.
func textMember(object map[string]any, names ...string) string {
	for _, name := range names {
		if s, ok := object[name].(string); ok && s != "" {
			return s
		}
	}
	return ""
}

// sortedKeys returns the keys of an object: numbers by their size, then the other keys.
func sortedKeys(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for k := range object {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		isNumber := func(s string) int {
			if s != "" && strings.Trim(s, "0123456789") == "" {
				return 0
			}
			return 1
		}
		if c := cmp.Compare(isNumber(a), isNumber(b)); c != 0 {
			return c
		}
		if isNumber(a) == 0 {
			if c := cmp.Compare(len(a), len(b)); c != 0 {
				return c
			}
		}
		return cmp.Compare(a, b)
	})
	return keys
}
