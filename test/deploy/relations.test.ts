import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import type { IIoK8sApiCoreV1Probe as Probe } from "kubernetes-models/v1/Probe";
import { loadConfig } from "../../src/config/load.js";
import type { Config } from "../../src/config/schema.js";
import { projectFolder } from "../helpers/server-process.js";
import {
  bytes,
  clusterOf,
  containersOf,
  matches,
  only,
  podsOf,
  renderWith,
  type Cluster,
} from "./cluster.js";
import { applicable, kubectl, render } from "./manifests.js";

const ours = kubectl === undefined ? describe.skip : describe;
const sgx = applicable.filter((name) => name.startsWith("overlays/aks-sgx"));
const overlays = applicable.filter((name) => name !== "client");

let config: Config;

beforeAll(async () => {
  ({ config } = await loadConfig(join(projectFolder, "config.json"), { enclave: true }));
});

const rendered = new Map<string, Cluster>();

function cluster(name: string): Cluster {
  const known = rendered.get(name) ?? clusterOf(render(name));
  rendered.set(name, known);
  return known;
}

function server(name: string) {
  const { spec } = only(cluster(name).deployments);
  if (spec?.template.spec === undefined) throw new Error("no pod");
  const { template } = spec;
  return { spec, template, pod: template.spec, container: only(template.spec?.containers) };
}

/** The number behind a port's name, which is the container's to say. */
function containerPort(name: string, port: number | string | undefined): number | undefined {
  const { ports = [] } = server(name).container;
  return ports.find((one) => one.name === port || one.containerPort === port)?.containerPort;
}

const read = (path: string): string => readFileSync(join(projectFolder, path), "utf8");

ours("every pod", () => {
  test.each(applicable)(
    "of %s runs without root, privileges, a writable root or an API token",
    (name) => {
      const pods = podsOf(cluster(name));
      expect(pods).not.toEqual([]);
      for (const pod of pods) {
        expect(pod.spec).toMatchObject({
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
        });
        expect(pod.spec?.securityContext?.runAsUser).toBeGreaterThan(0);
        expect(pod.spec?.securityContext?.runAsGroup).toBeGreaterThan(0);
        for (const key of ["hostNetwork", "hostPID", "hostIPC", "serviceAccountName"]) {
          expect(pod.spec).not.toHaveProperty(key);
        }
        for (const container of containersOf(pod)) {
          expect(container.securityContext).toEqual({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          });
        }
      }
    },
  );

  test.each(applicable)("of %s says what it needs and may use, and pins its image", (name) => {
    for (const container of podsOf(cluster(name)).flatMap(containersOf)) {
      expect(container.image).toMatch(/:(?!latest$)[\w.-]+$/u);
      for (const unit of ["cpu", "memory"]) {
        expect(container.resources?.requests).toHaveProperty(unit);
        expect(container.resources?.limits).toHaveProperty(unit);
      }
    }
  });

  test.each(applicable)(
    "of %s mounts what it defines, defines what it mounts, and can write /tmp",
    (name) => {
      for (const pod of podsOf(cluster(name))) {
        const volumes = pod.spec?.volumes ?? [];
        const mounts = containersOf(pod).flatMap(({ volumeMounts = [] }) => volumeMounts);
        expect(mounts.map((mount) => mount.name).sort()).toEqual(
          volumes.map((one) => one.name).sort(),
        );
        const tmp = mounts.find(({ mountPath }) => mountPath === "/tmp");
        expect(
          volumes.find((volume) => volume.name === tmp?.name)?.emptyDir?.sizeLimit,
        ).toBeDefined();
      }
    },
  );

  test.each(applicable)("of %s and every other object has the recommended labels", (name) => {
    const { manifests } = cluster(name);
    const labels = manifests.map(({ metadata }) => metadata);
    for (const metadata of [...labels, ...podsOf(cluster(name)).map((pod) => pod.metadata)]) {
      expect(metadata).toMatchObject({
        labels: {
          app: expect.stringMatching(/^confml-(server|client)$/u) as unknown,
          "app.kubernetes.io/name": "confml",
          "app.kubernetes.io/part-of": "confml",
          "app.kubernetes.io/component": expect.stringMatching(/^(server|client)$/u) as unknown,
        },
      });
    }
  });
});

ours("the selectors", () => {
  test.each(applicable)("of %s choose the pods that they are about", (name) => {
    const { deployments, services, networkPolicies, budgets } = cluster(name);
    const labels = only(podsOf(cluster(name))).metadata?.labels;
    for (const { spec } of deployments) {
      expect(matches(spec?.selector, labels)).toBe(true);
      const [anti] = [
        spec?.template.spec?.affinity?.podAntiAffinity
          ?.preferredDuringSchedulingIgnoredDuringExecution,
      ];
      expect(matches(only(anti).podAffinityTerm.labelSelector, labels)).toBe(true);
      const spread = only(spec?.template.spec?.topologySpreadConstraints);
      expect(matches(spread.labelSelector, labels)).toBe(true);
    }
    for (const { spec } of services) {
      expect(matches({ matchLabels: spec?.selector ?? {} }, labels)).toBe(true);
    }
    for (const { spec } of [...networkPolicies, ...budgets]) {
      const selector = spec && "podSelector" in spec ? spec.podSelector : spec?.selector;
      expect(matches(selector, labels)).toBe(true);
    }
  });

  test.each(overlays)("of %s take no pod of the client's for a server", (name) => {
    const labels = only(podsOf(cluster("client"))).metadata?.labels;
    expect(matches(server(name).spec.selector, labels)).toBe(false);
  });
});

ours("the ports", () => {
  test.each(overlays)("of the container in %s are those of config.json", (name) => {
    const { Listen: service, Metrics: metrics } = config.Inference;
    expect(containerPort(name, "http")).toBe(service.Port);
    expect(containerPort(name, "metrics")).toBe(metrics?.Port);
    expect(server(name).container.ports).toHaveLength(2);
  });

  test.each(overlays)("of the Service in %s lead to the uploads' port alone", (name) => {
    const { metadata, spec } = only(cluster(name).services);
    expect(metadata?.name).toBe("confml-service");
    const { port, targetPort } = only(spec?.ports);
    expect(containerPort(name, targetPort)).toBe(config.Inference.Listen.Port);
    expect(port).toBe(config.Inference.Listen.Port);
    expect(spec?.type).toBe(name === "overlays/local" ? "ClusterIP" : "LoadBalancer");
  });

  test.each(overlays)("of the probes in %s are the container's", (name) => {
    const { startupProbe, readinessProbe, livenessProbe } = server(name).container;
    for (const probe of [startupProbe, readinessProbe, livenessProbe]) {
      expect(containerPort(name, probe?.httpGet?.port)).toBe(config.Inference.Listen.Port);
    }
  });

  test("that the ServiceMonitor reads exist, on a Service that is not public", () => {
    const { services, monitors, deployments } = clusterOf(renderWith("service-monitor"));
    const { spec } = only(monitors);
    const service = only(
      services.filter(({ metadata }) => matches(spec.selector, metadata?.labels)),
    );
    expect(service.spec).toMatchObject({ type: "ClusterIP", clusterIP: "None" });
    const labels = only(deployments).spec?.template.metadata?.labels;
    expect(matches({ matchLabels: service.spec?.selector ?? {} }, labels)).toBe(true);
    const endpoint = only(spec.endpoints);
    const port = only(service.spec?.ports?.filter(({ name }) => name === endpoint.port));
    expect(containerPort("overlays/aks-sgx", port.targetPort)).toBe(config.Inference.Metrics?.Port);
  });
});

ours("the network policies", () => {
  const dns = [
    { protocol: "UDP", port: 53 },
    { protocol: "TCP", port: 53 },
  ];

  test.each(overlays)(
    "of %s let in uploads from anywhere and the monitoring to the metrics",
    (name) => {
      const { spec } = only(cluster(name).networkPolicies);
      expect(spec?.policyTypes).toContain("Ingress");
      const [uploads, metrics, ...others] = spec?.ingress ?? [];
      expect(others).toEqual([]);
      expect(uploads).toEqual({ ports: [{ protocol: "TCP", port: config.Inference.Listen.Port }] });
      expect(metrics?.ports).toEqual([{ protocol: "TCP", port: config.Inference.Metrics?.Port }]);
      expect(metrics?.from).toHaveLength(1);
    },
  );

  test.each(["overlays/aks-sgx", "overlays/aks-sgx-public", "overlays/local"])(
    "of %s let out DNS to the cluster's resolver, and port 443",
    (name) => {
      const { spec } = only(cluster(name).networkPolicies);
      expect(spec?.policyTypes).toContain("Egress");
      const [toResolver, toHosts, ...others] = spec?.egress ?? [];
      expect(others).toEqual([]);
      expect(toResolver?.to).toHaveLength(1);
      expect(toResolver?.ports).toEqual(dns);
      expect(toHosts).toEqual({ ports: [{ protocol: "TCP", port: 443 }] });
    },
  );

  test("of the client let nobody in, and out to the server's port", () => {
    const { spec } = only(cluster("client").networkPolicies);
    expect(spec?.policyTypes).toEqual(["Ingress", "Egress"]);
    expect(spec).not.toHaveProperty("ingress");
    const [toResolver, toServer, ...others] = spec?.egress ?? [];
    expect(others).toEqual([]);
    expect(toResolver?.ports).toEqual(dns);
    expect(toServer).toEqual({ ports: [{ protocol: "TCP", port: config.Inference.Listen.Port }] });
  });
});

ours("the time", () => {
  const budgetMs = (probe: Probe | undefined): number =>
    ((probe?.initialDelaySeconds ?? 0) +
      (probe?.periodSeconds ?? 10) * (probe?.failureThreshold ?? 3)) *
    1000;

  test.each(overlays)("to start in %s is no less than the deadlines of config.json", (name) => {
    const { spec, container } = server(name);
    const { Release: release, Model: model } = config.Inference;
    const startMs = budgetMs(container.startupProbe);
    expect(startMs).toBeGreaterThanOrEqual(release.DeadlineMs + model.DeadlineMs + 60_000);
    expect((spec.progressDeadlineSeconds ?? 600) * 1000).toBeGreaterThan(startMs);
  });

  test.each(overlays)("to stop in %s is enough for the requests under way", (name) => {
    const { pod, container } = server(name);
    const waitMs = (container.lifecycle?.preStop?.sleep?.seconds ?? 0) * 1000;
    // SIGTERM ends everything at once in Mystikos: the wait alone must do, endpoints' delay included.
    expect(waitMs).toBeGreaterThanOrEqual(config.Inference.Limits.RequestTimeoutMs + 10_000);
    // src/process/end.ts gives up after 10 s, where signals reach it.
    expect((pod?.terminationGracePeriodSeconds ?? 30) * 1000).toBeGreaterThan(waitMs + 10_000);
  });

  test("that a probe and the client may take is no less than an answer takes", () => {
    const { spec } = only(cluster("client").jobs);
    const { args = [] } = only(spec?.template.spec?.containers);
    const seconds = (option: string): number => Number(args[args.indexOf(option) + 1]);
    expect(seconds("--max-time") * 1000).toBeGreaterThan(config.Inference.Limits.RequestTimeoutMs);
    expect(spec?.activeDeadlineSeconds).toBeGreaterThan(
      seconds("--retry-max-time") + seconds("--max-time"),
    );
  });
});

ours("the number of servers", () => {
  test.each(sgx)("in %s is the autoscaler's, and the budget always leaves one", (name) => {
    const { autoscalers, budgets, deployments } = cluster(name);
    const { spec, metadata } = only(deployments);
    const { spec: scaling } = only(autoscalers);
    const { spec: budget } = only(budgets);
    expect(spec).not.toHaveProperty("replicas");
    expect(scaling?.scaleTargetRef).toEqual({
      apiVersion: "apps/v1",
      kind: "Deployment",
      name: metadata?.name,
    });
    expect(only(scaling?.metrics).resource?.name).toBe("cpu");
    const { requests, limits } = spec?.template.spec?.containers[0]?.resources ?? {};
    const { averageUtilization = 0 } = only(scaling?.metrics).resource?.target ?? {};
    // The target is a share of the request. Far below the limit it would start servers that nobody needs.
    const target = (Number(requests?.["cpu"]) * averageUtilization) / 100;
    expect(averageUtilization).toBeLessThan(100);
    expect(target).toBeGreaterThanOrEqual(Number(limits?.["cpu"]) / 2);
    const least = scaling?.minReplicas ?? 1;
    expect(least).toBeGreaterThan(1);
    expect(scaling?.maxReplicas).toBeGreaterThan(least);
    expect(budget).not.toHaveProperty("minAvailable");
    expect(Number(budget?.maxUnavailable)).toBeGreaterThan(0);
    expect(Number(budget?.maxUnavailable)).toBeLessThan(least);
  });

  test("follows the queues too where the component is asked for: one batch in wait", () => {
    const { spec } = only(clusterOf(renderWith("queue-scaling")).autoscalers);
    const [cpu, queue, ...others] = spec?.metrics ?? [];
    expect([cpu?.type, queue?.type, others.length]).toEqual(["Resource", "Pods", 0]);
    expect(queue?.pods?.metric.name).toBe("confml_queue_length");
    const { averageValue } = queue?.pods?.target ?? {};
    expect(Number(averageValue)).toBe(config.Inference.Limits.MaxBatch);
  });

  test("is one in the local overlay, with no autoscaler, and no budget that blocks a drain", () => {
    const { autoscalers, budgets, deployments } = cluster("overlays/local");
    expect(only(deployments).spec?.replicas).toBe(1);
    expect([...autoscalers, ...budgets]).toEqual([]);
  });
});

ours("the enclave", () => {
  test.each(sgx)("in %s gets the memory that config.json gives it", (name) => {
    const { requests, limits } = server(name).container.resources ?? {};
    const epc = requests?.["sgx.intel.com/epc"];
    expect(epc).toBe(limits?.["sgx.intel.com/epc"]);
    expect(bytes(epc)).toBeGreaterThanOrEqual(bytes(String(config["MemorySize"])));
    expect(Number(limits?.["cpu"])).toBeLessThanOrEqual(Number(config["MaxAffinityCPUs"]));
  });

  test.each(sgx)(
    "in %s runs the signed package, with aesmd's socket and nothing else of the host",
    (name) => {
      const { pod, container } = server(name);
      expect(container.command).toEqual(["/myst/bin/node", "--rootfs=/rootfs"]);
      expect(container).not.toHaveProperty("args");
      const hostVolumes = pod?.volumes?.filter(({ hostPath }) => hostPath !== undefined);
      expect(only(hostVolumes).hostPath).toEqual({ path: "/var/run/aesmd", type: "Directory" });
      expect(container.env).toContainEqual({ name: "SGX_AESM_ADDR", value: "1" });
    },
  );

  test("is what deploy/Dockerfile.sgx starts, as the overlay's user, with no key in the image", () => {
    const dockerfile = read("deploy/Dockerfile.sgx");
    const { pod, container } = server("overlays/aks-sgx");
    expect(dockerfile).toContain(`CMD ${JSON.stringify(container.command).replace(",", ", ")}\n`);
    const { runAsUser, runAsGroup } = pod?.securityContext ?? {};
    expect(dockerfile).toContain(`USER ${runAsUser ?? "?"}:${runAsGroup ?? "?"}\n`);
    const copied = dockerfile.match(/^(?:COPY|ADD|RUN) .*$/gmu) ?? [];
    expect(copied.map((line) => line.split(" ").slice(-2))).toEqual([
      ["myst/bin/node", "/myst/bin/node"],
      ["rootfs", "/rootfs"],
    ]);
  });

  test("is not asked for in the local overlay, and no host folder is mounted there", () => {
    const { pod, container } = server("overlays/local");
    expect(container.image).toBe("confml:local");
    expect(JSON.stringify(container)).not.toMatch(/sgx|myst/iu);
    expect(pod?.volumes?.filter(({ hostPath }) => hostPath !== undefined)).toEqual([]);
  });
});

ours("the image of the local overlay", () => {
  const [, stage = ""] = read("Dockerfile").split(/^FROM .* AS demo$/mu);
  const [demo = ""] = stage.split(/^FROM /mu);

  test("is the Dockerfile's demo, which listens on the ports that the overlay names", () => {
    const { container } = server("overlays/local");
    for (const key of ["command", "args", "workingDir"]) expect(container).not.toHaveProperty(key);
    const port = config.Inference.Listen.Port;
    expect(demo).toContain(`serve.js", "--host", "0.0.0.0", "--port", "${port}"]\n`);
    expect(demo).toContain(`EXPOSE ${port} ${config.Inference.Metrics?.Port ?? "?"}\n`);
  });

  test("writes where the overlay lets it, and knows its emulated services' credentials itself", () => {
    const { pod, container } = server("overlays/local");
    const [, folder = ""] = /^WORKDIR (.*)$/mu.exec(demo) ?? [];
    const paths = container.volumeMounts?.map(({ mountPath }) => mountPath) ?? [];
    expect(paths.sort()).toEqual([`${folder}/.demo`, "/tmp"]);
    expect(pod?.volumes?.every(({ emptyDir }) => emptyDir !== undefined)).toBe(true);
    expect(container.env).toEqual([]);
  });
});

ours("the credentials", () => {
  test.each(overlays.filter((name) => name !== "overlays/local"))(
    "in %s are those of config.json, by reference to one Secret",
    (name) => {
      const { env = [], envFrom } = server(name).container;
      const referring = env.filter(({ valueFrom }) => valueFrom !== undefined);
      expect(referring).toEqual(
        (config["HostEnvironmentVariables"] as string[])
          .map((variable) => ({
            name: variable,
            valueFrom: { secretKeyRef: { name: "confml-credentials", key: variable } },
          }))
          .sort((a, b) => order(referring, a.name) - order(referring, b.name)),
      );
      expect(envFrom).toBeUndefined();
    },
  );

  function order(list: readonly { name: string }[], name: string): number {
    return list.findIndex((one) => one.name === name);
  }
});
