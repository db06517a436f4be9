// Command netpol enforces the cluster's NetworkPolicies on this node, by iptables and ipset. It is the
// controller of the kube-router project without its router and its service proxy.
package main

import (
	"context"
	"flag"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "file with the address of the API server")
	node := flag.String("node", "", "the name of this node")
	services := flag.String("service-cidr", "", "the range of the Services' addresses")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	access, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	check(err)
	client, err := kubernetes.NewForConfig(access)
	check(err)
	run(ctx, client, settings(*node, *services))
}

func settings(node, services string) *options.KubeRouterConfig {
	config := options.NewKubeRouterConfig()
	config.HostnameOverride = node
	config.ClusterIPCIDRs = []string{services}
	config.IPTablesSyncPeriod = time.Minute
	config.EnableIPv4 = true
	config.EnableIPv6 = false
	return config
}

// run applies the policies until ctx ends: at every change of a pod, namespace or policy, and each minute.
func run(ctx context.Context, client kubernetes.Interface, config *options.KubeRouterConfig) {
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	tables, sets, err := netpol.NewIPTablesHandlers(config)
	check(err)
	controller, err := netpol.NewNetworkPolicyController(
		client, config, pods, policies, namespaces, &sync.Mutex{}, tables, sets)
	check(err)
	listen(pods, controller.PodEventHandler)
	listen(namespaces, controller.NamespaceEventHandler)
	listen(policies, controller.NetworkPolicyEventHandler)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())

	beats := make(chan *healthcheck.ControllerHeartbeat, 10)
	go func() { // the controller waits for a reader
		for range beats {
		}
	}()
	var running sync.WaitGroup
	running.Add(1)
	controller.Run(beats, ctx.Done(), &running)
	running.Wait()
}

func listen(informer cache.SharedIndexInformer, handler cache.ResourceEventHandler) {
	_, err := informer.AddEventHandler(handler)
	check(err)
}

func check(err error) {
	if err != nil {
		klog.Fatal(err)
	}
}
