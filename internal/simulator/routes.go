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
	RouteLinks          Route = "GET /api/chat/link-dict/{id}" // 3.1
	RoutePicture        Route = "GET /file/{name}"
)

// Interceptor serves a request instead of the platform. usual is the handler of the platform. An Interceptor may call
// usual and then close the connection: then the platform has processed the request, but the reply is lost.
type Interceptor func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc)

// interceptors holds the interceptors and the number of calls of each route.
type interceptors struct {
	calls   map[Route]int
	byRoute map[Route][]*interceptor // the last one serves the request
}

type interceptor struct {
	f    Interceptor
	once bool
}

func (s *Simulator) routes() *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(route Route, h http.HandlerFunc) { mux.HandleFunc(string(route), s.withInterceptors(route, h)) }
	handleUser := func(route Route, h userHandler) { handle(route, s.requireLogin(h)) }
	handle(RouteLogin, s.login)
	handle(RoutePicture, s.servePicture)
	handleUser(RouteModels, s.listModels)
	handleUser(RouteCreateSession, s.createSession)
	handleUser(RouteListSessions, s.listSessions)
	handleUser(RouteUpdateSession, s.updateSession)
	handleUser(RouteDeleteSession, s.deleteSession)
	handleUser(RouteDeleteSessions, s.deleteSessions)
	handleUser(RouteRecords, s.listRecords)
	handleUser(RouteClearRecords, s.clearRecords)
	handleUser(RouteDeleteRecord, s.deleteRecord)
	if s.isVersion31 {
		handleUser(RouteLinks, s.listLinks)
	}
	handleUser(RouteCompletions, s.serveQuestion)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, notFoundText)
	})
	return mux
}

// withInterceptors counts a request and passes it to the newest interceptor of its route, if there is one.
func (s *Simulator) withInterceptors(route Route, usual http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if f := s.countCall(route); f != nil {
			f(w, r, usual)
			return
		}
		usual(w, r)
	}
}

func (s *Simulator) countCall(route Route) Interceptor {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interceptors.calls[route]++
	s.notifyChange()
	active := s.interceptors.byRoute[route]
	if len(active) == 0 {
		return nil
	}
	h := active[len(active)-1]
	if h.once {
		s.interceptors.byRoute[route] = active[:len(active)-1]
	}
	return h.f
}

// Calls returns the number of requests to a route so far, including refused and intercepted ones.
func (s *Simulator) Calls(route Route) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.interceptors.calls[route]
}

// Intercept makes f serve the requests to a route until remove is called. f runs before the check of the login. When
// a route has several interceptors, the newest one serves the request.
func (s *Simulator) Intercept(route Route, f Interceptor) (remove func()) {
	return s.intercept(route, &interceptor{f: f})
}

// InterceptOnce is Intercept for one request.
func (s *Simulator) InterceptOnce(route Route, f Interceptor) (remove func()) {
	return s.intercept(route, &interceptor{f: f, once: true})
}

func (s *Simulator) intercept(route Route, h *interceptor) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interceptors.byRoute[route] = append(s.interceptors.byRoute[route], h)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		byRoute := s.interceptors.byRoute
		byRoute[route] = slices.DeleteFunc(byRoute[route], func(x *interceptor) bool { return x == h })
	}
}

// Respond is an Interceptor with a fixed reply.
func Respond(status int, contentType, body string) Interceptor {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// Refuse is an Interceptor that replies with HTTP 200, a code and a message, as the platform does.
func Refuse(code int, msg string) Interceptor {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		writeFailure(w, http.StatusOK, code, msg)
	}
}

// Unanswered is an Interceptor that closes the connection without a reply after the platform has processed the
// request.
func Unanswered() Interceptor {
	return func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
		usual(&discardWriter{header: http.Header{}}, r)
		closeConnection(w, false)
	}
}

// discardWriter is a ResponseWriter that discards the reply.
type discardWriter struct{ header http.Header }

func (u *discardWriter) Header() http.Header         { return u.header }
func (u *discardWriter) WriteHeader(int)             {}
func (u *discardWriter) Write(b []byte) (int, error) { return len(b), nil }
