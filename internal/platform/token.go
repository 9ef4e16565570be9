package platform

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Token is what an account's JWT says of itself.
type Token struct {
	UserID  int64
	Expires time.Time // zero when it does not say
}

// ParseToken reads a JWT. It does not verify it, which only the platform can. The
// error never holds a part of it.
func ParseToken(jwt string) (Token, error) {
	parts := strings.Split(bareToken(jwt), ".")
	if len(parts) != 3 {
		return Token{}, errors.New("platform: not a JWT: it must have three parts with dots between them")
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return Token{}, errors.New("platform: not a JWT: its middle part is no base64url")
	}
	var claims struct {
		UserID  integer `json:"userId"`
		Expires integer `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return Token{}, errors.New("platform: not a JWT: its middle part is no JSON object")
	}
	if claims.UserID <= 0 {
		return Token{}, errors.New("platform: the JWT names no userId: it is not one of the chat platform's")
	}
	t := Token{UserID: int64(claims.UserID)}
	if claims.Expires > 0 {
		t.Expires = time.Unix(int64(claims.Expires), 0)
	}
	return t, nil
}

// bareToken cuts off what people copy along with a token.
func bareToken(s string) string {
	s = strings.TrimSpace(s)
	if scheme, token, _ := strings.Cut(s, " "); strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(token)
	}
	return s
}
