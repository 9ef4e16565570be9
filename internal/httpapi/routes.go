package httpapi

import (
	"net/http"
	"slices"
	"strings"
)

// routes is every route there is, behind everything that stands before them all.
func (s *Server) routes() http.Handler {
	t := newTable()

	t.add(s.api, "POST /v1/chat/completions", s.takesJSON(s.chatCompletions))
	t.add(s.api, "GET /v1/models", s.listModels)
	t.add(s.api, "GET /v1/models/{id...}", s.getModel)
	t.add(s.sessions, "GET /v1/sessions", s.listSessions)
	t.add(s.sessions, "POST /v1/sessions", s.takesJSON(s.createSession))
	t.add(s.sessions, "GET /v1/sessions/{id}", s.getSession)
	t.add(s.sessions, "DELETE /v1/sessions/{id}", s.deleteSession)
	t.add(s.sessions, "GET /v1/sessions/{id}/messages", s.sessionMessages)
	t.addRest(s.api, "/v1", notFound)
	t.addRest(s.api, "/v1/", notFound)

	t.add(s.open, "GET /healthz", s.healthz)
	t.add(s.open, "GET /readyz", s.readyz)
	t.add(s.sight, "GET /metrics", s.metrics)
	t.add(s.page, "GET /{$}", s.pointer)
	t.addRest(s.page, "/", notFound)

	return chain(t.mux(), repairPath(t.apiNames()), closeUnclear,
		s.requestID, s.accessLog, s.recoverPanic, s.cors(t.methods()), s.limitBody, s.exactPath)
}

// api is what every route of the API stands behind, probes and pages not.
func (s *Server) api(h handler) http.Handler {
	return chain(s.adapt(h), s.drain, s.guard, s.authenticate)
}

// sessions is api for routes that are the administrator's too.
func (s *Server) sessions(h handler) http.Handler {
	return chain(s.adapt(h), s.drain, s.guard, s.authenticateOrAdmin)
}

// page is for what is no part of the API and needs no key.
func (s *Server) page(h handler) http.Handler { return chain(s.adapt(h), s.guard) }

// open is for probes: load balancers and orchestrators call them by whatever
// name they have for this machine.
func (s *Server) open(h handler) http.Handler {
	next := s.adapt(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		exchangeOf(r).probe = true
		next.ServeHTTP(w, r)
	})
}

// sight is for what tells how the server does, and to whom that may be told.
func (s *Server) sight(h handler) http.Handler { return chain(s.open(h), s.mayLook) }

// chain puts middleware around h; the first one is the outermost.
func chain(h http.Handler, middleware ...func(http.Handler) http.Handler) http.Handler {
	for _, m := range slices.Backward(middleware) {
		h = m(h)
	}
	return h
}

// table collects routes, and answers 405 for each of their paths under other
// methods: left to the mux, a catch-all pattern such as "/v1/" would take those.
type table struct {
	inner  *http.ServeMux
	others map[string]*otherMethods // by path pattern
}

type otherMethods struct {
	allowed []string
	wrap    func(handler) http.Handler
}

func newTable() *table {
	return &table{http.NewServeMux(), make(map[string]*otherMethods)}
}

// add adds a "METHOD /path" pattern, its handler wrapped.
func (t *table) add(wrap func(handler) http.Handler, pattern string, h handler) {
	method, path, _ := strings.Cut(pattern, " ")
	t.inner.Handle(pattern, named(path, wrap(h)))
	o := t.others[path]
	if o == nil {
		o = &otherMethods{wrap: wrap}
		t.others[path] = o
	}
	o.allowed = append(o.allowed, method)
	if method == http.MethodGet {
		o.allowed = append(o.allowed, http.MethodHead)
	}
}

// addRest adds a path pattern that takes every method.
func (t *table) addRest(wrap func(handler) http.Handler, path string, h handler) {
	t.inner.Handle(path, named(path, wrap(h)))
}

// methods returns every method that a route has, sorted.
func (t *table) methods() []string {
	var all []string
	for _, o := range t.others {
		all = append(all, o.allowed...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// mux returns the finished mux.
func (t *table) mux() *http.ServeMux {
	for path, o := range t.others {
		t.inner.Handle(path, named(path, o.wrap(methodNotAllowed(o.allowed))))
	}
	return t.inner
}

// named notes the route in the request's exchange.
func named(route string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		exchangeOf(r).route = route
		next.ServeHTTP(w, r)
	})
}
