module cift.markets/local-cluster/pause

go 1.24.0
