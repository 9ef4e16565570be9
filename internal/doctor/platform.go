package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"achuan/internal/chat"
)

// checkPlatform checks DNS, TLS and the latency of the platform.
func (d *doctor) checkPlatform(context.Context) Line {
	r := d.reply
	switch {
	case r.err != nil:
		return unreachable(r.host, r.err)
	case r.status >= http.StatusInternalServerError:
		return fail("the platform, or a proxy in front of it, is down: wait, or ask its operator", "%s says HTTP %d", r.host, r.status)
	case r.took > d.MaxLatency:
		return fail("use a nearer network or proxy (HTTPS_PROXY), or ask the platform's operator",
			"%s took %.1f s (%s)", r.host, r.took.Seconds(), r.steps)
	}
	return ok("%s replied in %d ms (%s)", r.host, r.took.Milliseconds(), r.steps)
}

// unreachable returns the line of a failed request, which says which step failed.
func unreachable(host string, err error) Line {
	if wrapped, is := errors.AsType[*url.Error](err); is {
		err = wrapped.Err
	}
	if dns, is := errors.AsType[*net.DNSError](err); is {
		return fail("check ACHUAN_API_URL and this machine's name server (/etc/resolv.conf)", "DNS: %s: %s", dns.Name, dns.Err)
	}
	_, isNotTLS := errors.AsType[tls.RecordHeaderError](err)
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, isAuthority := errors.AsType[x509.UnknownAuthorityError](err)
	if isNotTLS || isCertificate || isAuthority || strings.HasPrefix(err.Error(), "tls:") {
		return fail("check that ACHUAN_API_URL has the right host and scheme, that this machine has CA certificates "+
			"(package ca-certificates), and that no proxy between decrypts TLS", "TLS: %s: %v", host, err)
	}
	return fail("check ACHUAN_API_URL, the network, and any firewall or HTTPS_PROXY between: run curl -v with the same URL here",
		"%s: %v", host, err)
}

// checkRemotePlatform reports what the server says about the platform.
func (d *doctor) checkRemotePlatform(ctx context.Context) Line {
	h, err := d.server.getReadiness(ctx)
	if err != nil {
		return fail("check --url, and that achuan serves there", "%v", err)
	}
	switch state := h.Checks["platform"]; state {
	case "up":
		return ok("the server reaches the platform")
	case "unknown", "":
		return skip("the server has not called the platform yet")
	default:
		return fail("run achuan doctor on the server's machine, with its settings", "the server's last call to the platform ended with %s", state)
	}
}

// checkAccount checks that the platform accepts the JWT.
func (d *doctor) checkAccount(ctx context.Context) Line {
	switch {
	case d.platform == nil:
		return skip("there is no JWT to try")
	case d.reply.err != nil:
		return skip("the platform cannot be reached")
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := d.platform.TryLogin(ctx)
	if err == nil {
		return ok("the platform accepts the JWT")
	}
	e := chat.AsError(err)
	if e.Code == chat.CodeBackendAuth {
		return fail(renewToken, "%s refuses the JWT", d.reply.host)
	}
	return fail("try again; if it lasts, ask the platform's operator", "%s did not check the JWT: %s", d.reply.host, e.Code)
}

// checkRemoteAccount reports what the server says about its account.
func (d *doctor) checkRemoteAccount(ctx context.Context) Line {
	h, err := d.server.getReadiness(ctx)
	if err != nil {
		return skip("%v", err)
	}
	switch state := h.Checks["account"]; state {
	case "ok":
		return ok("the platform accepts the server's JWT")
	case "refused":
		return fail(renewToken, "the platform refuses the server's JWT")
	case "no_points":
		return fail("add points to the account, or wait for its daily points", "the account has no points left")
	default:
		return skip("the server has not used the account yet")
	}
}
