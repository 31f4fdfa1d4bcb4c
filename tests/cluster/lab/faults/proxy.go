// Package faults is a reverse proxy in front of an API server that breaks
// things when told to: connections, answers and the events of watches. Without
// a fault it passes on everything as it is, over HTTP/2 or HTTP/1.1. Clients
// have to bring a token: their certificates end here.
package faults

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"sync"
)

// Config says between whom to stand.
type Config struct {
	Listen string      // HOST:PORT
	TLS    *tls.Config // shown to clients
	Server *url.URL
	Client *tls.Config // towards the server
}

// Proxy is safe for concurrent use.
type Proxy struct {
	Config
	transport *http.Transport
	server    *http.Server

	mu       sync.Mutex
	fault    Fault
	changed  chan struct{} // closed when the fault changes
	hits     int           // what the current fault has done so far
	listener net.Listener  // nil while connections are refused
	conns    map[*conn]bool
	watches  int
	seen     map[string]bool // every Authorization so far
	expired  map[string]bool // those that are refused
	ended    bool
}

// Start serves until ctx ends.
func Start(ctx context.Context, config Config) (*Proxy, error) {
	p := &Proxy{
		Config:    config,
		transport: &http.Transport{TLSClientConfig: config.Client, ForceAttemptHTTP2: true, DisableCompression: true},
		changed:   make(chan struct{}),
		conns:     map[*conn]bool{},
		seen:      map[string]bool{},
		expired:   map[string]bool{},
	}
	p.server = &http.Server{Handler: p, TLSConfig: config.TLS}
	if err := p.listen(); err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() {
		p.mu.Lock()
		p.ended = true
		p.mu.Unlock()
		p.dropConns(false)
		p.server.Close()
	})
	return p, nil
}

// Address is where it listens, also while it refuses connections.
func (p *Proxy) Address() string { return p.Listen }

// listen begins to accept connections.
func (p *Proxy) listen() error {
	listener, err := net.Listen("tcp", p.Listen)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.Listen = listener.Addr().String() // the same port when it listens again
	p.listener = listener
	p.mu.Unlock()
	go p.server.ServeTLS(&acceptor{listener, p}, "", "")
	return nil
}

// Set replaces the fault, the zero value being none.
func (p *Proxy) Set(fault Fault) error {
	if err := fault.check(); err != nil {
		return err
	}
	p.mu.Lock()
	refusedBefore := p.fault.Mode == Refuse
	if fault.Mode == HalfOpen {
		// They stay dead, whatever comes later.
		for c := range p.conns {
			c.dead = true
		}
	}
	if fault.Mode == HalfOpen {
		p.hits = len(p.conns)
	} else {
		p.hits = 0
	}
	p.expired = map[string]bool{}
	if fault.Mode == Expire {
		p.expired = maps.Clone(p.seen)
	}
	p.fault = fault
	close(p.changed)
	p.changed = make(chan struct{})
	listener := p.listener
	if fault.Mode == Refuse {
		p.listener = nil
	}
	p.mu.Unlock()

	switch fault.Mode {
	case Refuse:
		if listener != nil {
			listener.Close()
		}
		p.dropConns(false)
	case Reset:
		p.dropConns(true)
	}
	if refusedBefore && fault.Mode != Refuse {
		return p.listen()
	}
	return nil
}

// State is what tests wait for.
type State struct {
	Fault       Fault `json:"fault"`
	Hits        int   `json:"hits"`        // connections, requests or events that the fault has touched
	Connections int   `json:"connections"` // open ones
	Watches     int   `json:"watches"`     // that deliver events
}

func (p *Proxy) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return State{Fault: p.fault, Hits: p.hits, Connections: len(p.conns), Watches: p.watches}
}

// current returns the fault and what is closed when it changes.
func (p *Proxy) current() (Fault, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault, p.changed
}

func (p *Proxy) hit() {
	p.mu.Lock()
	p.hits++
	p.mu.Unlock()
}

// ServeHTTP answers in the server's place, or passes the request on.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault, _ := p.current()
	token := r.Header.Get("Authorization")
	p.mu.Lock()
	p.seen[token] = true
	isExpired := p.expired[token]
	p.mu.Unlock()
	if isExpired || fault.answers(r) {
		p.hit()
		fault.answer(w, r)
		return
	}
	response, err := p.forward(r)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			fmt.Printf("%s %s: %v\n", r.Method, r.URL, err)
		}
		panic(http.ErrAbortHandler) // the client sees a broken connection, as it would without us
	}
	defer response.Body.Close()
	maps.Copy(w.Header(), response.Header)
	w.WriteHeader(response.StatusCode)
	if isWatch(r) && response.StatusCode == http.StatusOK {
		p.mu.Lock()
		p.watches++
		p.mu.Unlock()
		defer func() {
			p.mu.Lock()
			p.watches--
			p.mu.Unlock()
		}()
		p.copyEvents(w, r, response.Body)
		return
	}
	if _, err := io.Copy(flushing{w}, response.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (p *Proxy) forward(r *http.Request) (*http.Response, error) {
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.Host = ""
	out.URL.Scheme, out.URL.Host = p.Server.Scheme, p.Server.Host
	out.Header.Del("Connection")
	return p.transport.RoundTrip(out)
}

func isWatch(r *http.Request) bool {
	watch := r.URL.Query().Get("watch")
	return watch == "true" || watch == "1"
}

// flushing sends on what it gets at once.
type flushing struct{ http.ResponseWriter }

func (f flushing) Write(data []byte) (int, error) {
	n, err := f.ResponseWriter.Write(data)
	if err == nil {
		err = http.NewResponseController(f.ResponseWriter).Flush()
	}
	return n, err
}
