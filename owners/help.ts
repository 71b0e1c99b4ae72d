const keyFile = `KEYFILE holds the key as 32 bytes, not as hex or base64; confml keygen makes one. Never
give the key itself on a command line, where other users of the machine can see it.`;

const outputs = `OUT is written completely or not at all, also after Ctrl-C or on a full disk. An existing
file is replaced only with --force. KEYFILE, FILE, symbolic links and files of 32 bytes,
which may be keys, are never replaced.`;

const force = `  --force, -f         replace OUT if it exists, and write binary data to a terminal
`;

const policyOptions = `  --authority URL     the attestation service that attests the server, such as
                      https://NAME.weu.attest.azure.net
  --mrenclave HEX     the measurement of the code that gets the key; if given several
                      times, code with any one of them gets it
  --min-svn N         the lowest security version that gets the key: it keeps the key
                      from old, vulnerable builds
  --mrsigner HEX      the hash of the key that signed the code
  --product-id N      the product, of those that this key signs
  --trust-signer      without --mrenclave: any code that the signer signs gets the key.
                      Needs --mrsigner, --product-id and --min-svn
  --allow-debug       debug enclaves get the key as well. For tests only: the machine's
                      owner can read the memory of a debug enclave
`;

const vaultOptions = `  --vault URL         https://NAME.managedhsm.azure.net
  --api-version V     the version of the vault's API; default: 7.4
  --ca-file PEM       CA certificates to trust instead of the public ones
  --connect HOST:PORT the address to connect to instead of Azure's; for an emulator

The command logs in as the user of az login or, if AZURE_TENANT_ID, AZURE_CLIENT_ID and
AZURE_CLIENT_SECRET are all set, as that service principal.
`;

const importOptions = `  --key KEYFILE, -k   the key's file
  --policy FILE       the release policy; if it trusts a signer or debug enclaves, give
                      --trust-signer or --allow-debug as well. Instead of a file, the
                      options of confml policy:
${policyOptions}${vaultOptions}`;

/** The text of `confml --help`. */
export const overview = `Usage: confml COMMAND [OPTIONS] [FILE]

For owners of models and pictures: create a key, keep it in your own vault (an Azure
Managed HSM), let the vault release it only to server code that you trust, and encrypt
files with it.

Keys in a vault
  confml key create NAME   create a key and import it with its release policy
  confml key import NAME   import an existing key, or a new version of it (rotation)
  confml key show NAME     show in words what the vault holds and who can get it

Release policies, which say what code gets a key
  confml policy            write a policy from options
  confml policy client     write one for clients: what a server has to prove
  confml policy explain    explain a policy in words, with warnings
  confml policy test       show why a server does not get the key

The server, before anything is sent to it
  confml verify            make it prove what it is
  confml receipt verify    check that it gave an answer to a picture

Models
  confml model encrypt     encrypt a model as JWE, for Model.Url in config.json
  confml model optimize    make a model faster before it is encrypted: ORT format, 8 bits

Pictures
  confml classify          have a server say what is in them

Files
  confml keygen            create a key in a file, for encrypt or for key import
  confml encrypt           encrypt pictures for a server, or a model
  confml decrypt           decrypt a server's encrypted answer

Example: a key for the code with MRENCLAVE 5f1f…, security version 2 or later
  confml key create DataKey --key data.key --vault https://NAME.managedhsm.azure.net \\
    --authority https://NAME.weu.attest.azure.net --mrenclave 5f1f… --min-svn 2
  confml encrypt --key data.key --kid DataKey picture.jpg

confml COMMAND --help describes a command; confml --version prints the version.
`;

const keygen = `Usage: confml keygen FILE...

Creates a key in each new FILE: 32 random bytes, readable only by its owner (mode 0600).
confml key create creates one and also imports it into a vault.

An existing FILE is never replaced: without its key, encrypted data cannot be read. Keep a
copy of the key in a safe place. Use each key for one purpose: one for pictures, another
for a model.

Examples
  confml keygen data.key
  confml keygen model.key image.key
  confml encrypt --key data.key --kid DataKey picture.jpg
`;

const encrypt = `Usage: confml encrypt --key KEYFILE --kid ID FILE...
       confml encrypt --key KEYFILE --kid ID -o OUT FILE
       confml encrypt --key KEYFILE --legacy [-o OUT] FILE...

  --key KEYFILE, -k   the key's file
  --kid ID            encrypt as JWE (A256KW, A256GCM) to FILE.jwe. ID is the secret's
                      ID in the server's configuration, or ID/VERSION
  --legacy            encrypt as \`openssl enc -e -aes256 -iv 0\` does, to FILE.encrypted,
                      and print the SHA-256 and, for a model, the settings of the
                      server. The format has no authentication: an attacker who has
                      a picture's file and may upload recovers the picture from the
                      answers to altered copies. For the original sample's clients,
                      and for models
  --output OUT, -o    write to OUT; - is standard output
${force}
${keyFile}
FILE - is standard input. If one of several FILEs fails, the others are still encrypted,
and the exit code is 1.

${outputs}

Examples
  confml encrypt --key data.key --kid DataKey picture.jpg
  confml encrypt --key data.key --kid DataKey -o - - <picture.jpg >picture.jwe
  confml encrypt --key model.key --legacy alexnet.onnx
`;

const decrypt = `Usage: confml decrypt --key KEYFILE [-o OUT] [FILE]

Decrypts a JWE, such as a server's answer, to standard output. If the input is something
else, such as a server's error message, the command says what it is and exits with 1.

  --key KEYFILE, -k   the key's file
  --output OUT, -o    write to the file OUT, readable only by its owner (mode 0600)
${force}
${keyFile}
Without FILE, or if it is -, the command reads standard input.

${outputs}

Examples
  curl -sSF image=@picture.jpg.jwe URL/evaluate | confml decrypt --key data.key
  confml decrypt --key data.key answer.jwe
  confml decrypt --key data.key -o picture.jpg picture.jpg.jwe
`;

const policy = `Usage: confml policy --authority URL --mrenclave HEX... [OPTIONS] [-o FILE]
       confml policy --authority URL --trust-signer SIGNER OPTIONS [-o FILE]

Writes a release policy (JSON). It always requires Intel SGX and, without --allow-debug,
an enclave that is not debuggable.

${policyOptions}  --output FILE, -o   write to FILE instead of standard output
  --force, -f         replace FILE if it exists

HEX is 64 hex digits, N a number from 0 to 65535. See also confml policy explain and
confml policy test.

Examples
  confml policy --authority https://NAME.weu.attest.azure.net --mrenclave 5f1f… \\
    --min-svn 2 -o policy.json
`;

const policyClient = `Usage: confml policy client --mrenclave HEX... [OPTIONS] [-o FILE]
       confml policy client --trust-signer SIGNER OPTIONS [-o FILE]

Writes a policy (JSON) for confml verify and confml classify: what a server has to prove
before it gets a picture.

  --mrenclave HEX       the code; may be given several times: any one of them
  --min-svn N           the lowest version
  --mrsigner HEX        who signed the code
  --product-id N        which product of that signer
  --trust-signer        no --mrenclave: whatever that signer signs. Needs --mrsigner,
                        --product-id and --min-svn
  --allow-debug         debug enclaves too: their memory can be read. For tests alone
  --model-sha256 HEX    the encrypted model file
  --config-sha256 HEX   config.json
  --tcb-status NAME     what Intel says of the platform; may be given several times.
                        Default: UpToDate
  --advisory ID         a security advisory of Intel's (INTEL-SA-00615) that you accept;
                        may be given several times. Default: none
  --max-age SECONDS     how old the attestation may be. Default: 300
  --output FILE, -o     a file in place of standard output
  --force, -f           replace FILE if it exists

make measure prints MRENCLAVE; sha256sum the hashes.

Examples
  confml policy client --mrenclave 5f1f… --min-svn 2 -o policy.json
`;

const policyExplain = `Usage: confml policy explain FILE

Explains in words who gets a key under this release policy, with warnings. FILE - is
standard input.

Examples
  confml policy explain policy.json
`;

const policyTest = `Usage: confml policy test TOKEN POLICY

Compares an attestation token (a JWT) with a release policy: prints which authority's
conditions are met, and which claim fails. The token's signature is not checked. TOKEN
may also be the JSON object \`claims\` of a server's log line "key not released".
The exit code is 0 if the policy is met, 1 if it is not.

Examples
  confml policy test claims.json policy.json
`;

const keyCreate = `Usage: confml key create NAME --vault URL --key KEYFILE (--policy FILE | POLICY OPTIONS)

Creates a key of 32 random bytes in the new file KEYFILE and imports it into the vault,
which releases it only under the policy. Encrypt with the file, and keep it safe. An
existing file is never replaced. Use each key for one purpose: one for JWE, another for
.encrypted uploads, a third for a model.

${importOptions}
Examples
  confml key create DataKey --key data.key --vault https://NAME.managedhsm.azure.net \\
    --authority https://NAME.weu.attest.azure.net --mrenclave 5f1f… --min-svn 2
`;

const keyImport = `Usage: confml key import NAME --vault URL --key KEYFILE (--policy FILE | POLICY OPTIONS)

Imports the 32 bytes of KEYFILE into the vault, which releases them only under the policy.
If the vault has a key of that name, this creates a new version of it: a rotation. Warns
if another key of the vault has the same bytes: servers refuse such a pair.

${importOptions}
Examples
  confml key import DataKey --key data.key --vault https://NAME.managedhsm.azure.net \\
    --policy policy.json
`;

const keyShow = `Usage: confml key show NAME[/VERSION] --vault URL [--json]

Shows what the vault holds under that name, and who can get it, with warnings.

  --json              print JSON, for programs
${vaultOptions}
Examples
  confml key show DataKey --vault https://NAME.managedhsm.azure.net
`;

const classify = `Usage: confml classify URL --policy FILE [OPTIONS] FILE...
       confml classify URL --key KEYFILE --kid ID [OPTIONS] FILE...

Has a server say what is in pictures. They are encrypted before they leave: with --policy
to the attested key of a server that proved itself, with --key under a key that you share
with it. FILE may be a folder: all pictures in it and below. FILE - is standard input.

  --policy FILE         what the server has to prove first: see confml verify, as for
                        --collateral and --allow-emulated
  --key KEYFILE, -k     the shared key's file, and
  --kid ID              the secret's ID in the server's configuration, or ID/VERSION
  --no-tls              allows http:// with --policy
  --plain               neither: the pictures cross the network, and the host, in the clear
  --top N               labels for each picture, best first; 5 where not given
  --receipts            asks for a receipt with each answer, and verifies it; --json has it
  --jobs N, -j          pictures on their way at once; 4 where not given
  --retry-for SECONDS   how long the server may be gone; 60 where not given
  --json, --csv         a JSON object for each picture and line, or CSV, in place of bars

A picture that fails is reported, and the others are still done: the command ends with 1.
A server that does not prove what your policy asks for gets no picture: also 1.

Examples
  confml classify https://server.example:8443 --policy policy.json holiday/
  confml classify http://server.example:8000 --key data.key --kid DataKey --json *.jpg
`;

const verify = `Usage: confml verify URL --policy FILE [OPTIONS]

Asks a server to prove what it is, before anything is sent to it: its evidence down to
Intel's root, that it is fresh, that the TLS connection ends in it, and that it is what
your policy accepts. One line for each claim.

  --policy FILE         what you accept: a release policy without authorities (see
                        docs/data-owner.md). It has to name the code (MRENCLAVE, or signer,
                        product and version). Where it does not say otherwise: no debug
                        enclave, an up-to-date platform without advisories, at most 5
                        minutes old
  --collateral FROM     where Intel's certificates and revocation lists come from: server
                        (its answer, where not given), intel, the https:// address of a
                        PCCS, or a file
  --save FILE           keeps the attestation: receipts are checked with it
  --no-tls              allows http://, over which only pictures that are encrypted to the
                        attested key are protected
  --allow-emulated PEM  accepts evidence below this root, such as the demo's. It proves
                        nothing
  --json                the same for programs, as one line
  --force, -f           replace FILE where it is there

Ends with 0 where the server is verified, 1 where it is refused, 69 where it gives no
answer.

Examples
  confml verify https://server.example:8443 --policy policy.json
  confml verify https://server.example:8443 --policy policy.json --save attestation.json
`;

const receiptVerify = `Usage: confml receipt verify RECEIPT --attestation FILE --request FILE --answer FILE
                             [--policy FILE]

Checks, also years later, that the attested code gave this answer to this picture.
RECEIPT is a file with the receipt, or with the JSON answer that holds it.

  --attestation FILE    of confml verify --save, from before the server's next start
  --request FILE        the file that was uploaded, as it was sent: of an encrypted
                        picture, the encrypted file
  --answer FILE         the answer; of an encrypted one, what confml decrypt prints
  --policy FILE         the code that you accept. Without it, the code is printed and
                        compared with nothing
  --allow-emulated PEM  as for confml verify

Ends with 0 where the receipt is good, with 1 where it is not.

Example
  confml receipt verify answer.json --attestation attestation.json \\
    --request picture.jpg --answer answer.json --policy policy.json
`;

const modelEncrypt = `Usage: confml model encrypt --key KEYFILE --kid ID [-o OUT] MODEL

Encrypts a model as JWE (A256KW, A256GCM) to MODEL.jwe, which a confml server and KServe decrypt.
Prints the path, the SHA-256 and the settings of config.json.

  --key KEYFILE, -k   the key's file
  --kid ID            the ID of the key's secret in config.json
  --output OUT, -o    write to the file OUT, whose name ends in .jwe: Model.Url has to end so, too
  --force, -f         replace OUT if it exists

KEYFILE holds the key as 32 bytes, not as hex or base64; confml keygen makes one. The key is
used for nothing but this model. OUT is written completely or not at all.

Examples
  confml model encrypt --key model.key --kid ModelKey alexnet.onnx
`;

const modelOptimize = `Usage: confml model optimize MODEL.onnx --manifest FILE --out FILE [OPTIONS]

Writes a model that loads and runs faster, and compares its answers with the original's.
Encrypt and serve the result instead of the original. FILE.json is its manifest, with a
reference answer that the server checks before it serves.

  --manifest FILE     the original's manifest: model.json
  --out FILE, -o      the new model; its manifest is written to FILE.json
  --pictures PATH     a picture, or a folder of pictures with its subfolders, on which the
                      answers are compared; may be given several times. Every other
                      picture calibrates the 8-bit model
  --int8              8-bit weights and arithmetic in convolutions and fully connected
                      layers or, if too many answers change, in the fully connected
                      layers only. Needs 16 pictures; 100 are better
  --layers KIND       all, or linear (the fully connected layers); tries nothing else
  --portable          for every x86-64 processor with AVX2. Without it, for processors
                      with the vector instructions of this one: faster, but servers on
                      other processors refuse the model
  --min-agreement PCT the least share of pictures, of those that did not calibrate, with
                      the same first answer as the original's; default: 99
  --format FORMAT     ort (ONNX Runtime's own format; the default), or onnx with --int8
  --force, -f         replace FILE and FILE.json if they exist

If too many answers changed, nothing is written and the exit code is 1. FILE and FILE.json
are written together or not at all; input files are never replaced.

Examples
  confml model optimize alexnet.onnx --manifest model.json --out alexnet.ort
  confml model optimize alexnet.onnx --manifest model.json --out alexnet8.ort --int8 \\
    --pictures pictures
`;

/** The help of each command. `key` and `model` alone show the help of their subcommands. */
export const help: Readonly<Record<string, string>> = {
  keygen,
  encrypt,
  decrypt,
  policy,
  "policy client": policyClient,
  "policy explain": policyExplain,
  "policy test": policyTest,
  key: [keyCreate, keyImport, keyShow].join("\n"),
  "key create": keyCreate,
  "key import": keyImport,
  "key show": keyShow,
  classify,
  verify,
  receipt: receiptVerify,
  "receipt verify": receiptVerify,
  model: modelOptimize,
  "model encrypt": modelEncrypt,
  "model optimize": modelOptimize,
};
