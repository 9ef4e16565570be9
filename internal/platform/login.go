package platform

import (
	"errors"
	"net/http"
	"strings"

	"achuan/internal/telemetry"
)

// login is what a JWT adds to requests and to what is hidden in logs.
type login struct {
	header       http.Header // of each request but a question
	streamHeader http.Header // of a question
	redact       *telemetry.Redactor
}

// SetJWT makes the client use another JWT for the requests that begin from now on. Requests under way keep theirs. The
// error never contains a part of the JWT.
func (c *Client) SetJWT(jwt string) error {
	token := bareToken(jwt)
	if token == "" || !isPrintable(token) || strings.Contains(token, " ") {
		return errors.New("platform: the JWT is empty or contains characters that a JWT cannot have")
	}
	header := baseHeader(c.origin, token, c.cookie)
	c.login.Store(&login{header, streamHeader(header), telemetry.NewRedactor(token, c.cookie)})
	return nil
}
