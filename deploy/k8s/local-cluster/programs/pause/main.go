// Command pause is the first process of every pod: it keeps the pod's namespaces open, and collects
// processes whose parents have ended.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	received := make(chan os.Signal, 8)
	signal.Notify(received, syscall.SIGTERM, syscall.SIGINT, syscall.SIGCHLD)
	for each := range received {
		if each != syscall.SIGCHLD {
			return
		}
		collect()
	}
}

// collect reads the exit status of every child that has ended.
func collect() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if pid <= 0 || err != nil {
			return
		}
	}
}
