// Package deploy holds the files with which achuan is deployed: the image, compose files, Kubernetes manifests,
// systemd units, configurations of reverse proxies, templates for hosting platforms, alerts and a dashboard. Its
// only Go code is tests. They check the syntax of the files, run what runs without a cluster, and compare settings
// and grace periods with the program.
package deploy
