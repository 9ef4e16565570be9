package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	fetchTimeout = 10 * time.Second // of a whole download, with its redirects
	maxRedirects = 3
)

// FetcherOptions configure a Fetcher.
type FetcherOptions struct {
	// Allow are host names (with or without a port), addresses and networks that may be fetched from
	// although they are not public.
	Allow []string
}

// Fetcher downloads files of http and https links. It connects to public addresses only. It checks
// the address of each connection when it dials, after the name was looked up, so that a name that
// changes its address does not help.
type Fetcher struct {
	client   *http.Client
	hosts    []string
	networks []netip.Prefix
}

// NewFetcher returns a Fetcher. Entries of Allow that are no networks or addresses are host names.
func NewFetcher(o FetcherOptions) *Fetcher {
	f := &Fetcher{}
	for _, entry := range o.Allow {
		if network, err := netip.ParsePrefix(entry); err == nil {
			f.networks = append(f.networks, network.Masked())
		} else if address, err := netip.ParseAddr(entry); err == nil {
			f.networks = append(f.networks, netip.PrefixFrom(address, address.BitLen()))
		} else {
			f.hosts = append(f.hosts, strings.ToLower(entry))
		}
	}
	f.client = &http.Client{
		Timeout: fetchTimeout,
		Transport: &http.Transport{
			DialContext:            f.dial,
			Proxy:                  nil, // a proxy would look the name up by itself
			TLSHandshakeTimeout:    fetchTimeout,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return errTooManyRedirects
			}
			r.Header.Del("Referer")
			return checkURL(r.URL)
		},
	}
	return f
}

// Errors of a download. Their texts are for the client.
var (
	errTooManyRedirects = fmt.Errorf("the link redirects more than %d times", maxRedirects)
	errNotPublic        = errors.New("the address of the link is not public")
	errBadLink          = errors.New("the link is not an http or https URL without a login")
)

// Open begins the download of a link. The caller closes the content. The error is one for the client.
func (f *Fetcher) Open(ctx context.Context, link string) (content io.ReadCloser, name string, err error) {
	u, err := url.Parse(link)
	if err != nil {
		return nil, "", errBadLink
	}
	if err := checkURL(u); err != nil {
		return nil, "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, "", errBadLink
	}
	r.Header.Set("User-Agent", "achuan")
	r.Header.Set("Accept", "image/*, */*;q=0.5")
	resp, err := f.client.Do(r)
	if err != nil {
		return nil, "", downloadError(err)
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close() // it is not read
		return nil, "", fmt.Errorf("its server replied %d", resp.StatusCode)
	}
	return &download{resp.Body}, resp.Request.URL.Path, nil
}

// checkURL refuses links that are not plain http or https.
func checkURL(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Opaque != "" {
		return errBadLink
	}
	return nil
}

// dial connects to a public address, or to one that is allowed.
func (f *Fetcher) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, errBadLink
	}
	isAllowedHost := slices.Contains(f.hosts, strings.ToLower(strings.TrimSuffix(host, "."))) ||
		slices.Contains(f.hosts, strings.ToLower(address))
	check := func(_ context.Context, _, dialed string, _ syscall.RawConn) error {
		if isAllowedHost || f.mayDial(dialed) {
			return nil
		}
		return errNotPublic
	}
	dialer := net.Dialer{Timeout: fetchTimeout, ControlContext: check}
	return dialer.DialContext(ctx, network, address)
}

// mayDial reports whether an address (host:port) is public or allowed.
func (f *Fetcher) mayDial(dialed string) bool {
	target, err := netip.ParseAddrPort(dialed)
	if err != nil {
		return false
	}
	address := target.Addr()
	isAllowed := slices.ContainsFunc(f.networks, func(n netip.Prefix) bool { return n.Contains(address.Unmap()) })
	return isAllowed || isPublic(address)
}

// downloadError returns what the client reads about a failed download.
func downloadError(err error) error {
	for _, known := range []error{errNotPublic, errTooManyRedirects, errBadLink} {
		if errors.Is(err, known) {
			return known
		}
	}
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() {
		return fmt.Errorf("the download took longer than %v", fetchTimeout)
	}
	return errors.New("the link cannot be downloaded")
}

// download is the content of a link, with errors for the client.
type download struct{ io.ReadCloser }

func (d *download) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		return n, &fetchError{downloadError(err)}
	}
	return n, err
}

// fetchError is an error of a download that the client reads.
type fetchError struct{ error }
