package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The account that POST /api/user/login accepts.
const (
	DemoAccount  = "demo@example.test"
	DemoPassword = "demo"
)

// tokenLifetime is the lifetime of a token from POST /api/user/login.
const tokenLifetime = 31 * 24 * time.Hour

// LoginForm is a form in which the platform reports an expired login. It is not known which host uses which form, so
// a client must understand all.
type LoginForm int

// The login forms.
const (
	LoginCode2    LoginForm = iota + 1 // HTTP 200, code 2
	LoginHTTP401                       // HTTP 401, with a body that explains nothing
	LoginCode1001                      // HTTP 200, code 1001; only the text says that the login has expired
)

// refusal returns status and body of this form.
func (f LoginForm) refusal() (status int, e envelope) {
	switch f {
	case LoginHTTP401:
		return http.StatusUnauthorized, envelope{Code: 401, Msg: "Unauthorized"}
	case LoginCode1001:
		return http.StatusOK, envelope{Code: 1001, Msg: "授权登陆已过期，请重新登陆"}
	default:
		return http.StatusOK, envelope{Code: 2, Msg: "请先登录"}
	}
}

// logins holds the accepted tokens.
type logins struct {
	users       map[string]int64 // user ids by token, from Options and from login
	acceptsAny  bool             // also accepts other tokens
	expiredForm LoginForm        // 0: logins have not expired
	newTokens   map[string]bool  // from login, since ExpireLogin
}

func newLogins(o Options) logins {
	l := logins{users: map[string]int64{}, acceptsAny: o.Token == "" && len(o.Tokens) == 0}
	maps.Copy(l.users, o.Tokens)
	if o.Token != "" {
		claims, _ := readClaims(o.Token)
		l.users[o.Token] = claims.userID()
	}
	return l
}

// check returns the user id of a token, or the form of its refusal.
func (l *logins) check(token string, now time.Time) (uid int64, refusal LoginForm) {
	if l.expiredForm != 0 && !l.newTokens[token] {
		return 0, l.expiredForm
	}
	if uid, ok := l.users[token]; ok {
		return uid, 0
	}
	if !l.acceptsAny || token == "" || strings.HasPrefix(strings.ToLower(token), "bearer ") {
		return 0, LoginCode2
	}
	claims, isJWT := readClaims(token)
	if isJWT && claims.Exp != 0 && claims.Exp <= now.Unix() {
		return 0, LoginCode2
	}
	return claims.userID(), 0
}

// userHandler is a handler that needs a login. It gets the user id.
type userHandler func(w http.ResponseWriter, r *http.Request, uid int64)

func (s *Simulator) requireLogin(h userHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		now := s.opts.Now()
		s.mu.Lock()
		uid, refusal := s.logins.check(r.Header.Get("Authorization"), now)
		s.mu.Unlock()
		if refusal != 0 {
			status, e := refusal.refusal()
			writeEnvelope(w, status, e)
			return
		}
		h(w, r, uid)
	}
}

// ExpireLogin expires all existing tokens: until RestoreLogin, requests with them are refused in this form. New
// tokens from POST /api/user/login are accepted.
func (s *Simulator) ExpireLogin(form LoginForm) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins.expiredForm = form
	s.logins.newTokens = map[string]bool{}
}

// RestoreLogin undoes ExpireLogin.
func (s *Simulator) RestoreLogin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins.expiredForm = 0
}

// login serves POST /api/user/login. The reply does not have the user id, but the token has it.
func (s *Simulator) login(w http.ResponseWriter, r *http.Request) {
	var form struct{ Account, Password string }
	if _, err := readJSON(r, &form); err != nil {
		writeFailure(w, http.StatusBadRequest, 1, "参数错误")
		return
	}
	if form.Account != DemoAccount || form.Password != DemoPassword {
		writeFailure(w, http.StatusOK, 1, "账号或密码错误")
		return
	}
	now := s.opts.Now()
	token := NewToken(DefaultUser, now, tokenLifetime)
	s.mu.Lock()
	s.logins.users[token] = DefaultUser
	if s.logins.newTokens != nil {
		s.logins.newTokens[token] = true
	}
	s.mu.Unlock()
	writeData(w, struct {
		Token        string `json:"token"`
		Email        string `json:"email"`
		Phone        string `json:"phone"`
		Role         string `json:"role"`
		RegisterTime string `json:"registerTime"`
	}{token, DemoAccount, "", "user", "2026-01-01 08:00:00"})
}

// DefaultUser is the user id of DemoAccount and of tokens without a user id.
const DefaultUser = 42

// claims are the claims of a platform token.
type claims struct {
	UserID int64  `json:"userId"`
	Sign   string `json:"sign"`
	Role   string `json:"role"`
	Exp    int64  `json:"exp"`
	Nbf    int64  `json:"nbf"`
	Iat    int64  `json:"iat"`
}

// userID returns the user id of a token, or DefaultUser when it has none.
func (c claims) userID() int64 {
	if c.UserID == 0 {
		return DefaultUser
	}
	return c.UserID
}

// tokenKey signs the tokens. Nothing verifies them.
const tokenKey = "simulator"

// NewToken returns a JWT like those of the platform (HS256). It expires lifetime after now.
func NewToken(userID int64, now time.Time, lifetime time.Duration) string {
	id := sha256.Sum256([]byte(strconv.FormatInt(userID, 10) + tokenKey))
	body := marshal(claims{
		UserID: userID, Sign: hex.EncodeToString(id[:16]), Role: "user",
		Exp: now.Add(lifetime).Unix(), Nbf: now.Unix(), Iat: now.Unix(),
	})
	b64 := base64.RawURLEncoding
	signed := b64.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + b64.EncodeToString(body)
	mac := hmac.New(sha256.New, []byte(tokenKey))
	mac.Write([]byte(signed))
	return signed + "." + b64.EncodeToString(mac.Sum(nil))
}

// readClaims returns the claims of a token. It reports false when the token is not a JWT.
func readClaims(token string) (c claims, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, false
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(body, &c) != nil {
		return claims{}, false
	}
	return c, true
}
