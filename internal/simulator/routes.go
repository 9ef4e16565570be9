package simulator

import (
	"io"
	"net/http"
	"slices"
)

// Route names an endpoint, for Intercept and Calls.
type Route string

// The endpoints.
const (
	RouteLogin          Route = "POST /api/user/login"
	RouteModels         Route = "GET /api/chat/tmpl"
	RouteCreateSession  Route = "POST /api/chat/session"
	RouteListSessions   Route = "GET /api/chat/session"
	RouteUpdateSession  Route = "PUT /api/chat/session/{id}"
	RouteDeleteSession  Route = "DELETE /api/chat/session/{id}"
	RouteDeleteSessions Route = "DELETE /api/chat/session/batch"
	RouteRecords        Route = "GET /api/chat/record/{id}"
	RouteClearRecords   Route = "DELETE /api/chat/record/{id}"
	RouteDeleteRecord   Route = "DELETE /api/chat/record"
	RouteCompletions    Route = "POST /api/chat/completions"
	RoutePicture        Route = "GET /file/{name}"
)

// Interceptor answers a request in place of the platform. usual is what the
// platform would do: calling it and then breaking the connection loses a reply to
// something that did happen.
type Interceptor func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc)

// hooks are the interceptors and the counts of requests.
type hooks struct {
	calls  map[Route]int
	active map[Route][]*hook // the last one decides
}

type hook struct {
	f    Interceptor
	once bool
}

func (s *Simulator) routes() *http.ServeMux {
	mux := http.NewServeMux()
	open := func(route Route, h http.HandlerFunc) { mux.HandleFunc(string(route), s.hooked(route, h)) }
	owned := func(route Route, h userHandler) { open(route, s.loggedIn(h)) }
	open(RouteLogin, s.login)
	open(RoutePicture, s.servePicture)
	owned(RouteModels, s.listModels)
	owned(RouteCreateSession, s.createSession)
	owned(RouteListSessions, s.listSessions)
	owned(RouteUpdateSession, s.updateSession)
	owned(RouteDeleteSession, s.deleteSession)
	owned(RouteDeleteSessions, s.deleteSessions)
	owned(RouteRecords, s.listRecords)
	owned(RouteClearRecords, s.clearRecords)
	owned(RouteDeleteRecord, s.deleteRecord)
	owned(RouteCompletions, s.completions)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, notFoundInRoute)
	})
	return mux
}

// hooked counts a request and lets the newest interceptor of its route have it.
func (s *Simulator) hooked(route Route, usual http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if f := s.arrive(route); f != nil {
			f(w, r, usual)
			return
		}
		usual(w, r)
	}
}

func (s *Simulator) arrive(route Route) Interceptor {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.calls[route]++
	s.touch()
	active := s.hooks.active[route]
	if len(active) == 0 {
		return nil
	}
	h := active[len(active)-1]
	if h.once {
		s.hooks.active[route] = active[:len(active)-1]
	}
	return h.f
}

// Calls counts the requests to an endpoint so far, refused and intercepted ones
// included.
func (s *Simulator) Calls(route Route) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hooks.calls[route]
}

// Intercept lets f answer the requests to an endpoint, before any check of the
// login, until remove is called. Of several interceptors the newest is asked.
func (s *Simulator) Intercept(route Route, f Interceptor) (remove func()) {
	return s.intercept(route, &hook{f: f})
}

// InterceptOnce is Intercept for the next request only.
func (s *Simulator) InterceptOnce(route Route, f Interceptor) (remove func()) {
	return s.intercept(route, &hook{f: f, once: true})
}

func (s *Simulator) intercept(route Route, h *hook) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.active[route] = append(s.hooks.active[route], h)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.hooks.active[route] = slices.DeleteFunc(s.hooks.active[route], func(x *hook) bool { return x == h })
	}
}

// Respond is an Interceptor that gives a fixed reply.
func Respond(status int, contentType, body string) Interceptor {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// Refuse is an Interceptor that gives an envelope with a code and a message, with
// HTTP 200 as the platform does.
func Refuse(code int, msg string) Interceptor {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		writeFailure(w, http.StatusOK, code, msg)
	}
}

// Unanswered is an Interceptor that closes the connection without a reply, after
// the platform did what it was asked to.
func Unanswered() Interceptor {
	return func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
		usual(&unheard{header: http.Header{}}, r)
		closeConnection(w, false)
	}
}

// unheard is a ResponseWriter into the void.
type unheard struct{ header http.Header }

func (u *unheard) Header() http.Header         { return u.header }
func (u *unheard) WriteHeader(int)             {}
func (u *unheard) Write(b []byte) (int, error) { return len(b), nil }
