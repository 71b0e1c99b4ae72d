import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import { Job } from "kubernetes-models/batch/v1/Job";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { Service } from "kubernetes-models/v1/Service";
import type { IIoK8sApiCoreV1Container as Container } from "kubernetes-models/v1/Container";
import type { IIoK8sApiCoreV1PodTemplateSpec as PodTemplateSpec } from "kubernetes-models/v1/PodTemplateSpec";
import { deployFolder, render, type Manifest } from "./manifests.js";

/** What one rendered folder asks of a cluster, by kind. */
export type Cluster = ReturnType<typeof clusterOf>;

export function clusterOf(manifests: Manifest[]) {
  return {
    manifests,
    deployments: ofKind(manifests, Deployment),
    jobs: ofKind(manifests, Job),
    services: ofKind(manifests, Service),
    networkPolicies: ofKind(manifests, NetworkPolicy),
    budgets: ofKind(manifests, PodDisruptionBudget),
    autoscalers: ofKind(manifests, HorizontalPodAutoscaler),
    monitors: ofKind(manifests, ServiceMonitor),
  };
}

function ofKind<T>(
  manifests: readonly unknown[],
  model: { is: (manifest: unknown) => manifest is T },
): T[] {
  return manifests.filter((manifest) => model.is(manifest));
}

/** The overlay `aks-sgx` with a component, as deploy/README.md says how to write it. */
export function renderWith(component: string): Manifest[] {
  const folder = mkdtempSync(join(tmpdir(), "confml-manifests-"));
  try {
    for (const part of ["base", "overlays", "components"]) {
      cpSync(join(deployFolder, part), join(folder, part), { recursive: true });
    }
    const overlay = join(folder, "overlays/own");
    mkdirSync(overlay);
    writeFileSync(
      join(overlay, "kustomization.yaml"),
      `resources: [../aks-sgx]\ncomponents: [../../components/${component}]\n`,
    );
    return render(overlay);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The one element, where there must be one alone. */
export function only<T>(list: readonly T[] | undefined): T {
  const [one, ...others] = list ?? [];
  if (one === undefined || others.length > 0) {
    throw new Error(`expected one, got ${String(list?.length ?? 0)}`);
  }
  return one;
}

/** Of the Deployments and of the Jobs. */
export function podsOf({ deployments, jobs }: Cluster): PodTemplateSpec[] {
  return [...deployments, ...jobs].flatMap(({ spec }) =>
    spec === undefined ? [] : [spec.template],
  );
}

export function containersOf(pod: PodTemplateSpec): Container[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
}

export function matches(
  selector: { matchLabels?: Record<string, string> } | undefined,
  labels: Record<string, string> | undefined,
): boolean {
  const wanted = Object.entries(selector?.matchLabels ?? {});
  return wanted.length > 0 && wanted.every(([name, value]) => labels?.[name] === value);
}

/** Bytes of a quantity as Kubernetes (`1920Mi`) or Mystikos (`1664m`) writes it. */
export function bytes(quantity: string | number | undefined): number {
  const [, digits = "", unit = ""] = /^(\d+)([kmg]?|[KMG]i)$/u.exec(String(quantity)) ?? [];
  if (digits === "") throw new Error(`not a quantity: ${String(quantity)}`);
  const powers: Record<string, number> = { "": 0, k: 1, m: 2, g: 3, Ki: 1, Mi: 2, Gi: 3 };
  return Number(digits) * 1024 ** (powers[unit] ?? 0);
}
