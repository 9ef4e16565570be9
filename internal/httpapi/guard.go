package httpapi

import (
	"net/http"

	"achuan/internal/chat"
)

// guard protects keyless serving from web pages. Being reachable from loopback
// alone is no protection: a browser is on loopback too, and a page can name this
// machine by a DNS name of its own, or post here without asking. So requests to a
// foreign Host and from a cross-site Origin are refused. With keys, the key
// decides and neither is looked at.
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

// maxShownHost bounds what of a client's Host or Origin is said back to it.
const maxShownHost = 100

func originError(message string) error {
	return &chat.Error{Kind: chat.KindPermission, Code: chat.CodeOriginNotAllowed, Message: message}
}

// hostAllowed decides on a Host header, keyless.
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

// originAllowed decides on an Origin header ("" when there is none), keyless.
// Every origin ("*") is not enough here: it would let any page that a user opens
// spend the account's points.
func (s *Server) originAllowed(origin, host string) bool {
	if origin == "" || s.origins.includes(origin) {
		return true
	}
	name := originHost(origin)
	return name != "" && name == hostname(host)
}
