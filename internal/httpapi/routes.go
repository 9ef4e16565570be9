package httpapi

import (
	"net/http"
	"slices"
	"strings"
)

// routes is every route there is, behind everything that stands before them all.
func (s *Server) routes() http.Handler {
	t := newRouteTable()

	t.add(s.api, "POST /v1/chat/completions", s.requireJSON(s.chatCompletions))
	t.add(s.api, "GET /v1/models", s.listModels)
	t.add(s.api, "GET /v1/models/{id...}", s.getModel)
	t.add(s.sessions, "GET /v1/sessions", s.listSessions)
	t.add(s.sessions, "POST /v1/sessions", s.requireJSON(s.createSession))
	t.add(s.sessions, "GET /v1/sessions/{id}", s.getSession)
	t.add(s.sessions, "DELETE /v1/sessions/{id}", s.deleteSession)
	t.add(s.sessions, "GET /v1/sessions/{id}/messages", s.listMessages)
	t.addFallback(s.api, "/v1", notFound)
	t.addFallback(s.api, "/v1/", notFound)

	t.add(s.probe, "GET /healthz", s.healthz)
	t.add(s.probe, "GET /readyz", s.readyz)
	t.add(s.metricsRoute, "GET /metrics", s.metrics)
	t.add(s.public, "GET /{$}", s.rootInfo)
	t.addFallback(s.public, "/", notFound)

	return chain(t.mux(), repairPath(t.apiNames()), closeAmbiguous,
		s.requestID, s.accessLog, s.recoverPanic, s.cors(t.methods()), s.limitBody, s.refuseOddPath)
}

// api is what every route of the API stands behind, probes and pages not.
func (s *Server) api(h handler) http.Handler {
	return chain(s.adapt(h), s.drain, s.guard, s.authenticate)
}

// sessions is api for routes that are the administrator's too.
func (s *Server) sessions(h handler) http.Handler {
	return chain(s.adapt(h), s.drain, s.guard, s.authenticateOrAdmin)
}

// public is for what is no part of the API and needs no key.
func (s *Server) public(h handler) http.Handler { return chain(s.adapt(h), s.guard) }

// probe is for probes: load balancers and orchestrators call them by whatever
// name they have for this machine.
func (s *Server) probe(h handler) http.Handler {
	next := s.adapt(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stateOf(r).isProbe = true
		next.ServeHTTP(w, r)
	})
}

// metricsRoute is for what tells how the server does, and to whom that may be told.
func (s *Server) metricsRoute(h handler) http.Handler {
	return chain(s.probe(h), s.requireMetricsAccess)
}

// chain puts middleware around h; the first one is the outermost.
func chain(h http.Handler, middleware ...func(http.Handler) http.Handler) http.Handler {
	for _, m := range slices.Backward(middleware) {
		h = m(h)
	}
	return h
}

// routeTable collects routes, and answers 405 for each of their paths under other
// methods: left to the mux, a catch-all pattern such as "/v1/" would take those.
type routeTable struct {
	serveMux      *http.ServeMux
	methodsByPath map[string]*pathMethods // by path pattern
}

type pathMethods struct {
	allowed []string
	wrap    func(handler) http.Handler
}

func newRouteTable() *routeTable {
	return &routeTable{http.NewServeMux(), make(map[string]*pathMethods)}
}

// add adds a "METHOD /path" pattern, its handler wrapped.
func (t *routeTable) add(wrap func(handler) http.Handler, pattern string, h handler) {
	method, path, _ := strings.Cut(pattern, " ")
	t.serveMux.Handle(pattern, withRoute(path, wrap(h)))
	o := t.methodsByPath[path]
	if o == nil {
		o = &pathMethods{wrap: wrap}
		t.methodsByPath[path] = o
	}
	o.allowed = append(o.allowed, method)
	if method == http.MethodGet {
		o.allowed = append(o.allowed, http.MethodHead)
	}
}

// addFallback adds a path pattern that takes every method.
func (t *routeTable) addFallback(wrap func(handler) http.Handler, path string, h handler) {
	t.serveMux.Handle(path, withRoute(path, wrap(h)))
}

// methods returns every method that a route has, sorted.
func (t *routeTable) methods() []string {
	var all []string
	for _, o := range t.methodsByPath {
		all = append(all, o.allowed...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// mux returns the finished mux.
func (t *routeTable) mux() *http.ServeMux {
	for path, o := range t.methodsByPath {
		t.serveMux.Handle(path, withRoute(path, o.wrap(methodNotAllowed(o.allowed))))
	}
	return t.serveMux
}

// withRoute notes the route in the request's exchange.
func withRoute(route string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stateOf(r).route = route
		next.ServeHTTP(w, r)
	})
}
