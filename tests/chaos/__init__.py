"""Random and directed faults in real processes, checked by an independent checker.

cluster/    the servers, twins and services as processes, the network between them, quiescence
clients/    a merchant's client, and the history of everything it asked and was answered
faults/     applies the faults of a plan to a cluster
schedules/  `make chaos`: plans drawn from a seed, customers' traffic, the report
scenarios/  fixed sequences of requests with the result they must have
points/     `make chaos-points`: which scenario passes which fail point
evidence/   what the checker reads, as facts
checks/     the checker
mutants/    `make chaos-mutants`: known bugs that the checker must find
"""
