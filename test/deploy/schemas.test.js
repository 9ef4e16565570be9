// Checks the manifests against the published schemas of Kubernetes: required fields and the form of values. Unknown
// fields are found by schemas_test.go.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { Deployment } from "kubernetes-models/apps/v1";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2";
import { Ingress, NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { ConfigMap, Namespace, Secret, Service, ServiceAccount } from "kubernetes-models/v1";

const kinds = {
  "apps/v1 Deployment": Deployment,
  "autoscaling/v2 HorizontalPodAutoscaler": HorizontalPodAutoscaler,
  "networking.k8s.io/v1 Ingress": Ingress,
  "networking.k8s.io/v1 NetworkPolicy": NetworkPolicy,
  "policy/v1 PodDisruptionBudget": PodDisruptionBudget,
  "v1 ConfigMap": ConfigMap,
  "v1 Namespace": Namespace,
  "v1 Secret": Secret,
  "v1 Service": Service,
  "v1 ServiceAccount": ServiceAccount,
};

const folder = new URL("../../deploy/kubernetes/", import.meta.url);
const manifests = readdirSync(folder).filter((name) => name.endsWith(".yaml") && name !== "kustomization.yaml");

test("there are manifests", () => assert.equal(manifests.length, 10));

for (const name of manifests) {
  test(name, () => {
    for (const document of parseAllDocuments(readFileSync(new URL(name, folder), "utf8"), { uniqueKeys: true })) {
      assert.deepEqual(document.errors, []);
      const object = document.toJS();
      const Kind = kinds[`${object.apiVersion} ${object.kind}`];
      assert.ok(Kind, `this test does not know ${object.apiVersion} ${object.kind}`);
      new Kind(object).validate();
    }
  });
}

test("a manifest without a required field is refused", () => {
  assert.throws(() => new Deployment({ metadata: { name: "a" }, spec: { template: {} } }).validate(), /selector/);
});
