package faults

import (
	"net"
	"time"
)

// acceptor hands out connections that obey the faults.
type acceptor struct {
	net.Listener
	proxy *Proxy
}

func (a *acceptor) Accept() (net.Conn, error) {
	for {
		accepted, err := a.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: accepted, proxy: a.proxy, closed: make(chan struct{})}
		a.proxy.mu.Lock()
		isReset, isEnded := a.proxy.fault.Mode == Reset, a.proxy.ended
		if isReset {
			a.proxy.hits++
		} else {
			a.proxy.conns[c] = true
		}
		a.proxy.mu.Unlock()
		if isReset || isEnded {
			c.drop(true)
			continue
		}
		return c, nil
	}
}

// dropConns ends every open connection.
func (p *Proxy) dropConns(withReset bool) {
	p.mu.Lock()
	var open []*conn
	for c := range p.conns {
		open = append(open, c)
	}
	p.hits += len(open)
	p.mu.Unlock()
	for _, c := range open {
		c.drop(withReset)
	}
}

// conn is a client's connection, below TLS.
type conn struct {
	net.Conn
	proxy  *Proxy
	dead   bool          // guarded by proxy.mu; never goes back
	closed chan struct{} // closed by Close, guarded by proxy.mu
}

func (c *conn) Read(data []byte) (int, error) {
	n, err := c.Conn.Read(data)
	if gateErr := c.gate(); gateErr != nil {
		return 0, gateErr
	}
	return n, err
}

func (c *conn) Write(data []byte) (int, error) {
	sent := 0
	for {
		if err := c.gate(); err != nil {
			return sent, err
		}
		fault, changed := c.proxy.current()
		piece := data[sent:]
		if fault.Mode == Slow && len(piece) > fault.Bytes {
			piece = piece[:fault.Bytes]
		}
		n, err := c.Conn.Write(piece)
		sent += n
		if err != nil || sent == len(data) {
			return sent, err
		}
		c.proxy.hit()
		select {
		case <-time.After(time.Second / 10):
		case <-changed:
		case <-c.closed:
			return sent, net.ErrClosed
		}
	}
}

// gate waits while nothing may pass.
func (c *conn) gate() error {
	for {
		c.proxy.mu.Lock()
		isHeld, changed := c.dead || c.proxy.fault.Mode == Silence, c.proxy.changed
		if isHeld && !c.dead {
			c.proxy.hits++
		}
		c.proxy.mu.Unlock()
		if !isHeld {
			return nil
		}
		select {
		case <-changed:
		case <-c.closed:
			return net.ErrClosed
		}
	}
}

func (c *conn) Close() error {
	c.forget()
	return c.Conn.Close()
}

// drop ends the connection below whatever still uses it.
func (c *conn) drop(withReset bool) {
	if tcp, ok := c.Conn.(*net.TCPConn); ok && withReset {
		tcp.SetLinger(0)
	}
	c.Close()
}

func (c *conn) forget() {
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	delete(c.proxy.conns, c)
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
}
