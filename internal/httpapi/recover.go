package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// keyStack is the log attribute of the stack of a panic.
const keyStack = "stack"

// recoverPanic turns a panic into a 500 if no byte of the reply was sent. Otherwise it
// aborts the connection, so that half a reply does not look like a whole one. It passes on
// http.ErrAbortHandler.
func (s *Server) recoverPanic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(http.ErrAbortHandler)
			}
			s.handlePanic(w, r, v)
		}()
		next.ServeHTTP(w, r)
	})
}

func (s *Server) handlePanic(w http.ResponseWriter, r *http.Request, v any) {
	s.opts.Metrics.Panicked()
	err := fmt.Errorf("panic: %v", v)
	s.opts.Logger.LogAttrs(r.Context(), slog.LevelError, "a handler panicked",
		slog.String(telemetry.KeyError, err.Error()), slog.String(keyStack, string(debug.Stack())))
	if statusOf(w) != 0 {
		stateOf(r).err = chat.AsError(err)
		panic(http.ErrAbortHandler)
	}
	s.fail(w, r, err)
}
