package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"achuan/internal/chat"
)

// What to use instead of an OpenAI route that this server does not have.
const (
	useChat   = "Use POST /v1/chat/completions."
	useImages = "Use POST /v1/images/generations or POST /v1/images/edits."
	useText   = "Put the text into the messages of POST /v1/chat/completions."
	useOther  = "The platform has nothing of this kind; point this part of the client at another service."
)

// absentRoutes are the first segments after /v1 of routes that clients know from OpenAI or
// Anthropic and that this server does not have, with what to use instead.
var absentRoutes = map[string]string{
	"completions": useChat,
	"assistants":  useChat, "threads": useChat, "realtime": useChat, "batches": useChat, "chatkit": useChat,
	"images":  useImages,
	"uploads": useText, "vector_stores": useText, "containers": useText,
	"embeddings": useOther, "audio": useOther, "moderations": useOther, "fine_tuning": useOther, "fine-tunes": useOther,
	"evals": useOther, "videos": useOther, "rerank": useOther, "organization": useOther, "engines": "Use GET /v1/models.",
}

// notFound answers requests to unknown paths.
func notFound(_ http.ResponseWriter, r *http.Request) error {
	message := fmt.Sprintf("There is no %s %s here.", chat.Truncate(r.Method, maxShownPath), chat.Truncate(r.URL.Path, maxShownPath))
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	if instead := absentRoutes[name]; instead != "" {
		message = fmt.Sprintf("This server does not have the route %s %s. %s",
			chat.Truncate(r.Method, maxShownPath), chat.Truncate(r.URL.Path, maxShownPath), instead)
	} else {
		message += " Clients use the base URL that ends in /v1."
	}
	return &chat.Error{Kind: chat.KindNotFound, Code: chat.CodeNotFound, Message: message}
}

// apiNames returns the first segments after /v1 that a client may mean when its path lacks
// /v1: those of the routes and of the absent routes.
func (t *routeTable) apiNames() []string {
	names := slices.Collect(maps.Keys(absentRoutes))
	for path := range t.methodsByPath {
		if rest, inAPI := strings.CutPrefix(path, "/v1/"); inAPI {
			name, _, _ := strings.Cut(rest, "/")
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
