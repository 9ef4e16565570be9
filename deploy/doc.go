// Package deploy holds what runs achuan elsewhere than on a desk: the image, compose
// files, Kubernetes manifests, units of systemd, pages for reverse proxies, templates
// for hosting platforms, alerts and a dashboard. Its only Go code is tests, which try
// each as far as a machine without a cluster can: they check syntax, run what can be
// run, and hold settings and grace periods to what the program has.
package deploy
