import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { loadConfig } from "../../src/config/load.js";
import { projectFolder } from "../helpers/server-process.js";
import { clusterOf, containersOf, matches, podsOf, type Cluster } from "./cluster.js";
import { applicable, kubectl, readManifests, render } from "./manifests.js";

const ours = kubectl === undefined ? describe.skip : describe;

const internal = "service.beta.kubernetes.io/azure-load-balancer-internal";
/** The socket of the node's quote service: the one path of a host that a pod may mount. */
const quoteSocket = "/var/run/aesmd";

/**
 * What is unsafe in rendered manifests: by the Pod Security Standard "restricted"
 * (kubernetes.io/docs/concepts/security/pod-security-standards), and for this server besides.
 */
function unsafeIn(cluster: Cluster): string[] {
  const checks: [string, boolean][] = [
    ...podsOf(cluster).flatMap(({ metadata, spec }): [string, boolean][] => {
      const { securityContext: security, volumes = [] } = spec ?? {};
      const kinds = volumes
        .flatMap((volume) => Object.keys(volume))
        .filter((key) => key !== "name");
      const policies = cluster.networkPolicies.filter((policy) =>
        matches(policy.spec?.podSelector, metadata?.labels),
      );
      const restricted = policies.flatMap((policy) => policy.spec?.policyTypes ?? []);
      return [
        ["runs as root", security?.runAsNonRoot !== true || !security.runAsUser],
        ["seccomp", security?.seccompProfile?.type !== "RuntimeDefault"],
        ["token of the API", spec?.automountServiceAccountToken !== false],
        ["host's namespace", [spec?.hostNetwork, spec?.hostPID, spec?.hostIPC].includes(true)],
        ["host's path", volumes.some(({ hostPath }) => hostPath && hostPath.path !== quoteSocket)],
        [
          "kind of volume",
          kinds.some((kind) => !["configMap", "emptyDir", "hostPath"].includes(kind)),
        ],
        ["anybody comes in", !restricted.includes("Ingress")],
        [
          "goes anywhere",
          !restricted.includes("Egress") && !JSON.stringify(cluster.manifests).includes("toFQDNs"),
        ],
      ];
    }),
    ...podsOf(cluster)
      .flatMap(containersOf)
      .flatMap(({ securityContext, resources, ports = [], env = [] }): [string, boolean][] => [
        ["privileges", securityContext?.allowPrivilegeEscalation !== false],
        ["privileged", securityContext?.privileged === true],
        ["writable root", securityContext?.readOnlyRootFilesystem !== true],
        ["capabilities", securityContext?.capabilities?.drop?.join() !== "ALL"],
        ["added capabilities", (securityContext?.capabilities?.add ?? []).length > 0],
        ["no limit", !resources?.limits?.["cpu"] || !resources.limits["memory"]],
        ["no request", !resources?.requests?.["cpu"] || !resources.requests["memory"]],
        ["host's port", ports.some(({ hostPort }) => hostPort !== undefined)],
        ["secret in the manifest", env.some(({ name, value }) => /SECRET/u.test(name) && value)],
      ]),
    ...cluster.deployments
      .flatMap(({ spec }) => spec?.template.spec?.containers ?? [])
      .map(({ startupProbe, readinessProbe, livenessProbe }): [string, boolean] => [
        "no probe",
        [startupProbe, readinessProbe, livenessProbe].includes(undefined),
      ]),
    ...cluster.services.map(({ metadata, spec }): [string, boolean] => [
      "public address",
      spec?.type === "NodePort" ||
        (spec?.externalIPs ?? []).length > 0 ||
        (spec?.type === "LoadBalancer" && metadata?.annotations?.[internal] !== "true"),
    ]),
    ["no policy at all", cluster.networkPolicies.length === 0],
  ];
  return checks.filter(([, isUnsafe]) => isUnsafe).map(([name]) => name);
}

ours("the checklist of safe defaults", () => {
  test.each(applicable.filter((name) => name !== "overlays/aks-sgx-public"))(
    "finds nothing unsafe in %s",
    (name) => {
      expect(unsafeIn(clusterOf(render(name)))).toEqual([]);
    },
  );

  test("finds the public address alone in the overlay that is there for it", () => {
    expect(unsafeIn(clusterOf(render("overlays/aks-sgx-public")))).toEqual(["public address"]);
  });

  const safe = kubectl === undefined ? "" : JSON.stringify(render("overlays/aks-sgx"));
  test.each([
    ["runs as root", '"runAsNonRoot":true', '"runAsNonRoot":false'],
    ["runs as root", '"runAsUser":10001', '"runAsUser":0'],
    ["seccomp", "RuntimeDefault", "Unconfined"],
    ["token of the API", '"automountServiceAccountToken":false,', ""],
    ["host's namespace", '"enableServiceLinks":false', '"hostNetwork":true'],
    ["host's path", '"path":"/var/run/aesmd"', '"path":"/var/run"'],
    ["privileges", '"allowPrivilegeEscalation":false', '"allowPrivilegeEscalation":true'],
    [
      "privileged",
      '"readOnlyRootFilesystem":true',
      '"readOnlyRootFilesystem":true,"privileged":true',
    ],
    ["writable root", '"readOnlyRootFilesystem":true', '"readOnlyRootFilesystem":false'],
    ["capabilities", '"drop":["ALL"]', '"drop":["KILL"]'],
    ["added capabilities", '"drop":["ALL"]', '"drop":["ALL"],"add":["SYS_ADMIN"]'],
    ["no limit", '"cpu":"4"', '"gpu":"4"'],
    ["no request", '"cpu":"3"', '"gpu":"3"'],
    ["host's port", '"containerPort":8000', '"containerPort":8000,"hostPort":8000'],
    ["secret in the manifest", '"env":[', '"env":[{"name":"CLIENT_SECRET","value":"x"},'],
    ["no probe", '"startupProbe"', '"startupprobe"'],
    ["public address", `"${internal}":"true"`, `"${internal}":"false"`],
    ["anybody comes in", '"Ingress",', ""],
    ["goes anywhere", ',"Egress"', ""],
  ])("finds '%s' where %s is %s", (fault, right, wrong) => {
    expect(safe).toContain(right);
    const manifests = readManifests(
      safe
        .replace(right, wrong)
        .slice(1, -1)
        .replaceAll(/,(?=\{"apiVersion")/gu, "\n---\n"),
    );
    expect(unsafeIn(clusterOf(manifests))).toEqual([fault]);
  });
});

describe("config.json", () => {
  test("takes no plain picture", async () => {
    const { config } = await loadConfig(join(projectFolder, "config.json"), { enclave: true });
    expect(config.Inference.Images.Formats).toEqual(["encrypted", "jwe"]);
  });

  test("takes plain ones too after the command of deploy/README.md, for the demo", async () => {
    const folder = mkdtempSync(join(tmpdir(), "confml-demo-config-"));
    try {
      const file = join(folder, "demo.json");
      const command = String.raw`sed 's/"Formats": \[/&"plain", /' config.json`;
      writeFileSync(file, execFileSync("sh", ["-c", command], { cwd: projectFolder }));
      const { config } = await loadConfig(file, { enclave: true });
      expect(config.Inference.Images.Formats).toEqual(["plain", "encrypted", "jwe"]);
      const page = execFileSync("cat", ["deploy/README.md"], { cwd: projectFolder }).toString();
      expect(page).toContain(`$ ${command} >demo.json\n`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
