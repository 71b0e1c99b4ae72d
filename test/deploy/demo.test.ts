import { describe, expect, test } from "@jest/globals";
import { clientSecret, pictures, runDemo, type DemoRun } from "./run-demo.js";
import { kubectl, readManifests } from "./manifests.js";
import { faultsOf } from "./strict.js";

const removal = [
  "kubectl --namespace default delete secret/confml-credentials --ignore-not-found --wait --timeout=300s",
  "kubectl --namespace default delete job/confml-client configmap/confml-client configmap/confml-client-picture networkpolicy/confml-client --ignore-not-found --wait --timeout=300s",
  "kubectl --namespace default delete --filename WORK/server.yaml --ignore-not-found --wait --timeout=300s",
];
const six = [...pictures, ...pictures.map((name) => `${name}.encrypted`)];
const credentials = ["CLIENT_ID", "CLIENT_SECRET", "APP_ID", "MHSM_AAD_URL"];

/** After this nothing of ours is in the cluster that was not removed, and nothing told the secret. */
function expectClean(run: DemoRun): void {
  const { calls, written, stdout, stderr, leftovers } = run;
  expect(leftovers).toEqual([]);
  if (calls.some((call) => call.includes("create secret"))) {
    expect(calls.slice(-removal.length)).toEqual(removal);
  } else {
    expect(calls.join("\n")).not.toMatch(/ (delete|create|apply) /u);
  }
  for (const text of [stdout, stderr, written]) expect(text).not.toContain(clientSecret);
}

/** At most a few scripts at once, on a small machine. */
async function forEachOf<T>(list: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const left = list.entries();
  const worker = async (): Promise<void> => {
    for (const [, item] of left) await act(item);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}

function at<T>(list: readonly T[], index: number): T {
  const element = list[index % list.length];
  if (element === undefined) throw new Error("an empty list");
  return element;
}

const ask = "kubectl --namespace default";
const oneUpload = (name: string): string[] => [
  `${ask} create configmap confml-client-picture --from-file=${name}=${
    name.endsWith(".encrypted") ? "STAGE/samples" : "DEMO"
  }/${name}`,
  "kubectl kustomize WORK/upload",
  `${ask} apply --filename WORK/client.yaml`,
  `${ask} get job/confml-client --output jsonpath={.status.conditions[?(@.status=="True")].type}`,
  `${ask} get job/confml-client --output jsonpath={.status.conditions[?(@.status=="True")].type}`,
  `${ask} logs job/confml-client`,
  `${ask} delete job/confml-client configmap/confml-client-picture --wait --timeout=120s`,
];
const address = `${ask} get service confml-service --output jsonpath={.status.loadBalancer.ingress[*].ip} {.status.loadBalancer.ingress[*].hostname}`;
const wholePlay = [
  "az aks get-credentials --resource-group group --name cluster --file WORK/kubeconfig --only-show-errors",
  String.raw`${ask} get nodes --output jsonpath={range .items[*]}{.metadata.name}{" "}{.status.allocatable.sgx\.intel\.com/epc}{"\n"}{end}`,
  `${ask} get deployment/confml-server-demo service/confml-service secret/confml-credentials job/confml-client --ignore-not-found --output name`,
  "kubectl kustomize WORK/server",
  `${ask} create secret generic confml-credentials --from-env-file=/dev/stdin`,
  `${ask} apply --filename WORK/server.yaml`,
  `${ask} rollout status deployment/confml-server-demo --timeout=4s`,
  ...Array.from({ length: 3 }, () => address),
  ...six.flatMap(oneUpload),
  ...removal,
];
/** Of the calls, from 1. The uploads between the first and the last are like these. */
const numbers = wholePlay
  .map((_, index) => index + 1)
  .filter((number) => {
    const beforeUploads = wholePlay.length - removal.length - six.length * oneUpload("").length;
    const upload = Math.floor((number - beforeUploads - 1) / oneUpload("").length);
    return upload <= 0 || upload >= six.length - 1;
  });
const isRemoval = (number: number): boolean => number > wholePlay.length - removal.length;
const signals = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const;

describe("the demo on AKS", () => {
  test("deploys, has six pictures classified, compares the answers, and removes everything", async () => {
    const run = await runDemo();
    const { code, calls, stdout, stderr, secret, results } = run;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(calls.map((call) => call.replace(/=[^=\s]*\/models\/demo\//u, "=DEMO/"))).toEqual(
      wholePlay,
    );
    expectClean(run);
    expect(secret).toBe(
      `CLIENT_ID=the-client\nCLIENT_SECRET=${clientSecret}\nAPP_ID=the-tenant\nMHSM_AAD_URL=https://managedhsm.azure.net\n`,
    );
    for (const name of six) expect(stdout).toContain(`\n${name}\n`);
    expect(stdout.match(/^\t\('dog', 96.0\)$/gmu)).toHaveLength(2);
    expect(stdout).toContain("3 of 3 encrypted pictures answered exactly like the plain ones.");
    expect(stdout).toMatch(/^Seconds and picture of each answer: \S+\/results.txt$/mu);
    expect(
      results
        ?.trim()
        .split("\n")
        .map((line) => line.replace(/^0\.0\d+ /u, "")),
    ).toEqual(six);
  });

  (kubectl === undefined ? test.skip : test)(
    "applies what kubectl renders: valid manifests, with this image, address and picture",
    async () => {
      const { code, stderr, applied } = await runDemo({ environment: { REAL_KUBECTL: kubectl } });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const [server = "", ...clients] = applied;
      expect(server).toContain("image: registry.example:5000/team/confml:1.2\n");
      expect(clients).toHaveLength(six.length);
      clients.forEach((client, index) => {
        expect(client).toContain(`PICTURE: ${six[index] ?? ""}\n`);
        expect(client).toContain("SERVER: 203.0.113.7:8000\n");
      });
      for (const text of applied) expect(readManifests(text).flatMap(faultsOf)).toEqual([]);
    },
  );

  (kubectl === undefined ? test.skip : test).each([
    ["confml", "confml:latest"],
    ["localhost:5000/confml", "localhost:5000/confml:latest"],
    ["host.example/confml@sha256:0123", "host.example/confml@sha256:0123"],
    ["host.example:5000/confml:1@sha256:0123", "host.example:5000/confml@sha256:0123"],
  ])("deploys IMAGE=%s as %s", async (image, written) => {
    const environment = { IMAGE: image, REAL_KUBECTL: kubectl, FAIL_AT: "7" };
    const { applied } = await runDemo({ environment });
    expect(applied.join("\n")).toContain(`image: ${written}\n`);
  });

  test("ends with the failed step's status, and cleaned up, whichever step fails", async () => {
    await forEachOf(numbers, async (number) => {
      const run = await runDemo({ environment: { FAIL_AT: String(number) } });
      const { code, calls, stderr } = run;
      const call = `${number}: ${wholePlay[number - 1] ?? ""}`;
      expect({ call, code }).toEqual({ call, code: isRemoval(number) ? 1 : 42 });
      expect(stderr).toContain("the stand-in fails");
      expectClean(run);
      if (isRemoval(number)) expect(stderr).toContain("confml: error: 1 deletions failed");
      // Nothing is done after the failure but looking and removing.
      const after = calls.slice(number).filter((line) => !removal.includes(line));
      for (const line of after) expect(line).toMatch(/ (get pods|describe pods|logs) /u);
    });
  });

  test("ends and cleans up at SIGINT, SIGTERM and SIGHUP, whatever it waits for", async () => {
    const waits = numbers.filter((number) => !isRemoval(number));
    const plays = waits.map((number, index) => [number, ...at(signals, index)] as const);
    await forEachOf(plays, async ([number, signal, expected]) => {
      const run = await runDemo({ environment: { HANG_AT: String(number) }, signal });
      const { code, calls, stillHanging } = run;
      const call = `${signal} at ${number}: ${wholePlay[number - 1] ?? ""}`;
      expect({ call, code }).toEqual({ call, code: expected });
      expectClean(run);
      // What it waited for was ended, too.
      expect({ call, stillHanging }).toEqual({ call, stillHanging: false });
      expect(calls.slice(number).filter((line) => !removal.includes(line))).toEqual([]);
    });
  });

  test("finishes the removal when a signal comes during it", async () => {
    await forEachOf(numbers.filter(isRemoval), async (number) => {
      const environment = { SIGNAL_AT: String(number), SIGNAL: "INT" };
      const run = await runDemo({ environment });
      expect(run.code).toBe(0);
      expectClean(run);
    });
  });

  test("says why the server did not come up: its pods, their events and their log", async () => {
    const run = await runDemo({ environment: { FAIL_AT: "7" } });
    expect(run.stderr).toContain("SERVER LOG");
    expect(run.calls.slice(7, 10).map((line) => line.split(" ").slice(3, 5).join(" "))).toEqual([
      "get pods",
      "describe pods",
      "logs --selector",
    ]);
  });

  test("ends where an upload fails, with the client's log and the server's", async () => {
    const run = await runDemo({ environment: { JOB_STATE: "FailureTarget Failed" } });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain("the upload of automotive.jpg failed");
    expect(run.stderr).toContain("SERVER LOG");
    expectClean(run);
  });

  test("shows the server's own error, and what to do where the package takes no plain pictures", async () => {
    const refused = { JOB_STATE: "Failed", JOB_LOG: "FORMAT_REFUSED: expected one of …" };
    const run = await runDemo({ environment: refused });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain("FORMAT_REFUSED: expected one of …\n");
    expect(run.stderr).toContain("hint: the demo compares plain and encrypted pictures");
    expectClean(run);
    const other = await runDemo({ environment: { ...refused, JOB_LOG: "OVERLOADED: …" } });
    expect(other.stderr).toContain("OVERLOADED: …\n");
    expect(other.stderr).not.toContain("hint: the demo compares");
  });

  test.each([
    ["the address", { ADDRESS_AFTER: "1000" }, "no address after 4 s"],
    ["an upload", { JOB_STATE: "" }, "not finished after 4 s"],
  ])("does not wait for %s for ever", async (_what, environment, message) => {
    const run = await runDemo({ environment });
    expect(run.code).toBe(75);
    expect(run.stderr).toContain(message);
    expectClean(run);
  });

  test.each([
    [" lb.example.net", "lb.example.net:8000"],
    ["2001:db8::7 ", "[2001:db8::7]:8000"],
  ])("takes the address '%s' of a load balancer", async (given, server) => {
    const run = await runDemo({ environment: { ADDRESS: given, REAL_KUBECTL: kubectl } });
    expect(run.code).toBe(0);
    expect(run.stdout).toContain(`The server is at ${server.replace(":8000", "")}\n`);
  });

  test("fails where an encrypted picture is answered differently from the plain one", async () => {
    const run = await runDemo({ environment: { ODD_PICTURE: "dog.jpg.encrypted" } });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain("dog.jpg.encrypted was answered differently from dog.jpg");
    expectClean(run);
  });

  test("stops before it deploys where no node has enclave memory", async () => {
    const run = await runDemo({ environment: { NODES: "pool-1 \\npool-2 0\\n" } });
    expect(run.code).toBe(69);
    expect(run.stderr).toContain("no node of cluster offers sgx.intel.com/epc");
    expectClean(run);
  });

  test("leaves alone what is in the namespace already", async () => {
    const environment = { PRESENT: "deployment.apps/confml-server-demo\n", NAMESPACE: "prod" };
    const run = await runDemo({ environment });
    expect(run.code).toBe(73);
    expect(run.stderr).toContain("prod already has deployment.apps/confml-server-demo");
    expectClean(run);
  });

  test("does not touch the user's own kubectl context", async () => {
    const { written } = await runDemo({ environment: { FAIL_AT: "6" } });
    const used = new Set(written.match(/ KUBECONFIG=.*$/gmu));
    expect([...used].join()).toMatch(/^ KUBECONFIG="\S+\/confml-demo\.\w+\/kubeconfig"$/u);
  });

  test("hands none of the credentials to the tools that it starts, not even traced", async () => {
    const { written, stdout, stderr } = await runDemo({ environment: { SHELLOPTS: "xtrace" } });
    for (const name of credentials) expect(written).not.toContain(`${name}=`);
    expect(stdout + stderr).not.toContain(clientSecret);
  });
});

describe("before anything is touched, the demo", () => {
  const expectRefusal = (run: DemoRun, code: number, ...texts: string[]): void => {
    expect(run).toMatchObject({ code, calls: [], leftovers: [], stdout: "" });
    for (const text of texts) expect(run.stderr).toContain(text);
    expect(run.stderr).not.toContain(clientSecret);
  };

  test.each(["RESOURCE_GROUP", "CLUSTER_NAME", "IMAGE", ...credentials])(
    "asks for %s where it is not set, or empty",
    async (name) => {
      for (const value of [undefined, ""]) {
        const run = await runDemo({ environment: { [name]: value } });
        expectRefusal(run, 64, `confml: error: not set: ${name}\n`, "confml: hint: make demo");
      }
    },
  );

  test("names all variables that are missing at once", async () => {
    const run = await runDemo({ environment: { IMAGE: "", APP_ID: undefined } });
    expectRefusal(run, 64, "not set: IMAGE APP_ID\n");
  });

  test.each(["az", "kubectl"])("says how to get %s where it is missing", async (tool) => {
    const run = await runDemo({ without: [tool] });
    expectRefusal(run, 69, `confml: error: ${tool} is not on PATH\n`, "confml: hint: ");
  });

  test("says how to make encrypted pictures where they are missing", async () => {
    const run = await runDemo({ withoutPictures: ["dog.jpg.encrypted"] });
    expectRefusal(
      run,
      66,
      "dog.jpg.encrypted\nconfml: hint: make demo SAMPLES=samples",
      'openssl enc -e -aes256 -K "$KEY" -iv 0 -in models/demo/$NAME.jpg',
      "[ ${#KEY} -eq 64 ]",
    );
    const byDefault = await runDemo({ environment: { SAMPLES: undefined } });
    expectRefusal(
      byDefault,
      66,
      "automotive.jpg.encrypted dog.jpg.encrypted strawberries.jpg.encrypted",
    );
  });

  test.each([
    ["IMAGE", "one two"],
    ["IMAGE", "x\nimages: []"],
    ["NAMESPACE", "--all-namespaces"],
    ["TIMEOUT", "soon"],
    ["POLL_SECONDS", "a[$(date)]"],
    ["CLIENT_SECRET", `${clientSecret}\nAPP_ID=other`],
  ])("refuses a %s that is none: %j", async (name, value) => {
    expectRefusal(await runDemo({ environment: { [name]: value } }), 64, name);
  });

  test("refuses arguments, but explains itself", async () => {
    expectRefusal(await runDemo({ args: ["--force"] }), 64, "unknown argument '--force'");
    const { code, stdout, calls } = await runDemo({ args: ["--help"], environment: { IMAGE: "" } });
    expect({ code, calls }).toEqual({ code: 0, calls: [] });
    for (const name of ["RESOURCE_GROUP", "CLUSTER_NAME", "IMAGE", "SAMPLES", ...credentials]) {
      expect(stdout).toContain(name);
    }
  });
});
