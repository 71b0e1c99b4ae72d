import { join } from "node:path";
import { AzureAuthorityHosts } from "@azure/identity";
import { describe, expect, test } from "@jest/globals";
import { loadConfig } from "../../src/config/load.js";
import { projectFolder } from "../helpers/server-process.js";
import { clusterOf, only } from "./cluster.js";
import { kubectl, render } from "./manifests.js";

const ours = kubectl === undefined ? describe.skip : describe;

/** Whom the server talks to: config.json's hosts, and the SDK's own authority. */
async function hosts(): Promise<string[]> {
  const { config } = await loadConfig(join(projectFolder, "config.json"), { enclave: true });
  const { Attestation: attestation, Model: model, Trust: trust } = config.Inference;
  const urls = [
    trust?.Authority ?? AzureAuthorityHosts.AzurePublicCloud,
    attestation.Endpoint,
    model.Url,
    ...config.Secret.flatMap(({ SrsAddress, AttestationEndpoint }) => [
      SrsAddress,
      ...(AttestationEndpoint === undefined ? [] : [AttestationEndpoint]),
    ]),
  ];
  return [...new Set(urls.map((url) => new URL(url).hostname))].sort();
}

ours("egress by name", () => {
  const manifests = kubectl === undefined ? [] : render("overlays/aks-sgx-cilium");
  const policies = manifests.filter(({ apiVersion }) => apiVersion === "cilium.io/v2");

  test("goes to the hosts of config.json and Azure AD, on 443, and to no other", async () => {
    const names = (await hosts()).map((matchName) => ({ matchName }));
    expect(names).toHaveLength(4);
    const sorted = expect.arrayContaining(names) as unknown;
    // All of it, so that no field is here that Cilium would not know.
    expect(only(policies)).toEqual({
      apiVersion: "cilium.io/v2",
      kind: "CiliumNetworkPolicy",
      metadata: expect.objectContaining({ name: "confml-server-egress" }) as unknown,
      spec: {
        endpointSelector: { matchLabels: { app: "confml-server" } },
        egress: [
          {
            toEndpoints: [
              {
                matchLabels: {
                  "k8s:io.kubernetes.pod.namespace": "kube-system",
                  "k8s:k8s-app": "kube-dns",
                },
              },
            ],
            toPorts: [
              {
                ports: [{ port: "53", protocol: "ANY" }],
                rules: { dns: [{ matchPattern: "*" }] },
              },
            ],
          },
          { toFQDNs: sorted, toPorts: [{ ports: [{ port: "443", protocol: "TCP" }] }] },
        ],
      },
    });
    expect(JSON.stringify(policies).match(/matchName/gu)).toHaveLength(names.length);
  });

  test("is not undone by a policy that allows any host: policies add up", () => {
    const { spec } = only(clusterOf(manifests).networkPolicies);
    expect(spec?.policyTypes).toEqual(["Ingress"]);
    expect(spec).not.toHaveProperty("egress");
  });
});
