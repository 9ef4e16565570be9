// Package sdk tests the built binary from outside, as the official Go SDK uses it.
package sdk

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

const (
	model     = "gpt-5.1-high"
	startTime = 15 * time.Second
	stopTime  = 30 * time.Second // longer than the server's own drain timeout
	callTime  = 60 * time.Second
)

var address = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`)

func TestSDK(t *testing.T) {
	client := openai.NewClient(
		option.WithBaseURL(serve(t)+"/v1/"),
		option.WithAPIKey("none-is-needed"),
		option.WithMaxRetries(0),
	)
	for _, tt := range []struct {
		name string
		test func(*testing.T, context.Context, openai.Client)
	}{
		{"models", testModels},
		{"whole chat", testWholeChat},
		{"streamed chat", testStreamedChat},
		{"unknown model", testUnknownModel},
		{"missing messages", testMissingMessages},
		{"session continued", testSessionContinued},
		{"stream aborted", testStreamAborted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), callTime)
			defer cancel()
			tt.test(t, ctx, client)
		})
	}
}

func testModels(t *testing.T, ctx context.Context, client openai.Client) {
	page, err := client.Models.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range page.Data {
		ids = append(ids, m.ID)
	}
	for _, id := range []string{"claude-sonnet-4-5-20250929", "gemini-3-pro-preview", "gemini-3-pro-preview-image", "gpt-5.1-high"} {
		if !slices.Contains(ids, id) {
			t.Errorf("%s is not among %q", id, ids)
		}
	}
}

func testWholeChat(t *testing.T, ctx context.Context, client openai.Client) {
	completion, err := client.Chat.Completions.New(ctx, question("Hello!"))
	if err != nil {
		t.Fatal(err)
	}
	if completion.Model != model {
		t.Errorf("model %q, want %q", completion.Model, model)
	}
	content(t, completion)
	wantUsage(t, completion.Usage)
}

func testStreamedChat(t *testing.T, ctx context.Context, client openai.Client) {
	params := question("Hello!")
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := client.Chat.Completions.NewStreaming(ctx, params)
	defer stream.Close()
	var text strings.Builder
	var finish []string
	var usage []openai.CompletionUsage
	pieces := 0
	for stream.Next() {
		chunk := stream.Current()
		if chunk.JSON.Usage.Valid() {
			usage = append(usage, chunk.Usage)
			if len(chunk.Choices) != 0 {
				t.Errorf("the usage chunk has %d choices, want none", len(chunk.Choices))
			}
		}
		for _, choice := range chunk.Choices {
			if choice.Delta.Content != "" {
				pieces++
				text.WriteString(choice.Delta.Content)
			}
			if choice.FinishReason != "" {
				finish = append(finish, choice.FinishReason)
			}
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if text.Len() == 0 || pieces < 2 {
		t.Errorf("%q in %d pieces, want text in several", text.String(), pieces)
	}
	if !slices.Equal(finish, []string{"stop"}) {
		t.Errorf("finish reasons %q, want one stop", finish)
	}
	if len(usage) != 1 {
		t.Fatalf("%d usage chunks, want 1", len(usage))
	}
	wantUsage(t, usage[0])
}

func testUnknownModel(t *testing.T, ctx context.Context, client openai.Client) {
	params := question("Hello!")
	params.Model = "no-such-model"
	_, err := client.Chat.Completions.New(ctx, params)
	refused := wantRefusal(t, err, "model_not_found", "model")
	if !strings.Contains(refused.Message, model) {
		t.Errorf("message %q does not list the models", refused.Message)
	}
}

func testMissingMessages(t *testing.T, ctx context.Context, client openai.Client) {
	_, err := client.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{Model: model}, option.WithJSONDel("messages"))
	wantRefusal(t, err, "missing_required_parameter", "messages")
}

// The second request holds the question alone: only the session can know the name.
func testSessionContinued(t *testing.T, ctx context.Context, client openai.Client) {
	var response *http.Response
	_, err := client.Chat.Completions.New(ctx, question("My name is Ada."), option.WithResponseInto(&response))
	if err != nil {
		t.Fatal(err)
	}
	session := response.Header.Get("x-session-id")
	if session == "" {
		t.Fatal("the answer has no x-session-id")
	}
	completion, err := client.Chat.Completions.New(ctx, question("What is my name?"),
		option.WithHeader("x-session-id", session), option.WithResponseInto(&response))
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, completion); !strings.Contains(got, "Ada") {
		t.Errorf("the session answers %q, want the name Ada", got)
	}
	if got := response.Header.Get("x-session-id"); got != session {
		t.Errorf("session %s, want %s", got, session)
	}
}

func testStreamAborted(t *testing.T, ctx context.Context, client openai.Client) {
	aborted, abort := context.WithCancel(ctx)
	defer abort()
	stream := client.Chat.Completions.NewStreaming(aborted, question("Hello!"))
	defer stream.Close()
	for stream.Next() {
		if choices := stream.Current().Choices; len(choices) > 0 && choices[0].Delta.Content != "" {
			abort()
			break
		}
	}
	if aborted.Err() == nil {
		t.Fatalf("the stream ended without text: %v", stream.Err())
	}
	finished := false
	for stream.Next() { // what had already arrived
		for _, choice := range stream.Current().Choices {
			finished = finished || choice.FinishReason != ""
		}
	}
	if finished || !errors.Is(stream.Err(), context.Canceled) {
		t.Errorf("finished %t with error %v, want a stream cancelled half-way", finished, stream.Err())
	}

	completion, err := client.Chat.Completions.New(ctx, question("Hello again!"))
	if err != nil {
		t.Fatal(err)
	}
	content(t, completion)
}

func question(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)},
	}
}

// content returns a whole answer's text.
func content(t *testing.T, completion *openai.ChatCompletion) string {
	t.Helper()
	if len(completion.Choices) != 1 {
		t.Fatalf("%d choices, want 1", len(completion.Choices))
	}
	choice := completion.Choices[0]
	if choice.Message.Content == "" || choice.FinishReason != "stop" {
		t.Errorf("content %q, finish reason %q; want text and stop", choice.Message.Content, choice.FinishReason)
	}
	return choice.Message.Content
}

func wantUsage(t *testing.T, u openai.CompletionUsage) {
	t.Helper()
	if u.PromptTokens <= 0 || u.CompletionTokens <= 0 || u.TotalTokens != u.PromptTokens+u.CompletionTokens {
		t.Errorf("usage %d + %d = %d tokens", u.PromptTokens, u.CompletionTokens, u.TotalTokens)
	}
}

func wantRefusal(t *testing.T, err error, code, param string) *openai.Error {
	t.Helper()
	var refused *openai.Error
	if !errors.As(err, &refused) {
		t.Fatalf("error %v, want an *openai.Error", err)
	}
	if refused.StatusCode != http.StatusBadRequest || refused.Type != "invalid_request_error" || refused.Code != code || refused.Param != param {
		t.Errorf("refused with %d, type %q, code %q, param %q; want 400, invalid_request_error, %q, %q",
			refused.StatusCode, refused.Type, refused.Code, refused.Param, code, param)
	}
	return refused
}

// serve starts the demo for the length of the test and returns its URL.
func serve(t *testing.T) string {
	t.Helper()
	binary := os.Getenv("ACHUAN_BIN")
	if binary == "" {
		t.Fatal("ACHUAN_BIN must name the binary to test: run make test-sdk")
	}
	home := t.TempDir()
	command := exec.Command(binary, "serve", "--demo", "--listen", "127.0.0.1:0")
	command.Dir = home
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}

	found := make(chan string, 1)
	var lines []string // read only after read is closed
	read := make(chan struct{})
	go func() {
		defer close(read)
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			lines = append(lines, scanner.Text())
			if url := address.FindString(scanner.Text()); url != "" {
				select {
				case found <- url:
				default:
				}
			}
		}
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM) // the exit code tells whether it was there to be signalled
		kill := time.AfterFunc(stopTime, func() { _ = command.Process.Kill() })
		defer kill.Stop()
		<-read
		if err := command.Wait(); err != nil {
			t.Errorf("the server ended with %v, want exit 0", err)
		}
		if t.Failed() {
			t.Logf("the server's output:\n%s", strings.Join(lines, "\n"))
		}
	})
	select {
	case url := <-found:
		return url
	case <-read:
		t.Fatal("the server ended before it served")
	case <-time.After(startTime):
		t.Fatal("the server did not print its address in time")
	}
	return ""
}
