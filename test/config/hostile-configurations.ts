import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "../helpers/server-process.js";

export interface HostileConfiguration {
  /** What is wrong with the configuration. */
  title: string;
  /** The committed configuration with a change. */
  text: string;
  /** The expected refusal: the key, what was expected and what came. */
  says: string;
}

const committed = readFileSync(join(projectFolder, "config.json"), "utf8");

function replaced(right: string, wrong: string): string {
  if (!committed.includes(right)) throw new Error(`config.json has no ${right}`);
  return committed.replace(right, () => wrong);
}

const parameters = /"ApplicationParameters": (\[[^\]]*\])/u.exec(committed)?.[1] ?? "no parameters";
const main = '"/app/dist/main.js"';
const trap = '"--disable-wasm-trap-handler",';

/** Adds or replaces a Mystikos setting. */
const setting = (text: string): string => replaced('"ProductID": 1,', `"ProductID": 1, ${text},`);
const nodeOption = (text: string): string => replaced(trap, `${trap} ${text},`);
const started = (text: string): string => replaced(parameters, text);
const hostVariable = (text: string): string => replaced('"MHSM_AAD_URL",', `${text},`);
const variable = (text: string): string =>
  replaced('"NODE_ENV=production",', `"NODE_ENV=production", ${text},`);

const rows: [title: string, text: string, says: string][] = [
  // The host's environment.
  [
    "host: Node's options",
    hostVariable('"NODE_OPTIONS"'),
    'HostEnvironmentVariables[2]:…"NODE_OPTIONS"',
  ],
  ["host: a library", hostVariable('"LD_PRELOAD"'), 'HostEnvironmentVariables[2]:…"LD_PRELOAD"'],
  ["host: another Azure AD", hostVariable('"AZURE_AUTHORITY_HOST"'), '…got "AZURE_AUTHORITY_HOST"'],
  ["host: a token file", hostVariable('"AZURE_FEDERATED_TOKEN_FILE"'), '…got "AZURE_FEDERATED_'],
  ["host: authorities", hostVariable('"NODE_EXTRA_CA_CERTS"'), '…got "NODE_EXTRA_CA_CERTS"'],
  ["host: TLS unchecked", hostVariable('"NODE_TLS_REJECT_UNAUTHORIZED"'), '…got "NODE_TLS_REJ'],
  ["host: another case", hostVariable('"client_id"'), '…got "client_id"'],
  ["host: a space", hostVariable('"CLIENT_ID "'), '…got "CLIENT_ID "'],
  ["host: twice", hostVariable('"CLIENT_ID"'), 'HostEnvironmentVariables[2]:…got "CLIENT_ID"'],
  [
    "host: no list",
    replaced('["CLIENT_ID", "CLIENT_SECRET", "MHSM_AAD_URL", "APP_ID"]', '"CLIENT_ID"'),
    "HostEnvironmentVariables: expected…array",
  ],
  [
    "host: the command line",
    setting('"HostApplicationParameters": true'),
    "HostApplicationParameters: expected false…got true",
  ],
  [
    "host: the command line, as 1",
    setting('"HostApplicationParameters": 1'),
    "HostApplicationParameters:…got 1",
  ],
  [
    "host: the platform's name",
    hostVariable('"MYST_TARGET"'),
    'HostEnvironmentVariables[2]:…"MYST_TARGET"',
  ],
  // The enclave's environment.
  [
    "Node's options",
    variable('"NODE_OPTIONS=--inspect"'),
    'EnvironmentVariables[1]:…"NODE_OPTIONS=--inspect"',
  ],
  [
    "another library",
    replaced("/lib/libconfml-shim.so", "/tmp/evil.so"),
    '…got "LD_PRELOAD=/tmp/evil.so"',
  ],
  [
    "a library beside the shim",
    replaced("/lib/libconfml-shim.so", "/lib/libconfml-shim.so:/tmp/a.so"),
    "…shim.so:/tmp/a.so",
  ],
  [
    "a library after the shim",
    variable('"LD_PRELOAD=/tmp/evil.so"'),
    'EnvironmentVariables[1]:…"LD_PRELOAD=/tmp/evil.so"',
  ],
  [
    "no shim",
    replaced(', "LD_PRELOAD=/lib/libconfml-shim.so"', ""),
    "EnvironmentVariables: expected both",
  ],
  [
    "Express's development mode",
    replaced("NODE_ENV=production", "NODE_ENV=development"),
    '…got "NODE_ENV=development"',
  ],
  ["no NODE_ENV", replaced('"NODE_ENV=production", ', ""), "EnvironmentVariables: expected both"],
  ["keys of TLS", variable('"SSLKEYLOGFILE=/tmp/keys"'), '…got "SSLKEYLOGFILE=/tmp/keys"'],
  ["OpenSSL's configuration", variable('"OPENSSL_CONF=/tmp/x"'), '…got "OPENSSL_CONF=/tmp/x"'],
  [
    "credentials of Mystikos' making",
    variable('"MYST_WANT_TEE_CREDENTIALS=CERT_PEMKEY"'),
    'EnvironmentVariables[1]:…"MYST_WANT_TEE',
  ],
  [
    "another platform's name",
    variable('"MYST_TARGET=linux"'),
    'EnvironmentVariables[1]:…"MYST_TARGET=linux"',
  ],
  ["a number for a variable", variable("5"), "EnvironmentVariables[1]:"],
  // How Node is started.
  [
    "an inspector",
    nodeOption('"--inspect=0.0.0.0:9229"'),
    'ApplicationParameters[1]:…"--inspect=0.0.0.0:9229"',
  ],
  [
    "TLS keys in a file",
    nodeOption('"--tls-keylog=/tmp/k"'),
    'ApplicationParameters[1]:…"--tls-keylog=/tmp/k"',
  ],
  [
    "code before the server's",
    nodeOption('"--require", "/tmp/a.js"'),
    'ApplicationParameters[1]:…"--require"',
  ],
  [
    "code as an option",
    nodeOption('"--import=data:text/javascript,1"'),
    'ApplicationParameters[1]:…"--import=data',
  ],
  [
    "code instead of the server's",
    nodeOption('"--eval=1"'),
    'ApplicationParameters[1]:…"--eval=1"',
  ],
  [
    "core dumps in JSON",
    nodeOption('"--report-uncaught-exception"'),
    'ApplicationParameters[1]:…"--report-unc',
  ],
  [
    "another spelling",
    nodeOption('"--disable_wasm_trap_handler"'),
    'ApplicationParameters[1]:…"--disable_wasm',
  ],
  [
    "more memory for WebAssembly",
    replaced("pages=256", "pages=65536"),
    'ApplicationParameters[1]:…pages=65536"',
  ],
  [
    "an option twice",
    nodeOption(trap.slice(0, -1)),
    'ApplicationParameters[1]:…"--disable-wasm-trap-handler"',
  ],
  ["a number for an option", nodeOption("1"), "ApplicationParameters[1]:…got 1."],
  ["another script", replaced(main, '"/tmp/main.js"'), 'ApplicationParameters[2]:…"/tmp/main.js"'],
  [
    "a script before the server's",
    replaced(main, `"/tmp/a.js", ${main}`),
    'ApplicationParameters[2]:…"/tmp/a.js"',
  ],
  [
    "a script on standard input",
    started("[]"),
    'ApplicationParameters[0]: expected "/app/dist/main.js"; got nothing. Add it.',
  ],
  [
    "no parameters",
    replaced(`"ApplicationParameters": ${parameters},`, ""),
    "ApplicationParameters: expected…got nothing",
  ],
  [
    "another configuration",
    replaced('"/app/config.json"', '"/tmp/config.json"'),
    'ApplicationParameters[3]:…got "--config"',
  ],
  [
    "a second configuration",
    started(`[${main}, "--config", "/app/config.json", "--config", "/tmp/c"]`),
    "ApplicationParameters[1]:",
  ],
  [
    "another option of the server",
    started(`[${main}, "--help"]`),
    'ApplicationParameters[1]:…got "--help"',
  ],
  [
    "another program",
    replaced("/usr/bin/node", "/bin/sh"),
    'ApplicationPath:…"/usr/bin/node"…got "/bin/sh"',
  ],
  [
    "no program",
    replaced('"ApplicationPath": "/usr/bin/node",', ""),
    "ApplicationPath:…got nothing. Add it.",
  ],
  [
    "another folder",
    replaced('"CurrentWorkingDirectory": "/app"', '"CurrentWorkingDirectory": "/tmp"'),
    'CurrentWorkingDirectory:…got "/tmp"',
  ],
  // What Mystikos does.
  ["a debug enclave", replaced('"Debug": 0', '"Debug": 1'), "Debug: expected 0…got 1"],
  [
    "a debug enclave, as true",
    replaced('"Debug": 0', '"Debug": true'),
    "Debug: expected 0…got true",
  ],
  ["a debug enclave, as text", replaced('"Debug": 0', '"Debug": "0"'), 'Debug: expected 0…got "0"'],
  ["no word on debugging", replaced('"Debug": 0,', ""), "Debug: expected 0…got nothing"],
  [
    "an SVN that SGX has not",
    replaced('"SecurityVersion": 1', '"SecurityVersion": 65536'),
    "SecurityVersion: expected at most 65535",
  ],
  ["no SVN", replaced('"SecurityVersion": 1,', ""), "SecurityVersion: expected"],
  ["no product ID", replaced('"ProductID": 1,', ""), "ProductID: expected"],
  ["no memory", replaced('"MemorySize": "2112m",', ""), "MemorySize: expected"],
  [
    "memory of another unit",
    replaced('"2112m"', '"2112x"'),
    'MemorySize: expected a size such as "2112m"; got "2112x"',
  ],
  [
    "calls that end the enclave",
    replaced('"UnhandledSyscallEnosys": true', '"UnhandledSyscallEnosys": false'),
    "UnhandledSyscallEnosys: expected true",
  ],
  [
    "another version of the format",
    replaced('"0.1"', '"0.2"'),
    'version: expected "0.1"; got "0.2"',
  ],
  ...[
    '"Mounts": [{ "Target": "/app", "Type": "hostfs" }]',
    '"HostUDS": true',
    '"ExecStack": true',
    '"ForkMode": "pseudo_wait_for_exit_exec"',
    '"NoBrk": true',
    '"ThreadStackSize": "1g"',
    '"UnhandledSyscall": 1',
    '"WANT_TSC": true',
    '"SomeNewKey": 1',
    '"debugging": 0',
  ].map((text): [string, string, string] => {
    const name = text.split('"')[1] ?? "";
    return [
      `an unknown key, ${name}`,
      setting(text),
      `${name}: expected one of the known keys…take it out`,
    ];
  }),
  [
    "a prototype",
    setting('"__proto__": { "Debug": 1 }'),
    "__proto__: expected one of the known keys",
  ],
  // Paths of key files. A key's owner chooses its 32 bytes, which are not measured.
  ...[
    "/app/dist/model/inference-worker.js",
    "/lib/libconfml-shim.so",
    "/etc/resolv.conf",
    "/dev/stdout",
    "/proc/self/fd/1",
    "/app/../dist/a.key",
    "//seal.key",
    "/.key",
    "/seal.key.js",
    "/seal.KEY",
  ].map((path): [string, string, string] => [
    `a key in ${path}`,
    replaced('"/seal.key"', JSON.stringify(path)),
    `Secret[2].LocalPath: expected the path of a key file such as "/model.key"…got "${path}"`,
  ]),
  [
    "a key's path with an invisible end",
    replaced('"/seal.key"', String.raw`"/seal.key\n"`),
    "Secret[2].LocalPath:",
  ],
  // What two parsers read differently.
  [
    "a key twice",
    replaced('"Debug": 0', '"Debug": 1, "Debug": 0'),
    "Debug: expected each key once, whatever its case; got it twice. Take one out.",
  ],
  [
    "a key in two cases",
    replaced('"Debug": 0', '"Debug": 0, "debug": 1'),
    "debug: expected each key once",
  ],
  ["a key in another case", replaced('"Debug": 0', '"DEBUG": 0'), "Debug: expected 0"],
  [
    "a key with an escape",
    replaced('"Debug": 0', String.raw`"\u0044ebug": 0`),
    "Debug: expected keys without \\; got an escape",
  ],
  [
    "an inner key twice",
    replaced('"Port": 8000', '"Port": 8001, "Port": 8000'),
    "Inference.Listen.Port: expected each key once",
  ],
  [
    "an entry's key twice",
    replaced('"ClientLib": "mhsm"', '"ClientLib": "x.so", "ClientLib": "mhsm"'),
    "Secret.ClientLib: expected each key once",
  ],
  // Stand-ins.
  [
    "stand-ins of Azure",
    replaced(
      '"Attestation": {',
      '"Trust": { "CaFile": "/ca.pem", "Connect": "127.0.0.1:1" }, "Attestation": {',
    ),
    "Inference.Trust: expected none…Take it out.",
  ],
  [
    "made-up evidence",
    replaced('"Evidence": "sgx"', '"Evidence": "/app/evidence.js"'),
    'Inference.Attestation.Evidence: expected "sgx"; got "/app/evidence.js"',
  ],
];

/** Configurations that both `make package` and the server under SGX refuse. */
export const hostileConfigurations: HostileConfiguration[] = rows.map(([title, text, says]) => ({
  title,
  text,
  says,
}));

/** Converts an expected text to a pattern; `…` stands for any text within a line. */
export function saying(says: string): RegExp {
  const escaped = says.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/gu, "\\$&"));
  return new RegExp(escaped.join("[^\n]*"), "u");
}

/** Further configurations that both accept. */
export const goodConfigurations: [title: string, text: string][] = [
  ["the repository's", committed],
  ["no options of Node", started(`[${main}, "--config", "/app/config.json"]`)],
  ["the configuration's path after =", started(`[${main}, "--config=/app/config.json"]`)],
  ["the configuration's path left out", started(`[${main}]`)],
  ["debugging off, as false", replaced('"Debug": 0', '"Debug": false')],
  ["the host's command line off", setting('"HostApplicationParameters": false')],
  [
    "nothing from the host",
    replaced(
      '"HostEnvironmentVariables": ["CLIENT_ID", "CLIENT_SECRET", "MHSM_AAD_URL", "APP_ID"],',
      "",
    ),
  ],
  [
    "fewer host variables",
    replaced('["CLIENT_ID", "CLIENT_SECRET", "MHSM_AAD_URL", "APP_ID"]', '["CLIENT_ID"]'),
  ],
  ["a key in a folder", replaced('"/seal.key"', '"/run/keys/seal-2.v1.key"')],
  ["all processors", replaced('"MaxAffinityCPUs": 4,', "")],
  ["the same key in several objects", replaced('"Host": "0.0.0.0"', '"Host": "127.0.0.1"')],
  [
    "a text with quotes, braces and escapes",
    replaced(
      '"Evidence": "sgx"',
      String.raw`"Evidence": "sgx", "EvidenceOptions": { "a": "{\"Debug\": 1}, \\", "b": ["}", ":"] }`,
    ),
  ],
];
