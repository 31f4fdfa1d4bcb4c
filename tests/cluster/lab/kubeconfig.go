package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// writeKubeconfig writes a kubeconfig with everything inside the one file.
func writeKubeconfig(path, server string, ca []byte, user clientcmdapi.AuthInfo) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["kubelab"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos["user"] = &user
	config.Contexts["kubelab"] = &clientcmdapi.Context{Cluster: "kubelab", AuthInfo: "user"}
	config.CurrentContext = "kubelab"
	return clientcmd.WriteToFile(*config, path)
}

// writeClientKubeconfig writes NAME.kubeconfig for an issued client certificate.
func (a *authority) writeClientKubeconfig(name, server string) error {
	ca, err := os.ReadFile(a.path("ca.crt"))
	if err != nil {
		return err
	}
	certificate, err := os.ReadFile(a.path(name + ".crt"))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(a.path(name + ".key"))
	if err != nil {
		return err
	}
	return writeKubeconfig(a.path(name+".kubeconfig"), server, ca, clientcmdapi.AuthInfo{
		ClientCertificateData: certificate, ClientKeyData: key,
	})
}

// newServiceAccountCommand makes a kubeconfig that has a ServiceAccount's
// rights and no more, to run a controller with the RBAC that it ships.
func newServiceAccountCommand() *cobra.Command {
	var admin, namespace, name, output, server string
	var lifetime time.Duration
	command := &cobra.Command{
		Use:   "serviceaccount-kubeconfig",
		Short: "Write a kubeconfig with a ServiceAccount's token",
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", admin)
			if err != nil {
				return err
			}
			token, err := requestToken(command.Context(), kubernetes.NewForConfigOrDie(config), namespace, name, lifetime)
			if err != nil {
				return err
			}
			if server == "" {
				server = config.Host
			}
			return writeKubeconfig(output, server, config.CAData, clientcmdapi.AuthInfo{Token: token})
		},
	}
	flags := command.Flags()
	flags.StringVar(&admin, "kubeconfig", "", "kubeconfig of an administrator")
	flags.StringVar(&namespace, "namespace", "default", "namespace of the ServiceAccount")
	flags.StringVar(&name, "name", "default", "name of the ServiceAccount, which has to exist")
	flags.StringVar(&output, "output", "", "file to write")
	flags.StringVar(&server, "server", "", "address to write, when it is not the administrator's")
	flags.DurationVar(&lifetime, "lifetime", 24*time.Hour, "life of the token")
	return command
}

func requestToken(ctx context.Context, client kubernetes.Interface, namespace, name string, lifetime time.Duration) (string, error) {
	seconds := int64(lifetime.Seconds())
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	answer, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("token for %s/%s: %w", namespace, name, err)
	}
	return answer.Status.Token, nil
}
