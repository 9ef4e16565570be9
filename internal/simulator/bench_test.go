package simulator

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkStream streams answers of 1,000 frames over a connection.
func BenchmarkStream(b *testing.B) {
	texts := strings.SplitAfter(strings.Repeat("word ", 1000), " ")
	for _, bb := range []struct {
		name   string
		writes Writes
	}{{"all", AllReady}, {"16", 16}, {"each", EachFrame}, {"odd", OddPieces}} {
		b.Run(bb.name, func(b *testing.B) {
			sim := New(Options{Writes: bb.writes, KeepTurns: 1})
			defer sim.Close()
			sim.OnTurn(func(Turn) *Reply { return &Reply{Deltas: texts, NoRecord: true} })
			srv := httptest.NewServer(sim)
			defer srv.Close()
			body := questionBody(sim.AddSession("gpt-5.1-high"), "hi")
			b.ReportAllocs()
			for b.Loop() {
				r, _ := http.NewRequestWithContext(b.Context(), http.MethodPost, srv.URL+"/api/chat/completions",
					strings.NewReader(body))
				r.Header.Set("Authorization", "token")
				resp, err := srv.Client().Do(r)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
			b.ReportMetric(float64(b.N*len(texts))/b.Elapsed().Seconds(), "frames/s")
		})
	}
}

// BenchmarkLongSession asks in a session with many records. The cost of a turn must not depend on their number.
func BenchmarkLongSession(b *testing.B) {
	for _, records := range []int{10, 10_000} {
		b.Run(map[int]string{10: "10", 10_000: "10000"}[records], func(b *testing.B) {
			sim := New(Options{Writes: AllReady, KeepTurns: 1})
			defer sim.Close()
			id := sim.AddSession("gpt-5.1-high")
			for range records {
				sim.AppendRecord(id, "question", "answer")
			}
			body := questionBody(id, "hi")
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/api/chat/completions", strings.NewReader(body))
				r.Header.Set("Authorization", "token")
				sim.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
