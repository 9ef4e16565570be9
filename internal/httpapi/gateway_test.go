package httpapi

import (
	"context"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/gateway"
)

type noModels struct{}

func (noModels) Models(context.Context) ([]chat.Model, error) { return nil, nil }

// With an error, FromGateway returns an answer that equals nil.
func TestFromGateway(t *testing.T) {
	c := FromGateway(gateway.New(gateway.Options{Models: noModels{}, Logger: new(testLog).logger()}))
	answer, err := c.Chat(t.Context(), &chat.Request{Model: "nobody's", N: 1, Messages: []chat.Message{{Role: chat.RoleUser, Text: "Hi"}}})
	if answer != nil || chat.AsError(err).Code != chat.CodeModelNotFound {
		t.Errorf("Chat() = %v, %v, want no answer and model_not_found", answer, err)
	}
	if models := c.Models(t.Context()); len(models) == 0 {
		t.Error("Models() = none, want some")
	}
	if _, err := c.Model(t.Context(), "nobody's"); chat.AsError(err).Kind != chat.KindNotFound {
		t.Errorf("Model() = %v, want not found", err)
	}
}
