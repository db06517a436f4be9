// Command etcd is the server of the etcd project. `go install` refuses its own command, because that
// module has replace directives.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
