package client

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// Blame says whose time that of the slowest exchanges is: of a route, or of all where that is
// empty. since bounds when they ended: a time (RFC 3339), or how long ago (10m); empty is no bound.
// rows bounds each table; 0 is the endpoint's own bound.
func (c *Client) Blame(ctx context.Context, route, since string, rows int) (api.Blame, error) {
	q := url.Values{}
	if route != "" {
		q.Set("route", route)
	}
	if since != "" {
		q.Set("since", since)
	}
	if rows != 0 {
		q.Set("limit", strconv.Itoa(rows))
	}
	return get[api.Blame](ctx, c, "/api/v1/blame?"+q.Encode())
}

// Headroom says how much more load the instance takes.
func (c *Client) Headroom(ctx context.Context) (api.Headroom, error) {
	return get[api.Headroom](ctx, c, "/api/v1/headroom")
}

// Support is a bundle for a bug report, a .tar.gz, with the name that the endpoint gives it. It waits as long as ctx allows.
func (c *Client) Support(ctx context.Context, redact bool) (bundle []byte, name string, err error) {
	path := "/api/v1/support"
	if redact {
		path += "?redact=" + yes
	}
	bundle, header, err := c.patient().exchange(ctx, call{method: http.MethodGet, path: path})
	if err != nil {
		return nil, "", err
	}
	if _, parameters, err := mime.ParseMediaType(header.Get("Content-Disposition")); err == nil {
		name = parameters["filename"]
	}
	if name == "" {
		name = "isame-support-" + time.Now().UTC().Format("20060102T150405Z") + ".tar.gz"
	}
	return bundle, name, nil
}
