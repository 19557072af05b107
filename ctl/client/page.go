package client

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// pagesMax bounds the pages of a list; the endpoint gives 10,000 items in one.
const pagesMax = 100

// list is a whole list, page by page.
func list[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	all := []T{}
	for range pagesMax {
		var header http.Header
		page, err := decode[[]T](c, func() (body []byte, err error) {
			body, header, err = c.exchange(ctx, call{method: http.MethodGet, path: path})
			return body, err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if path = nextPage(header); path == "" {
			return all, nil
		}
	}
	return nil, fmt.Errorf("cannot read the list of %s: it has more than %d pages", c.admin, pagesMax)
}

// nextPage is where a list goes on: a path of the same endpoint, as the token goes there;
// "" on the last page.
func nextPage(h http.Header) string {
	target, relation, _ := strings.Cut(h.Get("Link"), ">")
	target = strings.TrimPrefix(target, "<")
	if relation != `; rel="next"` || !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") {
		return ""
	}
	return target
}
