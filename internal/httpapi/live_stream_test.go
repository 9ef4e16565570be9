package httpapi

import (
	"errors"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"achuan/internal/chat"
	"achuan/internal/openai"
)

// A timer that fires after the handler is done writes nothing.
func TestLateTickIsSilent(t *testing.T) {
	for name, over := range map[string]func(*liveStream){
		"the stream is not used": func(l *liveStream) { l.closeIfUnused() },
		"the handler returned":   (*liveStream).close,
	} {
		t.Run(name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			l := newLiveStream(rec, time.Second, openai.ImageStream{})
			over(l)
			l.tick()
			if rec.Flushed || rec.Body.Len() > 0 || len(rec.Header()) > 0 {
				t.Errorf("reply = %v %q, want nothing", rec.Header(), rec.Body)
			}
		})
	}
}

// If the timer cannot write, the next write of the handler ends the stream.
func TestFailureOfAKeepAliveIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		d := &deadlines{ResponseRecorder: httptest.NewRecorder(), fail: broken}
		l := newLiveStream(newWriter(d, time.Second), time.Second, openai.ImageStream{})
		l.setAnswer(&fakeAnswer{session: 1, placement: chat.PlacementNew})
		defer l.close()
		l.startTimer(time.Now().Add(time.Second))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		for _, err := range []error{l.write(nil), l.write([]byte("x")), l.finish([]byte("x"), chat.Usage{Estimated: true})} {
			if !errors.Is(err, errClientGone) || !errors.Is(err, broken) {
				t.Errorf("error of the handler = %v, want %v and %v", err, errClientGone, broken)
			}
		}
		if len(d.writes) != 1 {
			t.Errorf("writes = %d, want 1, because it fails", len(d.writes))
		}
	})
}

// A keep-alive never comes between the text that the handler composed and what was sent before, because the
// events of some dialects are numbered.
func TestKeepAliveWaitsForTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := httptest.NewRecorder()
		l := newLiveStream(rec, time.Second, openai.ImageStream{})
		defer l.close()
		sent := func() string {
			l.mu.Lock() // the timer writes too
			defer l.mu.Unlock()
			return rec.Body.String()
		}
		if err := l.write([]byte("data: 1\n\n")); err != nil {
			t.Fatal(err)
		}
		l.startTimer(time.Now().Add(time.Second))
		var text []byte
		l.compose(func() { text = []byte("data: 2\n\n") })
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if err := l.write(text); err != nil {
			t.Fatal(err)
		}
		if got, want := sent(), "data: 1\n\ndata: 2\n\n"; got != want {
			t.Errorf("sent = %q, want %q", got, want)
		}
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if got, want := sent(), "data: 1\n\ndata: 2\n\n: keep-alive\n\n"; got != want {
			t.Errorf("sent after a silence = %q, want %q", got, want)
		}
	})
}
