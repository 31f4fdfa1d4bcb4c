package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// controlPlane is etcd and the API server, which tests may stop and start.
// Their data stays in dir meanwhile.
type controlPlane struct {
	dir   string
	flags []string
	fail  context.CancelCauseFunc // ends the cluster when a part ends unasked

	onStart func() error // after a part was started again

	mu     sync.Mutex
	store  *embed.Etcd
	server *child
}

func newControlPlane(dir string, flags []string, fail context.CancelCauseFunc) *controlPlane {
	return &controlPlane{dir: dir, flags: flags, fail: fail}
}

const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  userGroups: ["system:masters"]
- level: None
  users: ["system:apiserver", "system:anonymous"]
- level: Metadata
`

func (c *controlPlane) start() error {
	if err := os.WriteFile(filepath.Join(c.dir, "audit-policy.yaml"), []byte(auditPolicy), 0o644); err != nil {
		return err
	}
	if err := c.startEtcd(); err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	return c.startServer()
}

func (c *controlPlane) stop() {
	c.stopServer(syscall.SIGTERM)
	c.stopEtcd()
}

func (c *controlPlane) startEtcd() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.store != nil {
		return errors.New("runs already")
	}
	config := embed.NewConfig()
	config.Dir = filepath.Join(c.dir, "etcd")
	config.UnsafeNoFsync = true // the data does not outlive the run
	config.LogLevel = "warn"
	config.LogOutputs = []string{filepath.Join(c.dir, "etcd.log")}
	client, _ := url.Parse(etcdClient)
	peer, _ := url.Parse(etcdPeer)
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	store, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	select {
	case <-store.Server.ReadyNotify():
		c.store = store
		return nil
	case err := <-store.Err():
		return err
	}
}

func (c *controlPlane) stopEtcd() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.store == nil {
		return errors.New("does not run")
	}
	c.store.Close()
	c.store = nil
	return nil
}

func (c *controlPlane) startServer() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil {
		return errors.New("runs already")
	}
	server, err := startChild(c.dir, "kube-apiserver", c.flags, c.fail)
	if err == nil {
		c.server = server
	}
	return err
}

func (c *controlPlane) stopServer(how syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server == nil {
		return errors.New("does not run")
	}
	c.server.end(how)
	c.server = nil
	return nil
}

// serveControl answers POST /PART/start, /PART/stop and, of the API server,
// /PART/kill on a unix socket. Part is etcd or kube-apiserver. An answer comes
// when it is done: of a start, when the whole cluster works again.
func (c *controlPlane) serveControl(ctx context.Context, path string) error {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	again := func(start func() error) func() error {
		return func() error {
			if err := start(); err != nil {
				return err
			}
			return c.onStart()
		}
	}
	actions := map[string]func() error{
		"etcd/start":           again(c.startEtcd),
		"etcd/stop":            c.stopEtcd,
		"kube-apiserver/start": again(c.startServer),
		"kube-apiserver/stop":  func() error { return c.stopServer(syscall.SIGTERM) },
		"kube-apiserver/kill":  func() error { return c.stopServer(syscall.SIGKILL) },
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{part}/{action}", func(w http.ResponseWriter, r *http.Request) {
		act := actions[r.PathValue("part")+"/"+r.PathValue("action")]
		if act == nil {
			http.NotFound(w, r)
		} else if err := act(); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
		}
	})
	server := &http.Server{Handler: mux}
	context.AfterFunc(ctx, func() { server.Close() })
	go server.Serve(listener)
	return nil
}

// child is one of Kubernetes' programs, run from this same binary.
type child struct {
	command *exec.Cmd
	exited  chan struct{}

	mu     sync.Mutex
	wanted bool // its end
}

// startChild runs a program with its output in NAME.log. failed is called when
// it ends by itself.
func startChild(dir, name string, flags []string, failed context.CancelCauseFunc) (*child, error) {
	output, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	command := exec.Command("/proc/self/exe", append([]string{name}, flags...)...)
	command.Args[0] = name
	command.Stdout, command.Stderr = output, output
	// Go ends no thread that it started, so the signal comes only with the end of this process.
	// Its own group, so that an interrupt from the terminal reaches only us and
	// the order of stopping stays ours.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c := &child{command: command, exited: make(chan struct{})}
	if err := command.Start(); err != nil {
		return nil, err
	}
	go func() {
		err := command.Wait()
		close(c.exited)
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.wanted {
			failed(fmt.Errorf("%s ended (%v), see %s", name, err, output.Name()))
		}
	}()
	return c, nil
}

// end sends the child a signal and waits for its end, which is forced when it
// takes long.
func (c *child) end(how syscall.Signal) {
	c.mu.Lock()
	c.wanted = true
	c.mu.Unlock()
	c.command.Process.Signal(how)
	select {
	case <-c.exited:
	case <-time.After(3 * time.Second):
		c.command.Process.Kill()
		<-c.exited
	}
}
