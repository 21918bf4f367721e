package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client asks a running daemon.
type Client struct {
	Address string // of its --http
	Daemon  string // what it is: "reflector" or "agent"
}

// clientPatience bounds the wait for an answer to begin. How long it goes on is a
// matter of how many routes there are.
const clientPatience = 10 * time.Second

// Get asks for a list and gives the answer as it comes in.
func (c Client) Get(ctx context.Context, list string, query url.Values) (io.ReadCloser, error) {
	target := url.URL{Scheme: "http", Host: c.Address, Path: "/api/v1/" + list, RawQuery: query.Encode()}
	return c.do(ctx, http.MethodGet, target, nil)
}

// Post puts a question that is too long for an address.
func (c Client) Post(ctx context.Context, question string, body any) (io.ReadCloser, error) {
	octets, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return c.do(ctx, http.MethodPost, url.URL{Scheme: "http", Host: c.Address, Path: "/api/v1/" + question}, bytes.NewReader(octets))
}

func (c Client) do(ctx context.Context, method string, target url.URL, body io.Reader) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, target.String(), body)
	if err != nil {
		return nil, fmt.Errorf("--http %s: want an address such as 127.0.0.1:8179", c.Address)
	}
	transport := &http.Transport{
		DialContext:           (&net.Dialer{Timeout: clientPatience}).DialContext,
		ResponseHeaderTimeout: clientPatience,
		DisableKeepAlives:     true,
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	defer response.Body.Close()
	var refusal struct{ Error string }
	if json.NewDecoder(response.Body).Decode(&refusal) != nil || refusal.Error == "" {
		return nil, fmt.Errorf("what answers at %s is no %s of this release (%s): is --http right?", c.Address, c.Daemon, response.Status)
	}
	return nil, fmt.Errorf("the %s at %s: %s", c.Daemon, c.Address, refusal.Error)
}

// unreachable says what was tried and what to look at.
func (c Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	reason := err
	if dial, ok := errors.AsType[*net.OpError](err); ok {
		reason = dial.Err
	}
	text := strings.TrimPrefix(reason.Error(), "connect: ")
	return fmt.Errorf("no answer from %s (%s): is the %s running, and is this its --http address?", c.Address, text, c.Daemon)
}

// Each hands over the elements of a JSON array one by one. An array that breaks
// off is an error.
func Each[T any](body io.Reader, take func(T)) error {
	d := json.NewDecoder(body)
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("the answer breaks off: %w", err)
	}
	for d.More() {
		var element T
		if err := d.Decode(&element); err != nil {
			return fmt.Errorf("the answer breaks off: %w", err)
		}
		take(element)
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("the answer breaks off: %w", err)
	}
	return nil
}
