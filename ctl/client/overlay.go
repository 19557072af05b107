package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool"
)

// overlayPath is the path of what was changed at run time.
const overlayPath = "/api/v1/overlay"

// Overlay is what was changed of backends at run time.
func (c *Client) Overlay(ctx context.Context) ([]pool.Override, error) {
	return list[pool.Override](ctx, c, overlayPath)
}

// ClearOverlay takes all of it back, and returns what it was.
func (c *Client) ClearOverlay(ctx context.Context) ([]pool.Override, error) {
	return send[[]pool.Override](ctx, c, http.MethodDelete, overlayPath, nil)
}

// ClearOverride takes back what was changed of one backend, and returns what it was.
func (c *Client) ClearOverride(ctx context.Context, poolName, address string) (pool.Override, error) {
	return send[pool.Override](ctx, c, http.MethodDelete, overlayPath+"/"+url.PathEscape(poolName)+"/"+url.PathEscape(address), nil)
}

// WriteOverlay writes it into the configuration file; message is for the history.
func (c *Client) WriteOverlay(ctx context.Context, message string) (api.OverlayWritten, error) {
	path := overlayPath + "/write"
	if message != "" {
		path += "?message=" + url.QueryEscape(message)
	}
	return send[api.OverlayWritten](ctx, c, http.MethodPost, path, nil)
}
