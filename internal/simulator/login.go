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

// The account that POST /api/user/login knows.
const (
	DemoAccount  = "demo@example.test"
	DemoPassword = "demo"
)

// tokenLife is how long a token lasts that login hands out.
const tokenLife = 31 * 24 * time.Hour

// LoginForm is a way in which the platform says that a login has expired. Which
// one a host takes is not known; a client has to understand all.
type LoginForm int

// The login forms.
const (
	LoginCode2    LoginForm = iota + 1 // HTTP 200, code 2
	LoginHTTP401                       // HTTP 401, a body that says nothing of use
	LoginCode1001                      // HTTP 200, code 1001, only the text tells
)

// envelope is what a refusal in this form says.
func (f LoginForm) envelope() (status int, e envelope) {
	switch f {
	case LoginHTTP401:
		return http.StatusUnauthorized, envelope{Code: 401, Msg: "Unauthorized"}
	case LoginCode1001:
		return http.StatusOK, envelope{Code: 1001, Msg: "授权登陆已过期，请重新登陆"}
	default:
		return http.StatusOK, envelope{Code: 2, Msg: "请先登录"}
	}
}

// logins are the accepted tokens.
type logins struct {
	listed  map[string]int64 // by Options or by login, with the user's id
	any     bool             // others are accepted too
	expired LoginForm        // 0: logins are in force
	fresh   map[string]bool  // handed out since they expired
}

func newLogins(o Options) logins {
	l := logins{listed: map[string]int64{}, any: o.Token == "" && len(o.Tokens) == 0}
	maps.Copy(l.listed, o.Tokens)
	if o.Token != "" {
		claims, _ := readClaims(o.Token)
		l.listed[o.Token] = claims.user()
	}
	return l
}

// check returns whose token it is, or the form of its refusal.
func (l *logins) check(token string, now time.Time) (uid int64, refusal LoginForm) {
	if l.expired != 0 && !l.fresh[token] {
		return 0, l.expired
	}
	if uid, ok := l.listed[token]; ok {
		return uid, 0
	}
	if !l.any || token == "" || strings.HasPrefix(strings.ToLower(token), "bearer ") {
		return 0, LoginCode2
	}
	claims, isJWT := readClaims(token)
	if isJWT && claims.Exp != 0 && claims.Exp <= now.Unix() {
		return 0, LoginCode2
	}
	return claims.user(), 0
}

// userHandler is a handler behind the login.
type userHandler func(w http.ResponseWriter, r *http.Request, uid int64)

func (s *Simulator) loggedIn(h userHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		now := s.opts.Now()
		s.mu.Lock()
		uid, refusal := s.logins.check(r.Header.Get("Authorization"), now)
		s.mu.Unlock()
		if refusal != 0 {
			status, e := refusal.envelope()
			writeEnvelope(w, status, e)
			return
		}
		h(w, r, uid)
	}
}

// ExpireLogin ends the logins of all tokens known so far: each request is refused
// in the given form until RestoreLogin. A token from POST /api/user/login works.
func (s *Simulator) ExpireLogin(form LoginForm) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins.expired = form
	s.logins.fresh = map[string]bool{}
}

// RestoreLogin undoes ExpireLogin.
func (s *Simulator) RestoreLogin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins.expired = 0
}

// login is POST /api/user/login. Its reply does not name the user's id, which
// stands in the token.
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
	token := NewToken(DefaultUser, now, tokenLife)
	s.mu.Lock()
	s.logins.listed[token] = DefaultUser
	if s.logins.fresh != nil {
		s.logins.fresh[token] = true
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

// DefaultUser is the id of the account whose token names none, and of DemoAccount.
const DefaultUser = 42

// claims are what a platform token says.
type claims struct {
	UserID int64  `json:"userId"`
	Sign   string `json:"sign"`
	Role   string `json:"role"`
	Exp    int64  `json:"exp"`
	Nbf    int64  `json:"nbf"`
	Iat    int64  `json:"iat"`
}

// user is the account of a token; tokens that name none share one.
func (c claims) user() int64 {
	if c.UserID == 0 {
		return DefaultUser
	}
	return c.UserID
}

// tokenKey signs made-up tokens. Nobody verifies them.
const tokenKey = "simulator"

// NewToken makes a JWT of the platform's kind (HS256).
func NewToken(userID int64, now time.Time, life time.Duration) string {
	id := sha256.Sum256([]byte(strconv.FormatInt(userID, 10) + tokenKey))
	body := marshal(claims{
		UserID: userID, Sign: hex.EncodeToString(id[:16]), Role: "user",
		Exp: now.Add(life).Unix(), Nbf: now.Unix(), Iat: now.Unix(),
	})
	b64 := base64.RawURLEncoding
	signed := b64.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + b64.EncodeToString(body)
	mac := hmac.New(sha256.New, []byte(tokenKey))
	mac.Write([]byte(signed))
	return signed + "." + b64.EncodeToString(mac.Sum(nil))
}

// readClaims reads a token's claims and reports whether it is a JWT at all.
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
