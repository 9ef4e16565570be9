// Package sdk tests the built binary with the official Go SDK. It is a module of its own, so that the SDK is not a
// dependency of achuan.
package sdk

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"image"
	_ "image/png"
	"io"
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
	model        = "gpt-5.1-high"
	startTimeout = 15 * time.Second
	stopTimeout  = 30 * time.Second // longer than the drain timeout of the server
	callTimeout  = 60 * time.Second
)

var addressURL = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`)

func TestSDK(t *testing.T) {
	client := openai.NewClient(
		option.WithBaseURL(startDemo(t)+"/v1/"),
		option.WithAPIKey("none-is-needed"),
		option.WithMaxRetries(0),
	)
	for _, tt := range []struct {
		name string
		test func(*testing.T, context.Context, openai.Client)
	}{
		{"models", testModels},
		{"complete answer", testCompleteAnswer},
		{"streamed answer", testStreamedAnswer},
		{"picture and file", testPictureAndFile},
		{"files", testFiles},
		{"images", testImages},
		{"unknown model", testUnknownModel},
		{"missing messages", testMissingMessages},
		{"continued session", testContinuedSession},
		{"aborted stream", testAbortedStream},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
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
	for _, id := range []string{
		"claude-sonnet-4-5-20250929", "gemini-3-pro-preview", "gemini-3-pro-preview-image", "gpt-5.1-high",
	} {
		if !slices.Contains(ids, id) {
			t.Errorf("models = %q, want %s among them", ids, id)
		}
	}
}

func testCompleteAnswer(t *testing.T, ctx context.Context, client openai.Client) {
	completion, err := client.Chat.Completions.New(ctx, question("Hello!"))
	if err != nil {
		t.Fatal(err)
	}
	if completion.Model != model {
		t.Errorf("model = %q, want %q", completion.Model, model)
	}
	answerText(t, completion)
	checkUsage(t, completion.Usage)
}

// picture is a PNG of one pixel, in base64.
const picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNg+M9QDwADhQGA8C7cJwAAAABJRU5ErkJggg=="

func testPictureAndFile(t *testing.T, ctx context.Context, client openai.Client) {
	params := question("")
	params.Model = "claude-sonnet-4-5-20250929"
	params.Messages = []openai.ChatCompletionMessageParamUnion{openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
		openai.TextContentPart("What are these?"),
		openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64," + picture}),
		openai.FileContentPart(openai.ChatCompletionContentPartFileFileParam{
			Filename: openai.String("notes.txt"), FileData: openai.String(base64.StdEncoding.EncodeToString([]byte("notes"))),
		}),
	})}
	completion, err := client.Chat.Completions.New(ctx, params)
	if err != nil {
		t.Fatal(err)
	}
	text := completion.Choices[0].Message.Content
	for _, want := range []string{"image.png, a PNG picture, 1 x 1", "notes.txt, a document of 5 bytes"} {
		if !strings.Contains(text, want) {
			t.Errorf("answer = %q, want %q in it", text, want)
		}
	}
}

func testFiles(t *testing.T, ctx context.Context, client openai.Client) {
	uploaded, err := client.Files.New(ctx, openai.FileNewParams{
		File: openai.File(strings.NewReader("# Plan"), "plan.md", "text/markdown"), Purpose: openai.FilePurposeUserData,
	})
	if err != nil {
		t.Fatal(err)
	}
	listed := client.Files.ListAutoPaging(ctx, openai.FileListParams{})
	var ids []string
	for listed.Next() {
		ids = append(ids, listed.Current().ID)
	}
	if err := listed.Err(); err != nil || !slices.Contains(ids, uploaded.ID) {
		t.Errorf("files = %q, %v, want %s among them", ids, err, uploaded.ID)
	}
	content, err := client.Files.Content(ctx, uploaded.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Body.Close()
	if b, err := io.ReadAll(content.Body); err != nil || string(b) != "# Plan" {
		t.Errorf("content = %q, %v, want # Plan", b, err)
	}
	params := question("")
	params.Model = "claude-sonnet-4-5-20250929"
	params.Messages = []openai.ChatCompletionMessageParamUnion{openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
		openai.FileContentPart(openai.ChatCompletionContentPartFileFileParam{FileID: openai.String(uploaded.ID)}),
	})}
	completion, err := client.Chat.Completions.New(ctx, params)
	if err != nil {
		t.Fatal(err)
	}
	if text := completion.Choices[0].Message.Content; !strings.Contains(text, "plan.md, a document of 6 bytes") {
		t.Errorf("answer = %q, want plan.md described", text)
	}
	if deleted, err := client.Files.Delete(ctx, uploaded.ID); err != nil || !deleted.Deleted {
		t.Errorf("Files.Delete = %+v, %v", deleted, err)
	}
	var apiErr *openai.Error
	if _, err := client.Files.Get(ctx, uploaded.ID); !errors.As(err, &apiErr) || apiErr.StatusCode != http.StatusNotFound {
		t.Errorf("Files.Get after deletion = %v, want 404", err)
	}
}

func testImages(t *testing.T, ctx context.Context, client openai.Client) {
	drawn, err := client.Images.Generate(ctx, openai.ImageGenerateParams{
		Prompt: "a lighthouse", Model: "gemini-3-pro-preview-image", N: openai.Int(1), Size: openai.ImageGenerateParamsSize1024x1024,
	})
	if err != nil || len(drawn.Data) == 0 {
		t.Fatalf("Images.Generate = %+v, %v, want a picture", drawn, err)
	}
	kept, err := http.Get(drawn.Data[0].URL) // needs no key
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Body.Close()
	if _, format, err := image.Decode(kept.Body); err != nil || format != "png" {
		t.Fatalf("picture behind the link = %s, %v, want png", format, err)
	}
	drawn, err = client.Images.Generate(ctx, openai.ImageGenerateParams{
		Prompt: "a lighthouse", ResponseFormat: openai.ImageGenerateParamsResponseFormatB64JSON,
	})
	if err != nil {
		t.Fatal(err)
	}
	content, err := base64.StdEncoding.DecodeString(drawn.Data[0].B64JSON)
	if err != nil {
		t.Fatal(err)
	}
	if _, format, err := image.Decode(bytes.NewReader(content)); err != nil || format != "png" {
		t.Fatalf("picture = %s, %v, want png", format, err)
	}
	edited, err := client.Images.Edit(ctx, openai.ImageEditParams{
		Prompt: "make it red", ResponseFormat: openai.ImageEditParamsResponseFormatB64JSON,
		Image: openai.ImageEditParamsImageUnion{OfFile: openai.File(bytes.NewReader(content), "lighthouse.png", "image/png")},
	})
	if err != nil || len(edited.Data) == 0 || edited.Data[0].B64JSON == "" {
		t.Fatalf("Images.Edit = %+v, %v, want a picture", edited, err)
	}
}

func testStreamedAnswer(t *testing.T, ctx context.Context, client openai.Client) {
	params := question("Hello!")
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := client.Chat.Completions.NewStreaming(ctx, params)
	defer stream.Close()
	var text strings.Builder
	var finishReasons []string
	var usage []openai.CompletionUsage
	pieces := 0
	for stream.Next() {
		chunk := stream.Current()
		if chunk.JSON.Usage.Valid() {
			usage = append(usage, chunk.Usage)
			if len(chunk.Choices) != 0 {
				t.Errorf("choices of the usage chunk = %d, want 0", len(chunk.Choices))
			}
		}
		for _, choice := range chunk.Choices {
			if choice.Delta.Content != "" {
				pieces++
				text.WriteString(choice.Delta.Content)
			}
			if choice.FinishReason != "" {
				finishReasons = append(finishReasons, choice.FinishReason)
			}
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if text.Len() == 0 || pieces < 2 {
		t.Errorf("answer = %q in %d pieces, want text in several pieces", text.String(), pieces)
	}
	if !slices.Equal(finishReasons, []string{"stop"}) {
		t.Errorf("finish reasons = %q, want one stop", finishReasons)
	}
	if len(usage) != 1 {
		t.Fatalf("usage chunks = %d, want 1", len(usage))
	}
	checkUsage(t, usage[0])
}

func testUnknownModel(t *testing.T, ctx context.Context, client openai.Client) {
	params := question("Hello!")
	params.Model = "no-such-model"
	_, err := client.Chat.Completions.New(ctx, params)
	apiErr := checkBadRequest(t, err, "model_not_found", "model")
	if !strings.Contains(apiErr.Message, model) {
		t.Errorf("message = %q, want a list of the models", apiErr.Message)
	}
}

func testMissingMessages(t *testing.T, ctx context.Context, client openai.Client) {
	_, err := client.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{Model: model}, option.WithJSONDel("messages"))
	checkBadRequest(t, err, "missing_required_parameter", "messages")
}

// The second request has only the question, so the name must come from the session.
func testContinuedSession(t *testing.T, ctx context.Context, client openai.Client) {
	var response *http.Response
	_, err := client.Chat.Completions.New(ctx, question("My name is Ada."), option.WithResponseInto(&response))
	if err != nil {
		t.Fatal(err)
	}
	session := response.Header.Get("x-session-id")
	if session == "" {
		t.Fatal("x-session-id of the answer = none, want one")
	}
	completion, err := client.Chat.Completions.New(ctx, question("What is my name?"),
		option.WithHeader("x-session-id", session), option.WithResponseInto(&response))
	if err != nil {
		t.Fatal(err)
	}
	if got := answerText(t, completion); !strings.Contains(got, "Ada") {
		t.Errorf("answer = %q, want the name Ada", got)
	}
	if got := response.Header.Get("x-session-id"); got != session {
		t.Errorf("session = %s, want %s", got, session)
	}
}

func testAbortedStream(t *testing.T, ctx context.Context, client openai.Client) {
	streamCtx, abort := context.WithCancel(ctx)
	defer abort()
	stream := client.Chat.Completions.NewStreaming(streamCtx, question("Hello!"))
	defer stream.Close()
	for stream.Next() {
		if choices := stream.Current().Choices; len(choices) > 0 && choices[0].Delta.Content != "" {
			abort()
			break
		}
	}
	if streamCtx.Err() == nil {
		t.Fatalf("end of the stream = %v before a text, want a text", stream.Err())
	}
	isFinished := false
	for stream.Next() { // chunks that arrived before the abort
		for _, choice := range stream.Current().Choices {
			isFinished = isFinished || choice.FinishReason != ""
		}
	}
	if isFinished || !errors.Is(stream.Err(), context.Canceled) {
		t.Errorf("finished = %t, error = %v; want an unfinished stream and %v", isFinished, stream.Err(), context.Canceled)
	}

	completion, err := client.Chat.Completions.New(ctx, question("Hello again!"))
	if err != nil {
		t.Fatal(err)
	}
	answerText(t, completion)
}

func question(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)},
	}
}

// answerText returns the text of a complete answer.
func answerText(t *testing.T, completion *openai.ChatCompletion) string {
	t.Helper()
	if len(completion.Choices) != 1 {
		t.Fatalf("choices = %d, want 1", len(completion.Choices))
	}
	choice := completion.Choices[0]
	if choice.Message.Content == "" || choice.FinishReason != "stop" {
		t.Errorf("content = %q, finish reason = %q; want text and stop", choice.Message.Content, choice.FinishReason)
	}
	return choice.Message.Content
}

func checkUsage(t *testing.T, u openai.CompletionUsage) {
	t.Helper()
	if u.PromptTokens <= 0 || u.CompletionTokens <= 0 || u.TotalTokens != u.PromptTokens+u.CompletionTokens {
		t.Errorf("prompt, completion, total tokens = %d, %d, %d; want positive counts and their sum",
			u.PromptTokens, u.CompletionTokens, u.TotalTokens)
	}
}

func checkBadRequest(t *testing.T, err error, code, param string) *openai.Error {
	t.Helper()
	var apiErr *openai.Error
	if !errors.As(err, &apiErr) {
		t.Fatalf("error = %v, want an *openai.Error", err)
	}
	got := [...]any{apiErr.StatusCode, apiErr.Type, apiErr.Code, apiErr.Param}
	if want := [...]any{http.StatusBadRequest, "invalid_request_error", code, param}; got != want {
		t.Errorf("status, type, code, param = %v, want %v", got, want)
	}
	return apiErr
}

// startDemo starts the binary in demo mode until the test ends, and returns its URL.
func startDemo(t *testing.T) string {
	t.Helper()
	binary := os.Getenv("ACHUAN_BIN")
	if binary == "" {
		t.Fatal("ACHUAN_BIN = \"\", want the path of the binary to test: run make test-sdk")
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
	var lines []string // complete when allRead is closed
	allRead := make(chan struct{})
	go func() {
		defer close(allRead)
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			lines = append(lines, scanner.Text())
			if url := addressURL.FindString(scanner.Text()); url != "" {
				select {
				case found <- url:
				default:
				}
			}
		}
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM) // the exit code shows whether the server had ended before
		kill := time.AfterFunc(stopTimeout, func() { _ = command.Process.Kill() })
		defer kill.Stop()
		<-allRead
		if err := command.Wait(); err != nil {
			t.Errorf("server ended with %v, want exit code 0", err)
		}
		if t.Failed() {
			t.Logf("output of the server:\n%s", strings.Join(lines, "\n"))
		}
	})
	select {
	case url := <-found:
		return url
	case <-allRead:
		t.Fatal("server ended before it served, want its address")
	case <-time.After(startTimeout):
		t.Fatalf("server printed no address within %v, want one", startTimeout)
	}
	return ""
}
