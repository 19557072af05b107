package client

import (
	"context"
	"net/http"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// Explain asks what would become of a request.
func (c *Client) Explain(ctx context.Context, q *api.ExplainRequest) (api.Explanation, error) {
	return send[api.Explanation](ctx, c, http.MethodPost, "/api/v1/explain", q)
}
