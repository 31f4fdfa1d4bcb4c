package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"kubelab/faults"
)

func newFaultsCommand() *cobra.Command {
	var dir, listen, control, server string
	command := &cobra.Command{
		Use:   "faults",
		Short: "Stand in front of the API server and break things when told to",
		RunE: func(*cobra.Command, []string) error {
			ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer cancel()
			return runFaults(ctx, dir, listen, control, server)
		},
	}
	flags := command.Flags()
	flags.StringVar(&dir, "dir", "", "the folder that `up` was told")
	flags.StringVar(&listen, "listen", faultsAddress, "HOST:PORT for clients, with the certificate of the API server")
	flags.StringVar(&control, "control", "", "unix socket: GET or PUT /fault as JSON")
	flags.StringVar(&server, "server", apiServer, "URL of the API server")
	return command
}

func runFaults(ctx context.Context, dir, listen, control, server string) error {
	target, err := url.Parse(server)
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "apiserver.crt"), filepath.Join(dir, "apiserver.key"))
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return err
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(ca)
	proxy, err := faults.Start(ctx, faults.Config{
		Listen: listen,
		TLS:    &tls.Config{Certificates: []tls.Certificate{pair}},
		Server: target,
		Client: &tls.Config{RootCAs: trusted},
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("unix", control)
	if err != nil {
		return err
	}
	controller := &http.Server{Handler: controlFaults(proxy)}
	context.AfterFunc(ctx, func() { controller.Close() })
	if err := controller.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

// controlFaults answers with the state after the request.
func controlFaults(proxy *faults.Proxy) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /fault", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(proxy.State())
	})
	mux.HandleFunc("PUT /fault", func(w http.ResponseWriter, r *http.Request) {
		var fault faults.Fault
		if err := json.NewDecoder(r.Body).Decode(&fault); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := proxy.Set(fault); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(proxy.State())
	})
	return mux
}
