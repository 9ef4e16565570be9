// Package deploy checks the files of the folder deploy against the published schema of compose files and the types of
// the Kubernetes API. It is a module of its own, so that these are not dependencies of achuan.
package deploy

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

const deployFolder = "../../deploy/"

// Each compose file fits the published schema, has the expected services, and needs a JWT.
func TestComposeFiles(t *testing.T) {
	environ := map[string]string{
		"ACHUAN_JWT": "a.b.c", "ACHUAN_API_KEYS": "key", "POSTGRES_PASSWORD": "secret",
		"SERVICE_PASSWORD_64_ACHUAN": "key", "SERVICE_PASSWORD_64_ADMIN": "admin",
	}
	for file, services := range map[string][]string{
		"compose/one.yaml":     {"achuan"},
		"compose/three.yaml":   {"achuan-1", "achuan-2", "achuan-3", "postgres", "proxy"},
		"coolify/compose.yaml": {"achuan"},
	} {
		t.Run(file, func(t *testing.T) {
			p, err := loadCompose(t, file, environ)
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Sorted(maps.Keys(p.Services)); !slices.Equal(got, services) {
				t.Errorf("services = %v, want %v", got, services)
			}
			for name, s := range p.Services {
				if s.Build == nil {
					continue
				}
				if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || s.StopGracePeriod == nil {
					t.Errorf("service %s = %+v, want read-only, without capabilities, with a grace period", name, s)
				}
				if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
					t.Error(err)
				}
			}
			if _, err := loadCompose(t, file, nil); err == nil {
				t.Error("load without a JWT = no error, want one")
			}
		})
	}
}

func loadCompose(t *testing.T, file string, environ map[string]string) (*types.Project, error) {
	t.Helper()
	content, err := os.ReadFile(deployFolder + file)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := filepath.Abs(filepath.Dir(deployFolder + file))
	if err != nil {
		t.Fatal(err)
	}
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: folder, Environment: environ, ConfigFiles: []types.ConfigFile{{Filename: file, Content: content}},
	}, func(o *loader.Options) { o.SetProjectName("achuan", true) })
}

// cluster holds the objects of the manifests.
type cluster struct {
	namespace  corev1.Namespace
	account    corev1.ServiceAccount
	settings   corev1.ConfigMap
	secrets    corev1.Secret
	deployment appsv1.Deployment
	service    corev1.Service
	ingress    networkingv1.Ingress
	autoscaler autoscalingv2.HorizontalPodAutoscaler
	disruption policyv1.PodDisruptionBudget
	network    networkingv1.NetworkPolicy
}

// readCluster reads each manifest into the type of the API. An unknown or a repeated field is an error.
func readCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{}
	for file, object := range map[string]any{
		"namespace.yaml": &c.namespace, "serviceaccount.yaml": &c.account, "configmap.yaml": &c.settings,
		"secret.example.yaml": &c.secrets, "deployment.yaml": &c.deployment, "service.yaml": &c.service,
		"ingress.yaml": &c.ingress, "autoscaler.yaml": &c.autoscaler, "disruption.yaml": &c.disruption, "network.yaml": &c.network,
	} {
		content, err := os.ReadFile(deployFolder + "kubernetes/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(content, object); err != nil {
			t.Errorf("UnmarshalStrict(%s) = %v, want nil", file, err)
		}
	}
	return c
}

// The names in one manifest fit the other manifests.
func TestManifestsFitTogether(t *testing.T) {
	c := readCluster(t)
	pod := c.deployment.Spec.Template
	check := func(rule string, isTrue bool) {
		t.Helper()
		if !isTrue {
			t.Errorf("%q = false, want true", rule)
		}
	}
	selectsPod := func(selector map[string]string) bool {
		for k, v := range selector {
			if pod.Labels[k] != v {
				return false
			}
		}
		return len(selector) > 0
	}
	check("the deployment selects its pods", selectsPod(c.deployment.Spec.Selector.MatchLabels))
	check("the service selects the pods", selectsPod(c.service.Spec.Selector))
	check("the disruption budget selects the pods", selectsPod(c.disruption.Spec.Selector.MatchLabels))
	check("the network policy selects the pods", selectsPod(c.network.Spec.PodSelector.MatchLabels))
	check("the autoscaler scales the deployment", c.autoscaler.Spec.ScaleTargetRef.Name == c.deployment.Name && c.autoscaler.Spec.ScaleTargetRef.Kind == "Deployment")
	check("the autoscaler keeps more than one replica", *c.autoscaler.Spec.MinReplicas > 1 && c.deployment.Spec.Replicas == nil)
	check("the pods use the service account", pod.Spec.ServiceAccountName == c.account.Name)

	container := pod.Spec.Containers[0]
	check("the pods use the settings and the secrets", container.EnvFrom[0].ConfigMapRef.Name == c.settings.Name && container.EnvFrom[1].SecretRef.Name == c.secrets.Name)
	port := container.Ports[0].Name
	check("the service sends to the port of the pods", c.service.Spec.Ports[0].TargetPort.String() == port)
	check("the ingress sends to the service", c.ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name == c.service.Name &&
		c.ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Port.Name == c.service.Spec.Ports[0].Name)
	check("the network policy allows the port", c.network.Spec.Ingress[0].Ports[0].Port.String() == port)
	check("the readiness probe requests /readyz", container.ReadinessProbe.HTTPGet.Path == "/readyz" && container.ReadinessProbe.HTTPGet.Port.String() == port)
	check("the liveness probe requests /healthz", container.LivenessProbe.HTTPGet.Path == "/healthz" && container.LivenessProbe.HTTPGet.Port.String() == port)
	check("one failed liveness probe does not kill the container", container.LivenessProbe.FailureThreshold > 1)
}

// The namespace enforces the pod security standard "restricted", and the pods comply with it.
func TestPodsAreRestricted(t *testing.T) {
	c := readCluster(t)
	pod, container := c.deployment.Spec.Template.Spec, c.deployment.Spec.Template.Spec.Containers[0]
	if c.namespace.Labels["pod-security.kubernetes.io/enforce"] != "restricted" {
		t.Errorf("labels of the namespace = %v, want the standard restricted to be enforced", c.namespace.Labels)
	}
	if !*pod.SecurityContext.RunAsNonRoot || *pod.SecurityContext.RunAsUser != 65532 || pod.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("security context of the pod = %+v, want a restricted one", pod.SecurityContext)
	}
	s := container.SecurityContext
	if *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 {
		t.Errorf("security context of the container = %+v, want a restricted one", s)
	}
	for name, value := range c.secrets.StringData {
		if value != "" {
			t.Errorf("secret %s has a value, want none in a committed file", name)
		}
	}
}

// The kustomization applies all manifests except for the example of the secrets.
func TestKustomizationIsComplete(t *testing.T) {
	var k struct{ Resources []string }
	content, err := os.ReadFile(deployFolder + "kubernetes/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &k); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(deployFolder + "kubernetes/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	applied := append(k.Resources, "kustomization.yaml", "secret.example.yaml")
	for _, file := range files {
		if !slices.Contains(applied, filepath.Base(file)) {
			t.Errorf("kustomization applies %v, want %s, too", applied, file)
		}
	}
	if len(files) != len(applied) {
		t.Errorf("files = %d, want %d: %v", len(files), len(applied), applied)
	}
}
