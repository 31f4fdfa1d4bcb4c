package echo

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/websocket"
)

// reply is the JSON body of an echoed HTTP request.
type reply struct {
	Path     string              `json:"path"`
	Host     string              `json:"host"`
	Method   string              `json:"method"`
	Proto    string              `json:"proto"`
	Headers  map[string][]string `json:"headers"`
	HTTPPort string              `json:"httpPort"`
	identity
	TLS *tlsReply `json:"tls,omitempty"`
}

type tlsReply struct {
	Version            string   `json:"version"`
	PeerCertificates   []string `json:"peerCertificates,omitempty"`
	ServerName         string   `json:"serverName"`
	NegotiatedProtocol string   `json:"negotiatedProtocol,omitempty"`
	CipherSuite        string   `json:"cipherSuite"`
}

type httpServer struct {
	process  Process
	httpPort string

	mu       sync.Mutex
	attempts map[string]int // failed tries so far, by the uuid of /retry/
}

// Start serves HTTP/1 on 3000, HTTP/2 without TLS on 3001, and HTTPS on
// 8443 when the container has a certificate. It returns once these accept traffic.
func Start(p Process) (Stop, error) {
	s := &httpServer{process: p, httpPort: p.port("HTTP_PORT", "3000"), attempts: map[string]int{}}
	tlsConfig, err := p.tlsConfig()
	if err != nil {
		return nil, err
	}

	var undo cleanup
	serve := func(port string, server *http.Server) error {
		listener, err := p.listen(port)
		if err != nil {
			return err
		}
		if server.TLSConfig != nil {
			go server.ServeTLS(listener, "", "")
		} else {
			go server.Serve(listener)
		}
		undo.add(func() { server.Close() })
		p.logf("Starting server, listening on port %s", port)
		return nil
	}

	h2c := new(http.Protocols)
	h2c.SetHTTP1(true)
	h2c.SetUnencryptedHTTP2(true)
	err = serve(s.httpPort, &http.Server{Handler: http.HandlerFunc(s.route)})
	if err == nil {
		err = serve(p.port("H2C_PORT", "3001"), &http.Server{Handler: http.HandlerFunc(s.routeH2C), Protocols: h2c})
	}
	if err == nil && tlsConfig != nil {
		err = serve(p.port("HTTPS_PORT", "8443"), &http.Server{Handler: http.HandlerFunc(s.route), TLSConfig: tlsConfig})
	}
	if err != nil {
		undo.run()
		return nil, err
	}
	return undo.run, nil
}

// route does without http.ServeMux, which redirects paths that it would clean.
func (s *httpServer) route(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/health":
		io.WriteString(w, "OK")
	case path == "/ws":
		websocket.Handler(func(conn *websocket.Conn) { io.Copy(conn, conn) }).ServeHTTP(w, r)
	case strings.HasPrefix(path, "/status/"):
		s.status(w, r)
	case strings.HasPrefix(path, "/retry/"):
		s.retry(w, r)
	default:
		s.echo(w, r)
	}
}

func (s *httpServer) routeH2C(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 2 && r.Header.Get("Upgrade") != "h2c" {
		http.Error(w, "Expected h2c request", http.StatusBadRequest)
		return
	}
	s.echo(w, r)
}

// status answers /status/NNN with that code.
func (s *httpServer) status(w http.ResponseWriter, r *http.Request) {
	digits := strings.TrimPrefix(r.RequestURI, "/status/")
	code, err := strconv.Atoi(digits)
	if err != nil || len(digits) != 3 || code < 100 {
		code = http.StatusBadRequest
	}
	w.WriteHeader(code)
}

// retry fails the first succeedAfter tries of a uuid: with responseCode when
// the query has one, else by resetting the connection.
func (s *httpServer) retry(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	uuid := query.Get("uuid")
	succeedAfter, err := strconv.Atoi(query.Get("succeedAfter"))
	if uuid == "" || err != nil {
		http.Error(w, "uuid and succeedAfter are required", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	fail := s.attempts[uuid] < succeedAfter
	if fail {
		s.attempts[uuid]++
	}
	s.mu.Unlock()
	if !fail {
		s.echo(w, r)
		return
	}
	if !wait(w, r, "delayRetry") {
		return
	}
	if code, err := strconv.Atoi(query.Get("responseCode")); err == nil {
		w.WriteHeader(code)
		return
	}
	reset(w)
}

func (s *httpServer) echo(w http.ResponseWriter, r *http.Request) {
	// Mirror tests look for this line in the Pod's log.
	s.process.logf("Echoing back request made to %s to client (%s)", r.RequestURI, r.RemoteAddr)
	if !wait(w, r, "delay") {
		return
	}
	body, err := json.MarshalIndent(reply{
		Path: r.RequestURI, Host: r.Host, Method: r.Method, Proto: r.Proto,
		Headers: r.Header, HTTPPort: s.httpPort,
		identity: s.process.identity(), TLS: newTLSReply(r.TLS),
	}, "", " ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	setRequestedHeaders(w.Header(), r.Header["X-Echo-Set-Header"])
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(body)
}

// wait sleeps for the duration in a query parameter. False means that it has
// answered the request itself.
func wait(w http.ResponseWriter, r *http.Request, parameter string) bool {
	value := r.FormValue(parameter)
	if value == "" {
		return true
	}
	delay, err := time.ParseDuration(value)
	if err != nil {
		http.Error(w, fmt.Sprintf("%s: %v", parameter, err), http.StatusInternalServerError)
		return false
	}
	time.Sleep(delay)
	return true
}

// reset ends the connection with a TCP RST instead of an answer.
func reset(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		http.Error(w, "connection cannot be reset", http.StatusInternalServerError)
		return
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// setRequestedHeaders adds response headers that the client asked for as
// "name:value, name:value", with the spelling of the name kept.
func setRequestedHeaders(header http.Header, requests []string) {
	for _, list := range requests {
		for pair := range strings.SplitSeq(list, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), ":")
			if len(header[name]) == 0 {
				header[name] = []string{value}
			} else {
				header[name][0] += "," + strings.TrimSpace(value)
			}
		}
	}
}

func newTLSReply(state *tls.ConnectionState) *tlsReply {
	if state == nil {
		return nil
	}
	return &tlsReply{
		Version:            tlsVersion(state.Version),
		PeerCertificates:   peerPEM(*state),
		ServerName:         state.ServerName,
		NegotiatedProtocol: state.NegotiatedProtocol,
		CipherSuite:        tls.CipherSuiteName(state.CipherSuite),
	}
}
