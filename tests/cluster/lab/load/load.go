// Package load asks one address at a steady rate and checks every answer: what
// was expected, what came, and how long it took.
package load

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Row is a request, and the Service whose Pod has to answer it.
type Row struct {
	Host    string `json:"host"`
	Target  string `json:"target"`
	Service string `json:"service"`
}

// Plan is what to do until it ends.
type Plan struct {
	Address string  `json:"address"`
	TLS     bool    `json:"tls"`  // with the row's host as server name; nothing is verified
	Rate    float64 `json:"rate"` // requests a second, over all connections
	Workers int     `json:"workers"`
	// A connection is closed by us after so many requests; 0 = never. New ones
	// show whether new clients are served too.
	RequestsPerConnection int   `json:"requests_per_connection"`
	Rows                  []Row `json:"rows"`
}

// Result counts what has come so far.
type Result struct {
	OK       int64    `json:"ok"`
	Failed   int64    `json:"failed"`
	Failures []string `json:"failures,omitempty"` // the first of them
	Rate     float64  `json:"rate"`
	P50ms    float64  `json:"p50_ms"`
	P99ms    float64  `json:"p99_ms"`
	MaxMs    float64  `json:"max_ms"`
}

const (
	maxFailures = 20
	timeout     = 10 * time.Second
)

// Run is one load under way.
type Run struct {
	plan   Plan
	began  time.Time
	next   atomic.Int64 // number of the next request
	ok     atomic.Int64
	failed atomic.Int64

	mu       sync.Mutex
	failures []string
	took     []time.Duration
}

// Start begins; what is under way when ctx ends is still finished before wait returns.
func Start(ctx context.Context, plan Plan) (run *Run, wait func()) {
	run = &Run{plan: plan, began: time.Now()}
	var workers sync.WaitGroup
	for range plan.Workers {
		workers.Go(func() { run.work(ctx) })
	}
	return run, workers.Wait
}

func (r *Run) work(ctx context.Context) {
	client, sent := r.connect(), 0
	defer func() { client.CloseIdleConnections() }()
	for {
		number := r.next.Add(1) - 1
		due := r.began.Add(time.Duration(float64(number) / r.plan.Rate * float64(time.Second)))
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		if r.plan.RequestsPerConnection > 0 && sent == r.plan.RequestsPerConnection {
			client.CloseIdleConnections()
			client, sent = r.connect(), 0
		}
		sent++
		row := r.plan.Rows[number%int64(len(r.plan.Rows))]
		asked := time.Now()
		err := r.ask(client, row)
		if err == nil {
			r.ok.Add(1)
		} else {
			r.failed.Add(1)
		}
		r.mu.Lock()
		r.took = append(r.took, time.Since(asked))
		if err != nil && len(r.failures) < maxFailures {
			r.failures = append(r.failures, fmt.Sprintf("after %.2f s: %s%s: %v",
				time.Since(r.began).Seconds(), row.Host, row.Target, err))
		}
		r.mu.Unlock()
	}
}

// connect makes a client with one connection, which never asks twice by itself:
// a request that has failed counts.
func (r *Run) connect() *http.Client {
	var dialer net.Dialer
	return &http.Client{Timeout: timeout, Transport: &http.Transport{
		MaxConnsPerHost: 1,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", r.plan.Address)
		},
	}}
}

func (r *Run) ask(client *http.Client, row Row) error {
	scheme := "http"
	if r.plan.TLS {
		scheme = "https"
	}
	// A POST without Idempotency-Key is not sent again by net/http.
	request, err := http.NewRequest("POST", scheme+"://"+row.Host+row.Target, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%s, then %w", response.Status, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %.200s", response.Status, body)
	}
	var who struct {
		Service string `json:"service"`
	}
	if err := json.Unmarshal(body, &who); err != nil {
		return fmt.Errorf("%w in %.200s", err, body)
	}
	if who.Service != row.Service {
		return fmt.Errorf("answered by %s, not by %s", who.Service, row.Service)
	}
	return nil
}

func (r *Run) Result() Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	took := slices.Sorted(slices.Values(r.took))
	at := func(share float64) float64 {
		if len(took) == 0 {
			return 0
		}
		return float64(took[int(share*float64(len(took)-1))].Microseconds()) / 1000
	}
	return Result{
		OK: r.ok.Load(), Failed: r.failed.Load(), Failures: r.failures,
		Rate: float64(len(took)) / time.Since(r.began).Seconds(), P50ms: at(0.5), P99ms: at(0.99), MaxMs: at(1),
	}
}

// Progress is cheap to ask for.
func (r *Run) Progress() (ok, failed int64) { return r.ok.Load(), r.failed.Load() }
