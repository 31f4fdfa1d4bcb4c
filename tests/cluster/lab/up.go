package main

import (
	"context"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"kubelab/echo"
	"kubelab/node"
)

// Addresses of the lab. It owns the network namespace that it runs in, so they
// are constants; scripts/cluster.sh makes every address of these ranges
// bindable there.
const (
	nodeName      = "kubelab"
	nodeAddress   = "10.240.0.1"
	podRange      = "10.244.0.0/16"
	serviceRange  = "10.96.0.0/16"
	apiServiceIP  = "10.96.0.1" // Kubernetes takes the first of serviceRange
	apiServer     = "https://127.0.0.1:6443"
	etcdClient    = "http://127.0.0.1:2379"
	etcdPeer      = "http://127.0.0.1:2380"
	faultsAddress = "127.0.0.1:7443" // in the API server's place, for who is to see faults
)

func newUpCommand() *cobra.Command {
	var dir string
	command := &cobra.Command{
		Use:   "up",
		Short: "Run a cluster until interrupted",
		RunE: func(*cobra.Command, []string) error {
			ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer cancel()
			return up(ctx, dir)
		},
	}
	command.Flags().StringVar(&dir, "dir", "", "empty folder for data, keys, logs and kubeconfigs")
	return command
}

// up runs a new cluster. When it is usable it writes the file "ready".
func up(interrupted context.Context, dir string) error {
	began := time.Now()
	if dir == "" {
		return errors.New("--dir is needed")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	ca, err := newAuthority(dir)
	if err != nil {
		return err
	}
	if err := issueAll(ca); err != nil {
		return err
	}

	ctx, fail := context.WithCancelCause(interrupted)
	defer fail(nil)
	plane := newControlPlane(dir, apiServerFlags(ca), fail)
	if err := plane.start(); err != nil {
		return err
	}
	defer plane.stop()
	config, err := clientcmd.BuildConfigFromFlags("", ca.path("admin.kubeconfig"))
	if err != nil {
		return err
	}
	config.QPS = -1 // the lab's own parts are not the thing to slow down
	client := kubernetes.NewForConfigOrDie(config)
	if err := waitReady(ctx, client); err != nil {
		return err
	}
	pods, err := startNode(ctx, ca, client)
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	dependent := &others{ctx: ctx, config: config, client: client, node: pods}
	if err := dependent.start(); err != nil {
		return err
	}
	plane.onStart = dependent.start
	if err := plane.serveControl(ctx, filepath.Join(dir, "control.sock")); err != nil {
		return err
	}

	took := time.Since(began).Round(10 * time.Millisecond).String()
	log.Printf("ready after %s", took)
	if err := os.WriteFile(filepath.Join(dir, "ready"), []byte(took+"\n"), 0o644); err != nil {
		return err
	}
	<-ctx.Done()
	if interrupted.Err() != nil {
		return nil
	}
	return context.Cause(ctx)
}

// others are what works by the API server. They start again with it, because
// the libraries of Kubernetes wait up to half a minute and more before they try
// a server again that was away.
type others struct {
	ctx    context.Context
	config *restclient.Config
	client kubernetes.Interface
	node   *node.Node
	cancel context.CancelFunc // of the last start
}

// start returns when all of it works.
func (r *others) start() error {
	if err := waitReady(r.ctx, r.client); err != nil {
		return err
	}
	if r.cancel != nil {
		r.cancel()
	}
	ctx, cancel := context.WithCancel(r.ctx)
	r.cancel = cancel
	if err := startControllers(ctx, r.config); err != nil {
		return fmt.Errorf("controllers: %w", err)
	}
	if err := r.node.Observe(ctx); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	return waitDefaultServiceAccount(ctx, r.client)
}

// issueAll makes the certificates and kubeconfigs of everything in the lab.
func issueAll(ca *authority) error {
	if _, err := ca.newKey("service-account"); err != nil {
		return err
	}
	clients := []struct {
		name    string
		subject pkix.Name
	}{
		{"admin", pkix.Name{CommonName: "kubelab-admin", Organization: []string{"system:masters"}}},
		{"apiserver-to-node", pkix.Name{CommonName: "kube-apiserver"}},
	}
	for _, client := range clients {
		if err := ca.issue(client.name, client.subject); err != nil {
			return err
		}
		if err := ca.writeClientKubeconfig(client.name, apiServer); err != nil {
			return err
		}
	}
	if err := ca.issue("node", pkix.Name{CommonName: "system:node:" + nodeName}, nodeName, nodeAddress); err != nil {
		return err
	}
	// Shown by the API server and by the proxy with faults.
	return ca.issue("apiserver", pkix.Name{CommonName: "kube-apiserver"},
		"127.0.0.1", "localhost", nodeAddress, apiServiceIP,
		"kubernetes", "kubernetes.default", "kubernetes.default.svc")
}

func apiServerFlags(ca *authority) []string {
	return []string{
		"--etcd-servers=" + etcdClient,
		"--secure-port=6443",
		"--advertise-address=" + nodeAddress,
		"--service-cluster-ip-range=" + serviceRange,
		"--client-ca-file=" + ca.path("ca.crt"),
		"--tls-cert-file=" + ca.path("apiserver.crt"),
		"--tls-private-key-file=" + ca.path("apiserver.key"),
		"--kubelet-certificate-authority=" + ca.path("ca.crt"),
		"--kubelet-client-certificate=" + ca.path("apiserver-to-node.crt"),
		"--kubelet-client-key=" + ca.path("apiserver-to-node.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + ca.path("service-account.key"),
		"--service-account-signing-key-file=" + ca.path("service-account.key"),
		"--authorization-mode=RBAC",
		// What RBAC lets through and what it refuses is read by tests.
		"--audit-policy-file=" + ca.path("audit-policy.yaml"),
		"--audit-log-path=" + ca.path("audit.log"),
		// Watches end while tests run, not only once an hour; the server takes between this and twice as long.
		"--min-request-timeout=60",
	}
}

// startNode runs the node inside this process.
func startNode(ctx context.Context, ca *authority, client kubernetes.Interface) (*node.Node, error) {
	logTLS, err := ca.serverTLS("node")
	if err != nil {
		return nil, err
	}
	program := func(c node.Container) (func(), error) {
		return echo.Start(echo.Process{IP: c.IP, Env: c.Env, ReadFile: c.ReadFile, Log: c.Log})
	}
	n := node.New(node.Config{
		Client:   client,
		Name:     nodeName,
		Address:  netip.MustParseAddr(nodeAddress),
		Pods:     netip.MustParsePrefix(podRange),
		LogTLS:   logTLS,
		Programs: map[string]node.Program{"echo-basic": program},
	})
	return n, n.Start(ctx)
}

// waitReady waits until the API server says that it is ready.
func waitReady(ctx context.Context, client kubernetes.Interface) error {
	return poll(ctx, "API server", func() error {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

// waitDefaultServiceAccount waits for the sign that controllers work.
func waitDefaultServiceAccount(ctx context.Context, client kubernetes.Interface) error {
	return poll(ctx, "controllers", func() error {
		_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

func poll(ctx context.Context, what string, try func() error) error {
	deadline := time.Now().Add(2 * time.Minute)
	for {
		err := try()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s not ready: %w", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
