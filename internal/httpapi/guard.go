package httpapi

import (
	"net/http"

	"achuan/internal/chat"
)

// guard protects a server without keys from web pages. Listening on loopback alone does
// not: a browser is on this machine too, and a page can reach it through a DNS name of its
// own or send requests without a preflight. So guard refuses requests with a foreign Host
// or a cross-site Origin. With keys, only the key decides.
func (s *Server) guard(next http.Handler) http.Handler {
	if s.requiresKey() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.hostAllowed(r.Host) {
			s.fail(w, r, originError("This server has no API keys and so answers only under names of its own machine or network, and \""+
				chat.Truncate(r.Host, maxShownHost)+"\" is none. Set ACHUAN_API_KEYS to serve it under any name."))
			return
		}
		if origin := r.Header.Get("Origin"); !s.originAllowed(origin, r.Host) {
			s.fail(w, r, originError("This server has no API keys and so refuses requests from web pages of other sites, here "+
				chat.Truncate(origin, maxShownHost)+". Set ACHUAN_API_KEYS, or name the origin in ACHUAN_CORS_ORIGINS."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// maxShownHost is the number of bytes of a client's Host or Origin that a message repeats.
const maxShownHost = 100

func originError(message string) error {
	return &chat.Error{Kind: chat.KindPermission, Code: chat.CodeOriginNotAllowed, Message: message}
}

// hostAllowed decides on a Host header when there are no keys.
func (s *Server) hostAllowed(host string) bool {
	name := hostname(host)
	if name == "" {
		return false
	}
	if isLoopbackHost(name) || name == hostname(s.opts.Listen) {
		return true
	}
	return isPrivateName(name) || s.opts.AllowAnonymous && (isLocalHost(name) || s.origins.hosts[name])
}

// originAllowed decides on an Origin header, or "", when there are no keys. The setting
// "*" does not count here: it would let any page that a user opens spend the points of the
// account.
func (s *Server) originAllowed(origin, host string) bool {
	if origin == "" || s.origins.includes(origin) {
		return true
	}
	name := originHost(origin)
	return name != "" && name == hostname(host)
}
