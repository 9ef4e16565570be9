// Package deploy holds the files of the folder deploy to what others have published:
// the schema of compose files and the types of Kubernetes' API.
// It is a module of its own, so that theirs stay out of achuan's.
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

const root = "../../deploy/"

// What compose reads of each file: it holds to the published schema, and nothing in
// it names what is not there.
func TestCompose(t *testing.T) {
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
			p, err := load(t, file, environ)
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Sorted(maps.Keys(p.Services)); !slices.Equal(got, services) {
				t.Errorf("services %v, want %v", got, services)
			}
			for name, s := range p.Services {
				if s.Build == nil {
					continue
				}
				if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || s.StopGracePeriod == nil {
					t.Errorf("%s: %+v", name, s)
				}
				if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
					t.Error(err)
				}
			}
			if _, err := load(t, file, nil); err == nil {
				t.Error("it starts without a JWT")
			}
		})
	}
}

func load(t *testing.T, file string, environ map[string]string) (*types.Project, error) {
	t.Helper()
	content, err := os.ReadFile(root + file)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := filepath.Abs(filepath.Dir(root + file))
	if err != nil {
		t.Fatal(err)
	}
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: folder, Environment: environ, ConfigFiles: []types.ConfigFile{{Filename: file, Content: content}},
	}, func(o *loader.Options) { o.SetProjectName("achuan", true) })
}

// cluster is what the manifests describe.
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

// readCluster reads every manifest into the type that the API has for it: a field
// that this does not know, or that is there twice, is an error.
func readCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{}
	for file, into := range map[string]any{
		"namespace.yaml": &c.namespace, "serviceaccount.yaml": &c.account, "configmap.yaml": &c.settings,
		"secret.example.yaml": &c.secrets, "deployment.yaml": &c.deployment, "service.yaml": &c.service,
		"ingress.yaml": &c.ingress, "autoscaler.yaml": &c.autoscaler, "disruption.yaml": &c.disruption, "network.yaml": &c.network,
	} {
		content, err := os.ReadFile(root + "kubernetes/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(content, into); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	return c
}

// What one manifest says of another is so.
func TestManifestsFitTogether(t *testing.T) {
	c := readCluster(t)
	pod := c.deployment.Spec.Template
	is := func(what string, so bool) {
		t.Helper()
		if !so {
			t.Errorf("not so: %s", what)
		}
	}
	fits := func(selector map[string]string) bool {
		for k, v := range selector {
			if pod.Labels[k] != v {
				return false
			}
		}
		return len(selector) > 0
	}
	is("the deployment selects its pods", fits(c.deployment.Spec.Selector.MatchLabels))
	is("the service selects them", fits(c.service.Spec.Selector))
	is("the disruption budget selects them", fits(c.disruption.Spec.Selector.MatchLabels))
	is("the network policy selects them", fits(c.network.Spec.PodSelector.MatchLabels))
	is("the autoscaler scales the deployment", c.autoscaler.Spec.ScaleTargetRef.Name == c.deployment.Name && c.autoscaler.Spec.ScaleTargetRef.Kind == "Deployment")
	is("there is more than one replica", *c.autoscaler.Spec.MinReplicas > 1 && c.deployment.Spec.Replicas == nil)
	is("the account is the pods'", pod.Spec.ServiceAccountName == c.account.Name)

	container := pod.Spec.Containers[0]
	is("settings and secrets are the pods'", container.EnvFrom[0].ConfigMapRef.Name == c.settings.Name && container.EnvFrom[1].SecretRef.Name == c.secrets.Name)
	port := container.Ports[0].Name
	is("the service asks the pods' port", c.service.Spec.Ports[0].TargetPort.String() == port)
	is("the ingress asks the service", c.ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name == c.service.Name &&
		c.ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Port.Name == c.service.Spec.Ports[0].Name)
	is("the network lets it in", c.network.Spec.Ingress[0].Ports[0].Port.String() == port)
	is("readiness is asked", container.ReadinessProbe.HTTPGet.Path == "/readyz" && container.ReadinessProbe.HTTPGet.Port.String() == port)
	is("life is asked", container.LivenessProbe.HTTPGet.Path == "/healthz" && container.LivenessProbe.HTTPGet.Port.String() == port)
	is("a probe takes less than its period, or the container is not killed for one", container.LivenessProbe.FailureThreshold > 1)
}

// The namespace enforces the standard called restricted, and the pods hold to it.
func TestPodsAreRestricted(t *testing.T) {
	c := readCluster(t)
	pod, container := c.deployment.Spec.Template.Spec, c.deployment.Spec.Template.Spec.Containers[0]
	if c.namespace.Labels["pod-security.kubernetes.io/enforce"] != "restricted" {
		t.Error("the namespace does not enforce it")
	}
	if !*pod.SecurityContext.RunAsNonRoot || *pod.SecurityContext.RunAsUser != 65532 || pod.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("%+v", pod.SecurityContext)
	}
	s := container.SecurityContext
	if *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 {
		t.Errorf("%+v", s)
	}
	for name, value := range c.secrets.StringData {
		if value != "" {
			t.Errorf("%s has a value in a file that is committed", name)
		}
	}
}

// Whatever is there is applied, but for the secrets that are to be made one's own.
func TestKustomizationHasAll(t *testing.T) {
	var k struct{ Resources []string }
	content, err := os.ReadFile(root + "kubernetes/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &k); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(root + "kubernetes/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	applied := append(k.Resources, "kustomization.yaml", "secret.example.yaml")
	for _, file := range files {
		if !slices.Contains(applied, filepath.Base(file)) {
			t.Errorf("%s is not applied", file)
		}
	}
	if len(files) != len(applied) {
		t.Errorf("%d files, of which %v are applied", len(files), k.Resources)
	}
}
