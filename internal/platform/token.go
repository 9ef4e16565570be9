package platform

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Token is what the JWT of an account says about it.
type Token struct {
	UserID  int64
	Expires time.Time // zero if the token has no expiry
}

// ParseToken reads a JWT. It does not verify the signature, because only the platform can. The
// error never contains a part of the token.
func ParseToken(jwt string) (Token, error) {
	parts := strings.Split(bareToken(jwt), ".")
	if len(parts) != 3 {
		return Token{}, errors.New("platform: not a JWT: it must have three parts with dots between them")
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return Token{}, errors.New("platform: not a JWT: its middle part is not base64url")
	}
	var claims struct {
		UserID  integer `json:"userId"`
		Expires integer `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return Token{}, errors.New("platform: not a JWT: its middle part is not a JSON object")
	}
	if claims.UserID <= 0 {
		return Token{}, errors.New("platform: the JWT has no userId, so the chat platform did not issue it")
	}
	t := Token{UserID: int64(claims.UserID)}
	if claims.Expires > 0 {
		t.Expires = time.Unix(int64(claims.Expires), 0)
	}
	return t, nil
}

// bareToken removes the scheme and the white space that people copy with a token.
func bareToken(s string) string {
	s = strings.TrimSpace(s)
	if scheme, token, _ := strings.Cut(s, " "); strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(token)
	}
	return s
}
