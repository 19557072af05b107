package dns01

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// cloudflare keeps records by version 4 of its API.
type cloudflare struct {
	endpoint string
	token    string
	zoneID   string // empty means that it is asked for
	client   *http.Client
}

// Bounds of a call to an API.
const (
	callMax      = 30 * time.Second
	answerMax    = 1 << 20
	identicalHas = 81058 // the code for a record that is there already
)

func newCloudflare(o *Options) *cloudflare {
	c := &cloudflare{endpoint: "https://api.cloudflare.com/client/v4", token: o.Token, zoneID: o.ZoneID, client: newClient()}
	if o.Endpoint != "" {
		c.endpoint = o.Endpoint
	}
	return c
}

// newClient makes a client of its own, so that what it keeps open can be closed.
func newClient() *http.Client {
	return &http.Client{Timeout: callMax, Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, IdleConnTimeout: 10 * time.Second,
	}}
}

// cloudflareRecord is what their API has of a record.
type cloudflareRecord struct {
	ID      string `json:"id,omitempty"`
	Type    string `json:"type"`
	Name    string `json:"name"`
	Content string `json:"content"`
	TTL     int    `json:"ttl,omitempty"`
}

var errNotInAccount = errors.New("the token sees no such zone")

func (c *cloudflare) add(ctx context.Context, r record) error {
	zone, err := c.zone(ctx, r)
	if err != nil {
		return err
	}
	err = c.call(ctx, http.MethodPost, zone+"/dns_records", cloudflareRecord{
		Type: "TXT", Name: strings.TrimSuffix(r.name, "."), Content: `"` + r.value + `"`, TTL: int(ttl / time.Second),
	}, nil)
	var problem *cloudflareError
	if errors.As(err, &problem) && problem.has(identicalHas) {
		return nil
	}
	return err
}

// remove asks for the records of the name first: the answer to add, which has the
// identifier, may have been lost.
func (c *cloudflare) remove(ctx context.Context, r record) error {
	zone, err := c.zone(ctx, r)
	if err != nil {
		return err
	}
	var found []cloudflareRecord
	query := url.Values{"type": {"TXT"}, "name": {strings.TrimSuffix(r.name, ".")}, "per_page": {"100"}}
	if err := c.call(ctx, http.MethodGet, zone+"/dns_records?"+query.Encode(), nil, &found); err != nil {
		return err
	}
	for _, one := range found {
		if strings.Trim(one.Content, `"`) != r.value {
			continue
		}
		if err := c.call(ctx, http.MethodDelete, zone+"/dns_records/"+url.PathEscape(one.ID), nil, nil); err != nil {
			return err
		}
	}
	return nil
}

func (c *cloudflare) close() { c.client.CloseIdleConnections() }

// zone is the path of a record's zone.
func (c *cloudflare) zone(ctx context.Context, r record) (string, error) {
	if c.zoneID != "" {
		return "/zones/" + c.zoneID, nil
	}
	var zones []struct {
		ID string `json:"id"`
	}
	name := strings.TrimSuffix(r.zone, ".")
	if err := c.call(ctx, http.MethodGet, "/zones?"+url.Values{"name": {name}}.Encode(), nil, &zones); err != nil {
		return "", err
	}
	if len(zones) == 0 {
		return "", fmt.Errorf("%w: %q", errNotInAccount, name)
	}
	return "/zones/" + url.PathEscape(zones[0].ID), nil
}

// cloudflareError is a call that was refused.
type cloudflareError struct {
	status string
	Errors []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
}

func (p *cloudflareError) has(code int) bool {
	for _, e := range p.Errors {
		if e.Code == code {
			return true
		}
	}
	return false
}

func (p *cloudflareError) Error() string {
	var text strings.Builder
	text.WriteString("Cloudflare answers " + p.status)
	for _, e := range p.Errors {
		fmt.Fprintf(&text, ": %s (%d)", e.Message, e.Code)
	}
	return text.String()
}

// call makes one call and reads its result, if it is asked for.
func (c *cloudflare) call(ctx context.Context, method, path string, body, result any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return fmt.Errorf("cannot encode a call to Cloudflare: %w", err)
		}
	}
	q, err := http.NewRequestWithContext(ctx, method, c.endpoint+path, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("cannot call Cloudflare: %w", err)
	}
	q.Header.Set("Authorization", "Bearer "+c.token)
	q.Header.Set("Content-Type", "application/json")
	answer, err := c.client.Do(q)
	if err != nil {
		return fmt.Errorf("cannot call Cloudflare: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	problem := &cloudflareError{status: answer.Status}
	envelope := struct {
		*cloudflareError

		Success bool            `json:"success"`
		Result  json.RawMessage `json:"result"`
	}{cloudflareError: problem}
	err = json.NewDecoder(io.LimitReader(answer.Body, answerMax)).Decode(&envelope)
	if err != nil || !envelope.Success || answer.StatusCode >= http.StatusBadRequest {
		return problem
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(envelope.Result, result); err != nil {
		return fmt.Errorf("cannot read the answer of Cloudflare: %w", err)
	}
	return nil
}
