package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// Paths of the configuration.
const (
	configPath = "/api/v1/config"
	yes        = "1"
)

// Config is the effective configuration in yaml or json, secrets masked.
func (c *Client) Config(ctx context.Context, format string) ([]byte, error) {
	return c.do(ctx, call{method: http.MethodGet, path: configPath + "?view=effective&format=" + url.QueryEscape(format)})
}

// Document is the configuration as it was written, in yaml or json, secrets masked, with
// its ETag for Apply.
func (c *Client) Document(ctx context.Context, format string) (text []byte, etag string, err error) {
	text, header, err := c.exchange(ctx, call{method: http.MethodGet, path: configPath + "?format=" + url.QueryEscape(format)})
	return text, header.Get("ETag"), err
}

// Change is a configuration that is to run in place of the one that does.
type Change struct {
	// Body is all of it; MediaType is application/yaml, application/json or application/toml.
	Body      []byte
	MediaType string
	// Match is the ETag of the configuration it was made of; "*" replaces whatever runs.
	Match string
	// Message is what the history says about it.
	Message string
	// Confirm is how long it runs without Confirm; 0 needs none.
	Confirm time.Duration
	// Strict refuses what has warnings, Replace takes the place of one that waits for its confirmation.
	Strict, Replace bool
}

// query are the parameters of a change.
func (ch *Change) query() string {
	q := url.Values{}
	if ch.Message != "" {
		q.Set("message", ch.Message)
	}
	if ch.Confirm != 0 {
		q.Set("confirm", ch.Confirm.String())
	}
	if ch.Strict {
		q.Set("strict", yes)
	}
	if ch.Replace {
		q.Set("replace", yes)
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// Apply makes a configuration run, and returns when it does.
func (c *Client) Apply(ctx context.Context, ch *Change) (api.Applied, error) {
	return decode[api.Applied](c, func() ([]byte, error) {
		return c.do(ctx, call{
			method: http.MethodPut, path: configPath + ch.query(), mediaType: ch.MediaType, body: ch.Body, match: ch.Match,
		})
	})
}

// CheckConfig asks the running process whether it would take a configuration.
// mediaType is application/yaml, application/json or application/toml.
func (c *Client) CheckConfig(ctx context.Context, body []byte, mediaType string) (api.CheckResult, error) {
	return decode[api.CheckResult](c, func() ([]byte, error) {
		return c.do(ctx, call{method: http.MethodPut, path: configPath + "?dry_run=1", mediaType: mediaType, body: body})
	})
}

// Plan says what a configuration would change. mediaType is as for CheckConfig, or
// application/merge-patch+json.
func (c *Client) Plan(ctx context.Context, body []byte, mediaType string) (api.Plan, error) {
	return decode[api.Plan](c, func() ([]byte, error) {
		return c.do(ctx, call{method: http.MethodPost, path: configPath + "/plan", mediaType: mediaType, body: body})
	})
}

// Confirm keeps a change that waits for it. Connections that are kept open are given up
// first: the confirmation has to come on a new one.
func (c *Client) Confirm(ctx context.Context, generation uint64) (api.Applied, error) {
	c.http.CloseIdleConnections()
	return send[api.Applied](ctx, c, http.MethodPost, configPath+"/confirm", api.Confirmation{Generation: generation})
}

// Rollback brings the content of a generation back, 0 is the one before, and that for ever
// where confirm is 0.
func (c *Client) Rollback(ctx context.Context, generation uint64, message string, confirm time.Duration) (api.Applied, error) {
	ch := Change{Message: message, Confirm: confirm}
	path := configPath + "/rollback" + ch.query()
	return send[api.Applied](ctx, c, http.MethodPost, path, api.RollbackRequest{Generation: generation})
}

// History is what came, newest first.
func (c *Client) History(ctx context.Context) ([]api.Generation, error) {
	return list[api.Generation](ctx, c, configPath+"/history")
}

// Generation is one line of the history, with its document.
func (c *Client) Generation(ctx context.Context, number uint64) (api.Generation, error) {
	return get[api.Generation](ctx, c, configPath+"/history/"+strconv.FormatUint(number, 10))
}

// Why is where the value of a key comes from.
func (c *Client) Why(ctx context.Context, path string) (api.Why, error) {
	return get[api.Why](ctx, c, configPath+"/why?path="+url.QueryEscape(path))
}

// Reload makes the process read its file again; it returns when that is done. force takes
// its content even where it was taken before, and left since.
func (c *Client) Reload(ctx context.Context, force bool) (api.ReloadResult, error) {
	path := "/api/v1/reload"
	if force {
		path += "?force=" + yes
	}
	return send[api.ReloadResult](ctx, c, http.MethodPost, path, nil)
}
