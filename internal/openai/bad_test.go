package openai

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/golden"
)

// Each archive in testdata/bad has bad requests, NAME.json, each followed by the error
// that the client gets, NAME.want.
func TestBadRequests(t *testing.T) {
	golden.EachArchive(t, "testdata/bad", func(t *testing.T, archive *golden.Archive) {
		for i := 0; i+1 < len(archive.Files); i += 2 {
			body, want := archive.Files[i], archive.Files[i+1]
			name := strings.TrimSuffix(body.Name, ".json")
			if want.Name != name+".want" {
				t.Fatalf("file after %s = %s, want %s.want", body.Name, want.Name, name)
			}
			t.Run(name, func(t *testing.T) {
				r, err := DecodeChat([]byte(body.Data))
				if err == nil || r != nil {
					t.Fatalf("DecodeChat() = %+v, %v, want an error", r, err)
				}
				golden.Check(t, want, describeError(t, err))
			})
		}
	})
}

// describeError returns the parts of err that the client gets.
func describeError(t *testing.T, err error) string {
	t.Helper()
	e, ok := errors.AsType[*chat.Error](err)
	if !ok {
		t.Fatalf("error = %T, want *chat.Error: %v", err, err)
	}
	if e.Message != e.Sentence() {
		t.Errorf("message = %q, want it to end in one full stop", e.Message)
	}
	message := e.Message
	// The words and the byte that follow come from encoding/json and differ between its
	// two implementations.
	const syntax = "is not valid JSON:"
	if i := strings.Index(message, syntax); i >= 0 {
		message = message[:i+len(syntax)] + " …"
	}
	status, _ := Status(e.Kind)
	where := strings.TrimRight(fmt.Sprintf("%d %s %s", status, e.Code, e.Param), " ")
	return where + "\n" + message + "\n"
}
