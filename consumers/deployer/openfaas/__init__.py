"""Functions behind an OpenFaaS gateway: faasd on one machine, faas-netes on Kubernetes."""
