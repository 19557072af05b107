// Package client is the Go client of the admin API. isame-ctl is made of it;
// other programs may use it as well.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool"
)

// DefaultAdmin is where the admin API listens when nothing else is configured.
const DefaultAdmin = "http://127.0.0.1:9901"

// answerBytesMax bounds an answer; 10,000 backends with their probes are a third of it.
const answerBytesMax = 64 << 20

// Client calls the admin API of one process. It may be used by many goroutines.
// Its methods return *UnreachableError when nobody answers and *api.Problem
// when the answer is a refusal.
type Client struct {
	admin string // as it was given, for messages
	base  string // http://host:port
	token string
	http  *http.Client
}

// Options of New.
type Options struct {
	// Admin is http://host:port, https://host:port or unix:/path.sock; empty is DefaultAdmin.
	Admin string
	// Token is sent with every request; empty sends none.
	Token string
	// CAFile holds the authorities that the certificate of an https endpoint must chain
	// to; empty is the system's. CertFile and KeyFile are what the client itself shows,
	// for an endpoint with admin.tls.client_ca_file.
	CAFile, CertFile, KeyFile string
	// Timeout bounds one call; 0 is 10 s.
	Timeout time.Duration
}

// New checks the options and connects to nothing yet. The error is about Admin, or about
// the files.
func New(o Options) (*Client, error) {
	if o.Admin == "" {
		o.Admin = DefaultAdmin
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	c := &Client{admin: o.Admin, token: o.Token}
	// No proxy from the environment: the endpoint is local, and the token must not travel.
	transport := &http.Transport{
		Proxy: nil, TLSHandshakeTimeout: o.Timeout, DisableCompression: true, MaxIdleConns: 2, IdleConnTimeout: time.Minute,
	}
	if path, ok := strings.CutPrefix(o.Admin, "unix:"); ok {
		path = strings.TrimPrefix(path, "//")
		if path == "" {
			return nil, fmt.Errorf("admin address %q: want unix:/path.sock", o.Admin)
		}
		c.base = "http://localhost"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}
	} else {
		u, err := url.Parse(o.Admin)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" ||
			u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("admin address %q: want http://HOST:PORT, https://HOST:PORT or unix:/path.sock", o.Admin)
		}
		c.base = u.Scheme + "://" + u.Host
		if u.Scheme == "https" {
			if transport.TLSClientConfig, err = o.tls(); err != nil {
				return nil, err
			}
		}
	}
	c.http = &http.Client{
		Transport: transport, Timeout: o.Timeout,
		// The token must not follow a redirect, and this API has none.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// Close gives up the connections that are kept open.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
}

// Status is the process as it is now.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	return get[api.Status](ctx, c, "/api/v1/status")
}

// Pools are all pools.
func (c *Client) Pools(ctx context.Context) ([]pool.Status, error) {
	return list[pool.Status](ctx, c, "/api/v1/pools")
}

// Pool is one pool.
func (c *Client) Pool(ctx context.Context, name string) (pool.Status, error) {
	return get[pool.Status](ctx, c, "/api/v1/pools/"+url.PathEscape(name))
}

// Routes are all routes.
func (c *Client) Routes(ctx context.Context) ([]api.RouteStatus, error) {
	return list[api.RouteStatus](ctx, c, "/api/v1/routes")
}

// Listeners are all listeners.
func (c *Client) Listeners(ctx context.Context) ([]api.ListenerStatus, error) {
	return list[api.ListenerStatus](ctx, c, "/api/v1/listeners")
}

// Certificates are all certificates of all listeners.
func (c *Client) Certificates(ctx context.Context) ([]api.Certificate, error) {
	return list[api.Certificate](ctx, c, "/api/v1/certificates")
}

// Limits are all stages that limit clients.
func (c *Client) Limits(ctx context.Context) ([]api.Limiter, error) {
	return list[api.Limiter](ctx, c, "/api/v1/limits")
}

// Metrics are the metrics in the Prometheus text format, from the path that is the default.
func (c *Client) Metrics(ctx context.Context) ([]byte, error) {
	return c.do(ctx, call{method: http.MethodGet, path: "/metrics"})
}

// Records are exchanges that have ended, as the recorder keeps them. The query has the
// parameters of GET /api/v1/records.
func (c *Client) Records(ctx context.Context, query url.Values) ([]api.Record, error) {
	return get[[]api.Record](ctx, c, "/api/v1/records?"+query.Encode())
}

// RecordsOf are those with a request id.
func (c *Client) RecordsOf(ctx context.Context, id string) ([]api.Record, error) {
	return get[[]api.Record](ctx, c, "/api/v1/records/"+url.PathEscape(id))
}

// Health says nil when the process answers.
func (c *Client) Health(ctx context.Context) error {
	_, err := get[api.Live](ctx, c, "/health")
	return err
}

// Ready says nil when traffic should be sent to the process.
func (c *Client) Ready(ctx context.Context) error {
	_, err := get[api.Live](ctx, c, "/ready")
	return err
}

// patient is the client without a bound of its own: a call takes as long as its ctx allows.
func (c *Client) patient() *Client {
	p := *c
	p.http = &http.Client{Transport: c.http.Transport, CheckRedirect: c.http.CheckRedirect}
	return &p
}

// Upgrade starts the program of the process anew; it returns when the new process serves. It
// waits as long as ctx allows.
func (c *Client) Upgrade(ctx context.Context) (api.UpgradeResult, error) {
	return send[api.UpgradeResult](ctx, c.patient(), http.MethodPost, "/api/v1/upgrade", nil)
}

// PatchBackend changes weight or state and returns the backend as it is then.
func (c *Client) PatchBackend(ctx context.Context, poolName, address string, p api.BackendPatch) (pool.BackendStatus, error) {
	return send[pool.BackendStatus](ctx, c, http.MethodPatch, backendPath(poolName, address), p)
}

// DrainBackend is PatchBackend that returns once the backend has no request any more, and
// fails where it still has some after wait.
func (c *Client) DrainBackend(
	ctx context.Context, poolName, address string, p api.BackendPatch, wait time.Duration,
) (pool.BackendStatus, error) {
	path := backendPath(poolName, address) + "?wait=" + url.QueryEscape(wait.String())
	return send[pool.BackendStatus](ctx, c.patient(), http.MethodPatch, path, p)
}

// AddBackend adds a member to a pool.
func (c *Client) AddBackend(ctx context.Context, poolName string, b api.NewBackend) (pool.BackendStatus, error) {
	return send[pool.BackendStatus](ctx, c, http.MethodPost, "/api/v1/pools/"+url.PathEscape(poolName)+"/backends", b)
}

// RemoveBackend removes a member from a pool.
func (c *Client) RemoveBackend(ctx context.Context, poolName, address string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: backendPath(poolName, address)})
	return err
}

func backendPath(poolName, address string) string {
	return "/api/v1/pools/" + url.PathEscape(poolName) + "/backends/" + url.PathEscape(address)
}

// call is one request.
type call struct {
	method, path string
	mediaType    string // of body
	body         []byte
	match        string // If-Match
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	return decode[T](c, func() ([]byte, error) { return c.do(ctx, call{method: http.MethodGet, path: path}) })
}

// send sends v as JSON; nil is no body.
func send[T any](ctx context.Context, c *Client, method, path string, v any) (T, error) {
	return decode[T](c, func() ([]byte, error) {
		rq := call{method: method, path: path}
		if v != nil {
			body, err := json.Marshal(v)
			if err != nil {
				return nil, fmt.Errorf("cannot encode the request: %w", err)
			}
			rq.body, rq.mediaType = body, "application/json"
		}
		return c.do(ctx, rq)
	})
}

func decode[T any](c *Client, do func() ([]byte, error)) (T, error) {
	var v T
	body, err := do()
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return v, fmt.Errorf("cannot read the answer of %s (is it the admin endpoint of isame-lb?): %w", c.admin, err)
	}
	return v, nil
}

// do sends one request and returns the body of a success.
func (c *Client) do(ctx context.Context, rq call) ([]byte, error) {
	body, _, err := c.exchange(ctx, rq)
	return body, err
}

// exchange is do that returns the header as well.
func (c *Client) exchange(ctx context.Context, rq call) (body []byte, header http.Header, err error) {
	req, err := http.NewRequestWithContext(ctx, rq.method, c.base+rq.path, bytes.NewReader(rq.body))
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make a request to %s: %w", c.admin, err)
	}
	req.Header.Set("Accept", "application/json, application/problem+json, */*;q=0.1")
	req.Header.Set("User-Agent", "isame-ctl")
	if rq.mediaType != "" {
		req.Header.Set("Content-Type", rq.mediaType)
	}
	if rq.match != "" {
		req.Header.Set("If-Match", rq.match)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, &UnreachableError{Admin: c.admin, Err: causeOf(err)}
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, answerBytesMax+1))
	if err != nil {
		return nil, nil, &UnreachableError{Admin: c.admin, Err: causeOf(err)}
	}
	if len(body) > answerBytesMax {
		return nil, nil, fmt.Errorf("cannot read the answer of %s: it is larger than %d MiB", c.admin, answerBytesMax>>20)
	}
	if resp.StatusCode == http.StatusOK {
		return body, resp.Header, nil
	}
	return nil, nil, c.refusal(resp, body)
}

// refusal is the problem document, or a word about an answer that is none.
func (c *Client) refusal(resp *http.Response, body []byte) error {
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	p := &api.Problem{}
	if err == nil && media == api.ProblemType && json.Unmarshal(body, p) == nil && p.Status == resp.StatusCode {
		return p
	}
	return fmt.Errorf("%s answered %s without saying why (is it the admin endpoint of isame-lb?)", c.admin, resp.Status)
}
