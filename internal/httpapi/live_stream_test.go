package httpapi

import (
	"errors"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"achuan/internal/chat"
)

// A timer that fires too late, because the handler was just done, touches nothing.
func TestLateTickIsSilent(t *testing.T) {
	for name, over := range map[string]func(*liveStream){
		"the reply is another's": func(l *liveStream) { l.closeIfUnused() },
		"the handler returned":   (*liveStream).close,
	} {
		t.Run(name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			l := newLiveStream(rec, time.Second)
			over(l)
			l.tick()
			if rec.Flushed || rec.Body.Len() > 0 || len(rec.Header()) > 0 {
				t.Errorf("it wrote %v %q", rec.Header(), rec.Body)
			}
		})
	}
}

// What the timer could not write ends the stream at the handler's next write.
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
		for _, err := range []error{l.write(nil), l.write([]byte("x")), l.finish([]byte("x"), true)} {
			if !errors.Is(err, errClientGone) || !errors.Is(err, broken) {
				t.Errorf("the handler is told %v", err)
			}
		}
		if len(d.writes) != 1 {
			t.Errorf("%d writes, want one: it has failed", len(d.writes))
		}
	})
}
