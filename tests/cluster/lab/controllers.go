package main

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/deployment"
	"k8s.io/kubernetes/pkg/controller/endpointslice"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/replicaset"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
)

const (
	maxEndpointsPerSlice = 100 // Kubernetes' default
	gcSyncPeriod         = 30 * time.Second
	workersPerController = 5
)

// startControllers runs Kubernetes' own controllers in this process: those that
// turn Deployments into Pods and endpoints, and those that clean up.
// kube-controller-manager would bring some 500 packages more to compile.
func startControllers(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	objects, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	shared := informers.NewSharedInformerFactory(client, 0)
	metadataOnly := metadatainformer.NewSharedInformerFactory(objects, 0)
	core, apps := shared.Core().V1(), shared.Apps().V1()

	deployments, err := deployment.NewDeploymentController(ctx, apps.Deployments(), apps.ReplicaSets(), core.Pods(), client)
	if err != nil {
		return err
	}
	replicaSets := replicaset.NewReplicaSetController(ctx, apps.ReplicaSets(), core.Pods(), client, replicaset.BurstReplicas)
	slices := endpointslice.NewController(ctx, core.Pods(), core.Services(), core.Nodes(),
		shared.Discovery().V1().EndpointSlices(), maxEndpointsPerSlice, client, 0)
	namespaces := namespace.NewNamespaceController(ctx, client, objects,
		client.Discovery().ServerPreferredNamespacedResources, core.Namespaces(), 5*time.Minute, corev1.FinalizerKubernetes)
	accounts, err := serviceaccount.NewServiceAccountsController(klog.FromContext(ctx), core.ServiceAccounts(), core.Namespaces(),
		client, serviceaccount.DefaultServiceAccountsControllerOptions())
	if err != nil {
		return err
	}

	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	go wait.Until(mapper.Reset, gcSyncPeriod, ctx.Done())
	started := make(chan struct{})
	graph := garbagecollector.NewDependencyGraphBuilder(ctx, objects, mapper, garbagecollector.DefaultIgnoredResources(),
		informerfactory.NewInformerFactory(shared, metadataOnly), started)
	garbage, err := garbagecollector.NewComposedGarbageCollector(ctx, client, objects, mapper, graph)
	if err != nil {
		return err
	}

	for _, run := range []func(context.Context, int){
		deployments.Run, replicaSets.Run, slices.Run, namespaces.Run, accounts.Run,
		func(ctx context.Context, workers int) { garbage.Run(ctx, workers, gcSyncPeriod) },
		func(ctx context.Context, _ int) { garbage.Sync(ctx, client.Discovery(), gcSyncPeriod) },
	} {
		go run(ctx, workersPerController)
	}
	shared.Start(ctx.Done())
	metadataOnly.Start(ctx.Done())
	close(started)
	return nil
}
