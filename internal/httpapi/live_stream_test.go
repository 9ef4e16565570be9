package httpapi

import (
	"errors"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"achuan/internal/chat"
)

// A timer that fires after the handler is done writes nothing.
func TestLateTickIsSilent(t *testing.T) {
	for name, over := range map[string]func(*liveStream){
		"the stream is not used": func(l *liveStream) { l.closeIfUnused() },
		"the handler returned":   (*liveStream).close,
	} {
		t.Run(name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			l := newLiveStream(rec, time.Second)
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
		l := newLiveStream(newWriter(d, time.Second), time.Second)
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
