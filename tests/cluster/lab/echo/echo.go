// Package echo answers test traffic the way the backend image of the conformance
// suites does (echo-basic), but each server binds one address instead of all of
// them, so that many can share a network namespace.
package echo

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
)

// Process is what a container gives to the program that runs in it.
type Process struct {
	IP       string
	Env      map[string]string
	ReadFile func(path string) ([]byte, error) // the container's mounted files
	Log      io.Writer                         // becomes the container's log
}

// Stop ends a server and its open connections.
type Stop func()

// identity is the part of every reply that says which Pod gave it.
type identity struct {
	Namespace string `json:"namespace"`
	Ingress   string `json:"ingress"`
	Service   string `json:"service"`
	Pod       string `json:"pod"`
}

func (p Process) identity() identity {
	return identity{
		Namespace: p.Env["NAMESPACE"],
		Ingress:   p.Env["INGRESS_NAME"],
		Service:   p.Env["SERVICE_NAME"],
		Pod:       p.Env["POD_NAME"],
	}
}

// port reads a port from the environment.
func (p Process) port(name, fallback string) string {
	if value := p.Env[name]; value != "" {
		return value
	}
	return fallback
}

func (p Process) listen(port string) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort(p.IP, port))
}

func (p Process) logf(format string, args ...any) {
	fmt.Fprintf(p.Log, format+"\n", args...)
}

// tlsConfig loads the certificate named by the environment; nil when the
// container has none.
func (p Process) tlsConfig() (*tls.Config, error) {
	certFile, keyFile := p.Env["TLS_SERVER_CERT"], p.Env["TLS_SERVER_PRIVKEY"]
	if certFile == "" || keyFile == "" {
		return nil, nil
	}
	certPEM, err := p.ReadFile(certFile)
	if err != nil {
		return nil, err
	}
	keyPEM, err := p.ReadFile(keyFile)
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if caFile := p.Env["TLS_CLIENT_CACERTS"]; caFile != "" {
		caPEM, err := p.ReadFile(caFile)
		if err != nil {
			return nil, err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(caPEM) {
			return nil, fmt.Errorf("no certificate in %s", caFile)
		}
		// A client without a certificate is let in, and the reply shows it.
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return config, nil
}

// tlsVersion names a version the way the suite compares it.
func tlsVersion(version uint16) string {
	switch version {
	case tls.VersionTLS13:
		return "TLSv1.3"
	case tls.VersionTLS12:
		return "TLSv1.2"
	}
	return ""
}

func peerPEM(state tls.ConnectionState) []string {
	var certificates []string
	for _, certificate := range state.PeerCertificates {
		block := &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}
		certificates = append(certificates, string(pem.EncodeToMemory(block)))
	}
	return certificates
}

// cleanup collects what a half-started server must give back.
type cleanup []func()

func (c *cleanup) add(f func()) { *c = append(*c, f) }

func (c cleanup) run() {
	for i := len(c) - 1; i >= 0; i-- {
		c[i]()
	}
}
