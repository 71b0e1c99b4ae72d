import { ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import { Job } from "kubernetes-models/batch/v1/Job";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Service } from "kubernetes-models/v1/Service";
import { isManifest, type Manifest } from "./manifests.js";

const kinds = [
  ConfigMap,
  Deployment,
  HorizontalPodAutoscaler,
  Job,
  NetworkPolicy,
  PodDisruptionBudget,
  Service,
  ServiceMonitor,
];

/**
 * What is wrong with a manifest by the OpenAPI schema of its kind; empty where nothing is.
 *
 * The compiled schemas let fields pass that they don't know, as a misspelt one is. But they look at
 * every field that they do know, so whatever they never looked at is unknown.
 */
export function faultsOf(manifest: Manifest): string[] {
  const { apiVersion, kind } = manifest;
  const model = kinds.find((one) => one.apiVersion === apiVersion && one.kind === kind);
  if (model === undefined) return [`no schema for ${String(apiVersion)} ${String(kind)}`];
  const looked = new Set<string>();
  try {
    model.prototype.validate.call(watched(manifest, "", looked));
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  return pathsIn(manifest, "")
    .filter((path) => !looked.has(path))
    .map((path) => `${path}: no such field`);
}

/** Notes in `looked` the path of every field that is read. */
function watched(value: object, path: string, looked: Set<string>): object {
  return new Proxy(value, {
    get: (target, key, receiver) => {
      const field: unknown = Reflect.get(target, key, receiver);
      if (typeof key === "symbol") return field;
      const fieldPath = `${path}/${key}`;
      looked.add(fieldPath);
      return typeof field === "object" && field !== null
        ? watched(field, fieldPath, looked)
        : field;
    },
  });
}

/** Of all fields and elements, those in fields included. */
function pathsIn(value: unknown, path: string): string[] {
  if (!Array.isArray(value) && !isManifest(value)) return [];
  return Object.entries(value).flatMap(([key, field]: [string, unknown]) => {
    const fieldPath = `${path}/${key}`;
    return [fieldPath, ...pathsIn(field, fieldPath)];
  });
}
