const keyFile = `KEYFILE holds the 32 bytes of the key as they are (confml keygen makes one). A key
itself never stands on a command line, where others can see it.`;

const outputs = `OUT is there whole or not at all, also after Ctrl-C or on a full disk. A file that is
there is replaced with --force alone; KEYFILE, FILE, symbolic links and files of 32 bytes,
which may be keys, never are.`;

const force = `  --force, -f         replace OUT where it is there, and let bytes go to a terminal
`;

const policyOptions = `  --authority URL     the attestation service that vouches for the server, such as
                      https://NAME.weu.attest.azure.net
  --mrenclave HEX     the code that gets the key; several times: any one of them
  --min-svn N         the lowest version that gets the key: what stops an old,
                      vulnerable build from getting it
  --mrsigner HEX      who signed the code
  --product-id N      which product of that signer
  --trust-signer      no --mrenclave: whatever that signer signs gets the key.
                      Needs --mrsigner, --product-id and --min-svn
  --allow-debug       debug enclaves too. For tests alone: the machine's owner can
                      read the memory of such an enclave
`;

const vaultOptions = `  --vault URL         https://NAME.managedhsm.azure.net
  --api-version V     of the vault's interface; 7.4 where not given
  --ca-file PEM       certificates to trust in place of the public ones
  --connect HOST:PORT where to connect in place of Azure; for a stand-in

You are whom az login says, or, where AZURE_TENANT_ID, AZURE_CLIENT_ID and
AZURE_CLIENT_SECRET are all set, that principal.
`;

const importOptions = `  --key KEYFILE, -k   the key's file
  --policy FILE       the release policy; one that trusts a signer or debug enclaves
                      needs --trust-signer or --allow-debug as well. In its place,
                      the options of confml policy:
${policyOptions}${vaultOptions}`;

/** Of `confml --help`. */
export const overview = `Usage: confml COMMAND [OPTIONS] [FILE]

For owners of models and pictures: keep the key in your own vault (an Azure Managed
HSM), have it released to the one server program you trust, and encrypt with it.

A key, and who gets it
  confml key create NAME   make a key, and put it into the vault with its release policy
  confml key import NAME   the same with a key you have; a new version of it: rotation
  confml key show NAME     what the vault holds, and who can get it, in words

The release policy: which code gets the key
  confml policy            write one from plain options
  confml policy explain    say in words what one means, and what is wrong with it
  confml policy test       say why a server does not get the key

The server, before anything is sent to it
  confml verify            make it prove what it is
  confml receipt verify    check that it gave an answer to a picture

The model
  confml model optimize    make it faster before it is encrypted: ORT format, 8 bits

Pictures
  confml classify          have a server say what is in them

Files
  confml keygen            make a key in a file, to encrypt with or for confml key import
  confml encrypt           encrypt pictures for a server, or a model
  confml decrypt           read a server's encrypted answer

Example: a key for the server whose code is MRENCLAVE 5f1f…, version 2 or later
  confml key create DataKey --key data.key --vault https://NAME.managedhsm.azure.net \\
    --authority https://NAME.weu.attest.azure.net --mrenclave 5f1f… --min-svn 2
  confml encrypt --key data.key --kid DataKey picture.jpg

confml COMMAND --help says more; confml --version the version.
`;

const keygen = `Usage: confml keygen FILE...

Makes a key in each new FILE: 32 random bytes as they are, for its owner alone to read
(mode 0600). confml key create makes one and puts it into a vault, too.

A FILE that is there stays as it is: nothing replaces a key, because what is encrypted
under one that is lost can never be read again. Keep a copy in a safe place.
One key, one use: make one for pictures, another for a model.

Examples
  confml keygen data.key
  confml keygen model.key image.key
  confml encrypt --key data.key --kid DataKey picture.jpg
`;

const encrypt = `Usage: confml encrypt --key KEYFILE --kid ID FILE...
       confml encrypt --key KEYFILE --kid ID -o OUT FILE
       confml encrypt --key KEYFILE --legacy [-o OUT] FILE...

  --key KEYFILE, -k   the key's file
  --kid ID            encrypts as JWE (A256KW, A256GCM) to FILE.jwe. ID is the secret's
                      ID in the server's configuration, or ID/VERSION
  --legacy            encrypts as \`openssl enc -e -aes256 -iv 0\` does, to FILE.encrypted.
                      Nothing authenticates such a file: whoever holds a picture's and
                      may upload recovers the picture from the answers to altered
                      copies. For the original sample's clients, and for models
  --output OUT, -o    another file; - is standard output
${force}
${keyFile}
FILE - is standard input. Where one of several FILEs fails, the others are still done,
and the command ends with 1.

${outputs}

Examples
  confml encrypt --key data.key --kid DataKey picture.jpg
  confml encrypt --key data.key --kid DataKey -o - - <picture.jpg >picture.jwe
  confml encrypt --key model.key --legacy alexnet.onnx
`;

const decrypt = `Usage: confml decrypt --key KEYFILE [-o OUT] [FILE]

Decrypts a JWE, such as a server's answer, to standard output.

  --key KEYFILE, -k   the key's file
  --output OUT, -o    a file in place of standard output, for you alone (mode 0600)
${force}
${keyFile}
FILE is standard input where not given.

${outputs}

Examples
  confml decrypt --key data.key answer.jwe
  confml decrypt --key data.key -o picture.jpg picture.jpg.jwe
`;

const policy = `Usage: confml policy --authority URL --mrenclave HEX... [OPTIONS] [-o FILE]
       confml policy --authority URL --trust-signer SIGNER OPTIONS [-o FILE]

Writes a release policy (JSON). It always asks for Intel SGX and, unless told
otherwise, for an enclave that cannot be debugged.

${policyOptions}  --output FILE, -o   a file in place of standard output
  --force, -f         replace FILE where it is there

HEX is 64 hex digits, N a number from 0 to 65535. See also confml policy explain and
confml policy test.
`;

const policyExplain = `Usage: confml policy explain FILE

Says in words who gets a key under this release policy, with warnings. FILE - is
standard input.
`;

const policyTest = `Usage: confml policy test TOKEN POLICY

Holds an attestation token (a JWT) against a release policy: which authority's
conditions are met, and which claim fails. The token's signature is not checked.
TOKEN may also be the JSON object that a server's log line "key not released" has
as claims: the claims about its code that release policies name, and no others.
Ends with 0 where the policy is met, with 1 where it is not.
`;

const keyCreate = `Usage: confml key create NAME --vault URL --key KEYFILE (--policy FILE | POLICY OPTIONS)

Makes 32 random bytes in the new file KEYFILE and imports them into the vault, to be
released under the policy only. The file is yours to encrypt with: keep it safe. One that
is there is never replaced.
One key, one use: make one for JWE, another for .encrypted uploads, a third for a model.

${importOptions}`;

const keyImport = `Usage: confml key import NAME --vault URL --key KEYFILE (--policy FILE | POLICY OPTIONS)

Imports the 32 bytes of KEYFILE into the vault, to be released under the policy only.
Where the vault has a key of that name this makes a new version of it: a rotation.
Warns where another key of the vault has the same bytes: servers refuse such a pair.

${importOptions}`;

const keyShow = `Usage: confml key show NAME[/VERSION] --vault URL [--json]

Says what the vault holds under that name, and who can get it, with warnings.

  --json              the same for programs
${vaultOptions}`;

const classify = `Usage: confml classify URL --policy FILE [OPTIONS] FILE...
       confml classify URL --key KEYFILE --kid ID [OPTIONS] FILE...

Has a server say what is in pictures. They are encrypted before they leave: with --policy
to the attested key of a server that proved itself, with --key under a key that you share
with it. FILE may be a folder: all pictures in it and below. FILE - is standard input.

  --policy FILE         what the server has to prove first: see confml verify, as for
                        --collateral and --allow-emulated
  --key KEYFILE, -k     the shared key's file, and
  --kid ID              the secret's ID in the server's configuration, or ID/VERSION
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

const modelOptimize = `Usage: confml model optimize MODEL.onnx --manifest FILE --out FILE [OPTIONS]

Makes a model that loads and answers faster, and compares its answers with the
original's. You encrypt and serve the result in the original's place; FILE.json is its
manifest, with the answer that a server must get from it before it serves.

  --manifest FILE     what the model is: model.json
  --out FILE, -o      the new model; its manifest goes to FILE.json
  --pictures PATH     pictures to compare the two on, a folder (with all below it) or a
                      file; several times. 8 bits are calibrated with every other one
  --int8              weights and arithmetic of 8 bits: in convolutions and fully
                      connected layers, or, where too many answers change, in the
                      fully connected ones alone. Needs 16 pictures, better 100
  --layers KIND       all or linear (the fully connected ones), and nothing else tried
  --portable          for every x86-64 processor with AVX2. Without it, for those with
                      the vectors of this one: faster there, refused by servers elsewhere
  --min-agreement PCT write nothing unless the first answer is the original's for so
                      many of the pictures that were not calibrated with; 99 where not
                      given
  --format FORMAT     ort (ONNX Runtime's own, where not given), or onnx for --int8
  --force, -f         replace FILE and FILE.json where they are there

Ends with 1, and writes nothing, where too many answers changed. FILE and FILE.json are
written together, or neither is; what is read is never replaced.
`;

/** By command; `key` and `model` stand for those that begin so. */
export const help: Readonly<Record<string, string>> = {
  keygen,
  encrypt,
  decrypt,
  policy,
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
  "model optimize": modelOptimize,
};
