package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"achuan/internal/chat"
)

// sessionObject is the part of a session that is read. The rest is only sent back.
type sessionObject struct {
	ID               integer `json:"id"`
	Model            text    `json:"model"`
	Prompt           text    `json:"prompt"`
	Temperature      decimal `json:"temperature"`
	PresencePenalty  decimal `json:"presencePenalty"`
	FrequencyPenalty decimal `json:"frequencyPenalty"`
	MaxToken         integer `json:"maxToken"`
	ContextCount     integer `json:"contextCount"`
}

// parseSession reads a session object. The session keeps the object.
func parseSession(object []byte) (chat.Session, error) {
	var o sessionObject
	if err := json.Unmarshal(object, &o); err != nil || o.ID <= 0 {
		return chat.Session{}, failed.withCause(errors.New("the reply has no session object"))
	}
	return chat.Session{
		ID: int64(o.ID),
		Settings: chat.Settings{
			Model:            string(o.Model),
			Prompt:           string(o.Prompt),
			Temperature:      float64(o.Temperature),
			PresencePenalty:  float64(o.PresencePenalty),
			FrequencyPenalty: float64(o.FrequencyPenalty),
			MaxTokens:        o.MaxToken.count(),
			ContextCount:     o.ContextCount.count(),
		},
		Object: object,
	}, nil
}

// CreateSession creates a session. The platform's preset decides its settings.
func (c *Client) CreateSession(ctx context.Context, model string) (chat.Session, error) {
	body, err := encode(struct {
		Model   string   `json:"model"`
		Plugins []string `json:"plugins"`
		MCP     []string `json:"mcp"`
	}{model, []string{}, []string{}})
	if err != nil {
		return chat.Session{}, err
	}
	var object json.RawMessage
	if err := c.call(ctx, endpoint{http.MethodPost, "/chat/session", "/chat/session"}, body, &object); err != nil {
		return chat.Session{}, err
	}
	return parseSession(object)
}

// UpdateSession sends the whole session object back with s.Settings in it. It returns the settings
// that then apply: s.Settings, with the context count that the platform chose. If the reply shows
// other settings, it sends the object once more, and then fails with a *chat.Error. If the object
// is not Fresh, it first reads the object again, because the owner may have renamed or pinned the
// session.
func (c *Client) UpdateSession(ctx context.Context, s chat.Session) (chat.Session, error) {
	if !s.Fresh {
		c.refreshObject(ctx, &s)
	}
	body, err := overlaySettings(s.Object, s.Settings, s.Title)
	if err != nil {
		return chat.Session{}, chat.AsError(err)
	}
	to := endpoint{http.MethodPut, "/chat/session/{id}", fmt.Sprintf("/chat/session/%d", s.ID)}
	var differ []string
	for range 2 {
		var object json.RawMessage
		if err := c.call(ctx, to, body, &object); err != nil {
			return chat.Session{}, err
		}
		got, err := parseSession(object)
		if err != nil || got.ID != s.ID {
			differ = []string{"the reply is not the session"}
			continue
		}
		if differ = unappliedSettings(got.Settings, s.Settings); len(differ) == 0 {
			s.ContextCount, s.Object = got.ContextCount, got.Object
			return s, nil
		}
	}
	err = fmt.Errorf("session %d: the platform did not apply the settings: %s", s.ID, strings.Join(differ, ", "))
	return chat.Session{}, failed.withCause(err)
}

// DeleteSession deletes a session. If the platform does not know it, the error is a *chat.Error
// with SessionLost.
func (c *Client) DeleteSession(ctx context.Context, id int64) error {
	return c.call(ctx, endpoint{http.MethodDelete, "/chat/session/{id}", fmt.Sprintf("/chat/session/%d", id)}, nil, nil)
}

// TryLogin makes a call that requires a login.
func (c *Client) TryLogin(ctx context.Context) error {
	return c.call(ctx, endpoint{http.MethodGet, "/chat/session", "/chat/session?page=1"}, nil, nil)
}
