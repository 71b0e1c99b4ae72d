import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Pod } from "kubernetes-models/v1/Pod";
import { z } from "zod";
import { loadConfig } from "../../src/config/load.js";
import { projectFolder } from "../helpers/server-process.js";
import { clusterOf, only } from "./cluster.js";
import { isManifest, kubectl, render } from "./manifests.js";

const ours = kubectl === undefined ? describe.skip : describe;

const labels = z.record(z.string(), z.string());
/** The fields of KServe's custom resources that are used here, and none besides (pkg/apis/serving, kserve/kserve). */
const runtimeSchema = z.strictObject({
  apiVersion: z.literal("serving.kserve.io/v1alpha1"),
  kind: z.literal("ServingRuntime"),
  metadata: z.strictObject({ name: z.string(), labels }),
  spec: z.strictObject({
    annotations: labels,
    supportedModelFormats: z.tuple([
      z.strictObject({ name: z.string(), version: z.string(), autoSelect: z.boolean() }),
    ]),
    protocolVersions: z.tuple([z.literal("v2")]),
    multiModel: z.literal(false),
    containers: z.tuple([z.looseObject({ name: z.literal("kserve-container") })]),
    volumes: z.array(z.unknown()),
  }),
});
const serviceSchema = z.strictObject({
  apiVersion: z.literal("serving.kserve.io/v1beta1"),
  kind: z.literal("InferenceService"),
  metadata: z.strictObject({ name: z.string(), labels, annotations: labels }),
  spec: z.strictObject({
    predictor: z.strictObject({
      minReplicas: z.number(),
      maxReplicas: z.number(),
      automountServiceAccountToken: z.literal(false),
      enableServiceLinks: z.literal(false),
      terminationGracePeriodSeconds: z.number(),
      model: z.strictObject({
        runtime: z.string(),
        protocolVersion: z.literal("v2"),
        modelFormat: z.strictObject({ name: z.string(), version: z.string() }),
      }),
    }),
  }),
});

ours("deploy/kserve", () => {
  const manifests = kubectl === undefined ? [] : render("kserve");
  const ofKind = (kind: string): unknown => only(manifests.filter((one) => one["kind"] === kind));
  const aks = (): Record<string, unknown> => {
    const { spec } = only(clusterOf(render("overlays/aks-sgx")).deployments);
    const container: unknown = only(spec?.template.spec?.containers);
    if (!isManifest(container)) throw new Error("no container");
    return container;
  };

  test("has the fields of KServe's resources, and a container that Kubernetes takes", () => {
    const { spec } = runtimeSchema.parse(ofKind("ServingRuntime"));
    serviceSchema.parse(ofKind("InferenceService"));
    const { containers, volumes } = spec;
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "one" } };
    Pod.prototype.validate.call({ ...pod, spec: { containers, volumes } });
    expect(() => {
      Pod.prototype.validate.call({
        ...pod,
        spec: { containers: [{ ...containers[0], ports: 1 }] },
      });
    }).toThrow();
  });

  test("asks the service's model of the runtime, by its name, format and protocol", () => {
    const { metadata, spec } = runtimeSchema.parse(ofKind("ServingRuntime"));
    const { model, minReplicas, maxReplicas } = serviceSchema.parse(ofKind("InferenceService")).spec
      .predictor;
    expect(model.runtime).toBe(metadata.name);
    const [{ autoSelect, ...format }] = spec.supportedModelFormats;
    expect([model.modelFormat, autoSelect]).toEqual([format, false]);
    expect(maxReplicas).toBeGreaterThan(minReplicas);
  });

  test("runs the container as the overlay aks-sgx does: command, resources, probes, stop, credentials", () => {
    const [container] = runtimeSchema.parse(ofKind("ServingRuntime")).spec.containers;
    const other = aks();
    for (const key of ["command", "resources", "lifecycle"]) {
      expect([key, container[key]]).toEqual([key, other[key]]);
    }
    expect(container["env"]).toEqual(expect.arrayContaining(other["env"] as unknown[]));
    const probes = JSON.stringify(
      ["startupProbe", "readinessProbe", "livenessProbe"].map((key) => other[key]),
    );
    expect(
      ["startupProbe", "readinessProbe", "livenessProbe"].map((key) => container[key]),
    ).toEqual(JSON.parse(probes.replaceAll('"http"', "8000")));
    expect(container["securityContext"]).toEqual({
      runAsNonRoot: true,
      runAsUser: 10001,
      runAsGroup: 10001,
      seccompProfile: { type: "RuntimeDefault" },
      ...(other["securityContext"] as object),
    });
  });

  test("is reached in the cluster alone, on the ports of config.json", async () => {
    const { config } = await loadConfig(join(projectFolder, "config.json"), { enclave: true });
    const { spec } = runtimeSchema.parse(ofKind("ServingRuntime"));
    const { Listen: listen, Metrics: metrics } = config.Inference;
    expect(spec.containers[0]["ports"]).toEqual([
      { name: "http1", containerPort: listen.Port, protocol: "TCP" },
      { name: "metrics", containerPort: metrics?.Port, protocol: "TCP" },
    ]);
    expect(spec.annotations["prometheus.io/port"]).toBe(String(metrics?.Port));
    const { metadata } = serviceSchema.parse(ofKind("InferenceService"));
    expect(metadata.labels["networking.kserve.io/visibility"]).toBe("cluster-local");
  });
});
