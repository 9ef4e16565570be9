package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// testBench returns a run in which the simulator is served by the test's own process.
func testBench(t *testing.T) (b *bench, direct, openAI *target) {
	p := newPlatform(10)
	server := httptest.NewServer(p)
	t.Cleanup(func() {
		server.Close()
		p.Close()
	})
	b = &bench{sim: &process{address: strings.TrimPrefix(server.URL, "http://"), pid: os.Getpid()}}
	b.direct = newTarget(nameDirect, server.URL+"/api/chat", os.Getpid())
	b.direct.isDirect, b.direct.key = true, newToken()
	return b, b.direct, newTarget("upstream", server.URL+"/v1", os.Getpid())
}

func TestSlices(t *testing.T) {
	b, direct, openAI := testBench(t)
	for name, c := range map[string]struct {
		load  load
		turns int     // 0: some
		calls float64 // of a turn, for direct; -1: not exact
	}{
		"continued": {load{mode: modeAtOnce, count: 20, clients: 2, conversations: 3, turns: 4}, 12, 1},
		"new":       {load{mode: modeAtOnce, count: 20, clients: 2}, 0, 2},
		"paced":     {load{mode: modePaced, count: 5, clients: 2}, 0, 2},
		"long": {load{
			mode: modeAtOnce, count: maxPieces, clients: 1, conversations: 1, turns: 2, historyBytes: 50_000,
		}, 2, 1},
	} {
		for _, target := range []*target{direct, openAI} {
			length := time.Minute // the stock ends the slice
			if c.load.conversations == 0 {
				length = 50 * time.Millisecond
			}
			r, err := b.runSlice(t.Context(), target, c.load, length)
			if err != nil {
				t.Errorf("%s, %s: runSlice() = %v, want no error", name, target.name, err)
				continue
			}
			want := c.calls
			if target == openAI {
				want = 1
			}
			got := float64(r.calls) / float64(r.turns)
			if got != want || r.turns < 1 || c.turns > 0 && r.turns != c.turns {
				t.Errorf("%s, %s: %d turns with %v calls each, want %d with %v",
					name, target.name, r.turns, got, c.turns, want)
			}
			if r.isPaced && r.pace < 1 {
				t.Errorf("%s, %s: pace = %v, want at least 1", name, target.name, r.pace)
			}
			if target.streams.failed() > 0 {
				t.Errorf("%s, %s: failed streams = %d, want none", name, target.name, target.streams.failed())
			}
		}
	}
}

// Streams that are held begin, wait for all others, and end whole.
func TestHeldStreams(t *testing.T) {
	b, direct, openAI := testBench(t)
	for _, target := range []*target{direct, openAI} {
		ctx, cancel := context.WithCancelCause(t.Context())
		var ended sync.WaitGroup
		target.openStreams(ctx, cancel, 5, &ended)
		if n := target.streams.all; n != 0 {
			t.Errorf("%s: streams that ended before the release = %d, want 0", target.name, n)
		}
		if _, err := b.get(ctx, releasePath); err != nil {
			t.Error(err)
		}
		ended.Wait()
		if n, failed := target.streams.all, target.streams.failed(); n != 5 || failed != 0 {
			t.Errorf("%s: streams = %d, failed = %d (%v); want 5, 0", target.name, n, failed, target.streams.failure)
		}
		cancel(nil)
	}
}

func TestBadStreams(t *testing.T) {
	event := func(text string) string { return fmt.Sprintf(chunkFormat, `"content":`+encode(text), "null") }
	for name, c := range map[string]struct {
		body string
		want error
	}{
		"whole":     {event("0~") + event("1~") + "data: [DONE]\n\n", nil},
		"no done":   {event("0~") + event("1~"), errCut},
		"short":     {event("0~") + "data: [DONE]\n\n", errCut},
		"empty":     {"", errCut},
		"doubled":   {event("0~") + event("0~") + event("1~") + "data: [DONE]\n\n", errDisorder},
		"reordered": {event("1~") + event("0~") + "data: [DONE]\n\n", errDisorder},
		"too long":  {event("0~") + event("1~") + event("2~") + "data: [DONE]\n\n", errDisorder},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, c.body)
		}))
		conversation := newConversation(0)
		conversation.ask(modeAtOnce, 2, 0)
		_, err := newTarget(name, server.URL+"/v1").ask(t.Context(), conversation, 2, nil)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: ask() = %v, want %v", name, err, c.want)
		}
		server.Close()
	}
}
