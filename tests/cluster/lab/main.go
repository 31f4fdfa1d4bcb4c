// Kubelab is a real Kubernetes control plane in two processes, with one node
// that is not real, for testing a controller where no containers can run.
//
//	kubelab up --dir DIR             run a cluster until interrupted
//	kubelab faults ...               a proxy in front of the API server that breaks things when told to
//	kubelab load                     steady load that checks every answer
//	kubelab serviceaccount-kubeconfig ...
//
// kube-apiserver is Kubernetes' own program, which `up` starts.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	commands := map[string]func() *cobra.Command{
		"up":                        newUpCommand,
		"faults":                    newFaultsCommand,
		"load":                      newLoadCommand,
		"serviceaccount-kubeconfig": newServiceAccountCommand,
		"kube-apiserver":            apiserver.NewAPIServerCommand,
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: kubelab up | faults | load | serviceaccount-kubeconfig | kube-apiserver")
		os.Exit(2)
	}
	name := os.Args[1]
	os.Args = os.Args[1:] // each command parses its own arguments
	os.Exit(cli.Run(commands[name]()))
}
