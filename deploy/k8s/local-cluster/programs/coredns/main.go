// Command coredns is CoreDNS with the plugins that `config/dns.yaml` uses.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/loop"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
)

func main() {
	// Plugins answer in this order. `template` answers everything, so it must follow `kubernetes`.
	dnsserver.Directives = []string{
		"ready", "health", "errors", "log", "cache", "kubernetes", "template", "loop", "forward",
	}
	coremain.Run()
}
