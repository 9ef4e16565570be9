package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"achuan/internal/anthropic"
	"achuan/internal/dialect"
	"achuan/internal/openai"
)

// routes returns the handler of all routes, with the middleware that every request passes.
func (s *Server) routes() http.Handler {
	t := newRouteTable()

	t.addDialect(s, "/v1/chat/completions", openai.ChatCompletions{})
	s.addMessagesRoutes(t)
	s.addResponsesRoutes(t)
	s.addConversationRoutes(t)
	s.addGeminiRoutes(t)
	s.addOllamaRoutes(t)
	t.add(s.api, "POST /v1/images/generations", s.requireJSON(s.generateImages))
	t.add(s.api, "POST /v1/images/edits", s.requireJSONOrForm(s.editImages))
	// A pattern with a method would conflict with those of the paths above, which have none.
	t.addFallback(s.signed, picturePath+"{digest}", s.getPicture)
	t.add(s.api, "POST /v1/files", s.requireForm(s.createFile))
	t.add(s.api, "GET /v1/files", s.listFiles)
	t.add(s.api, "GET /v1/files/{id}", s.getFile)
	t.add(s.api, "DELETE /v1/files/{id}", s.deleteFile)
	t.add(s.api, "GET /v1/files/{id}/content", s.getFileContent)
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

	return chain(t.mux(), repairPath(t.apiNames()), closeAmbiguous, s.requestID, s.accessLog(t.dialectOf),
		s.recoverPanic, s.cors(t.methods()), s.limitBody, s.refuseOddPath)
}

// api wraps a route of the API. Probes and pages do not pass this middleware.
func (s *Server) api(h handler) http.Handler {
	return chain(s.adapt(h), s.drain, s.guard, s.authenticate)
}

// sessions wraps a route of the API that the administrator may use too.
func (s *Server) sessions(h handler) http.Handler {
	return chain(s.adapt(h), s.drain, s.guard, s.authenticateOrAdmin)
}

// signed wraps a route whose links have a signature instead of a key. Browsers open them from pages of
// other sites.
func (s *Server) signed(h handler) http.Handler { return s.adapt(h) }

// public wraps a page that is outside the API and needs no key.
func (s *Server) public(h handler) http.Handler { return chain(s.adapt(h), s.guard) }

// probe wraps a probe. It does not check the Host header, because load balancers and
// orchestrators use names of their own for this machine.
func (s *Server) probe(h handler) http.Handler {
	next := s.adapt(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stateOf(r).isProbe = true
		next.ServeHTTP(w, r)
	})
}

// metricsRoute wraps a route that shows how the server does.
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

// routeTable collects routes. It answers 405 for other methods of their paths. The mux
// alone would send those to a catch-all pattern such as "/v1/".
type routeTable struct {
	serveMux      *http.ServeMux
	methodsByPath map[string]*pathMethods    // by path pattern
	dialects      map[string]dialect.Dialect // by path, which may be the beginning of longer ones
}

// pathMethods are the methods of one path, and what wraps its 405.
type pathMethods struct {
	allowed []string
	wrap    func(handler) http.Handler
}

func newRouteTable() *routeTable {
	return &routeTable{http.NewServeMux(), map[string]*pathMethods{}, map[string]dialect.Dialect{}}
}

// addDialect adds the route of a dialect, a POST to a path without wildcards.
func (t *routeTable) addDialect(s *Server, path string, d dialect.Dialect) {
	t.dialects[path] = d
	t.add(s.api, "POST "+path, s.requireJSON(s.answerChat(d)))
}

// defaultDialect is the dialect of a request whose route has none of its own.
var defaultDialect dialect.Dialect = openai.ChatCompletions{}

// dialectOf returns the dialect of a request. It works before the mux has found the route, so
// that the errors of every middleware have the shape of their dialect.
func (t *routeTable) dialectOf(r *http.Request) dialect.Dialect {
	if r.Header.Get(headerOfMessages) != "" && strings.HasPrefix(r.URL.Path, "/v1/models") {
		return anthropic.Messages{}
	}
	for path := r.URL.Path; len(path) > 1; path = path[:strings.LastIndexByte(path, '/')] {
		if d, ok := t.dialects[path]; ok {
			return d
		}
		if path[0] != '/' {
			break
		}
	}
	return defaultDialect
}

// add adds a pattern of the form "METHOD /path".
func (t *routeTable) add(wrap func(handler) http.Handler, pattern string, h handler) {
	method, path, _ := strings.Cut(pattern, " ")
	t.serveMux.Handle(pattern, withRoute(path, wrap(h)))
	m := t.methodsByPath[path]
	if m == nil {
		m = &pathMethods{wrap: wrap}
		t.methodsByPath[path] = m
	}
	m.allowed = append(m.allowed, method)
	if method == http.MethodGet {
		m.allowed = append(m.allowed, http.MethodHead)
	}
}

// addFallback adds a path pattern that takes every method.
func (t *routeTable) addFallback(wrap func(handler) http.Handler, path string, h handler) {
	t.serveMux.Handle(path, withRoute(path, wrap(h)))
}

// methods returns the methods of all routes, sorted.
func (t *routeTable) methods() []string {
	var all []string
	for _, m := range t.methodsByPath {
		all = append(all, m.allowed...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// mux adds the 405s and returns the finished mux.
func (t *routeTable) mux() *http.ServeMux {
	for path, m := range t.methodsByPath {
		t.serveMux.Handle(path, withRoute(path, m.wrap(methodNotAllowed(m.allowed))))
	}
	return t.serveMux
}

// withRoute records the route in the state of the request.
func withRoute(route string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stateOf(r).route = route
		next.ServeHTTP(w, r)
	})
}
