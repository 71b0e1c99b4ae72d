import { describe, expect, test } from "@jest/globals";
import { renderWith } from "./cluster.js";
import { applicable, components, kubectl, readManifests, render } from "./manifests.js";
import { faultsOf } from "./strict.js";

const ours = kubectl === undefined ? describe.skip : describe;

ours("the manifests", () => {
  test.each(applicable)("of %s are what Kubernetes' schemas say, with no field more", (name) => {
    const manifests = render(name);
    expect(manifests.length).toBeGreaterThan(2);
    for (const manifest of manifests) {
      // There is no package with Cilium's schemas: cilium.test.ts looks at that one.
      if (manifest["apiVersion"] !== "cilium.io/v2") expect(faultsOf(manifest)).toEqual([]);
    }
  });

  test.each(components)("of the component %s are, on top of any overlay", (name) => {
    const manifests = renderWith(name);
    expect(manifests).not.toEqual(render("overlays/aks-sgx"));
    for (const manifest of manifests) {
      if (manifest["apiVersion"] !== "cilium.io/v2") expect(faultsOf(manifest)).toEqual([]);
    }
  });

  test("name no secret's value, and no kind that holds one", () => {
    for (const manifest of applicable.flatMap(render)) {
      expect(manifest["kind"]).not.toBe("Secret");
    }
  });
});

describe("the check of a manifest", () => {
  const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: one, labels: { any: label } }
spec:
  selector: { matchLabels: { app: one } }
  template:
    metadata: { labels: { app: one } }
    spec:
      containers:
        - name: one
          image: one
          resources: { limits: { cpu: 1, vendor.example/device: 2Gi } }
          lifecycle: { preStop: { sleep: { seconds: 5 } } }
          readinessProbe: { httpGet: { path: /, port: http } }
      volumes: [{ name: tmp, emptyDir: { sizeLimit: 1Mi } }]
`;
  const faults = (text: string): string[] => readManifests(text).flatMap(faultsOf);

  test("passes one that is right, with labels and resources of any name", () => {
    expect(faults(deployment)).toEqual([]);
  });

  test.each([
    ["containers", "contaners"],
    ["readinessProbe", "readinesProbe"],
    ["seconds", "second"],
    ["sizeLimit", "sizelimit"],
    ["matchLabels", "matchlabels"],
    ["httpGet", "httpget"],
    ["selector", "selectors"],
    ["limits", "limit"],
  ])("catches %s written as %s", (right, wrong) => {
    expect(faults(deployment.replace(right, wrong))).not.toEqual([]);
  });

  test("catches a value of the wrong type, and a kind that it does not know", () => {
    expect(faults(deployment.replace("seconds: 5", "seconds: soon")).join()).toContain("integer");
    expect(faults(deployment.replace("apps/v1", "apps/v0"))).toEqual([
      "no schema for apps/v0 Deployment",
    ]);
  });
});
