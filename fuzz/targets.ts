import { pathToFileURL } from "node:url";
import type { Target } from "./target.js";
import { addresses } from "./targets/addresses.js";
import { attestationToken } from "./targets/attestation-token.js";
import { certificate } from "./targets/certificate.js";
import { certificateChain } from "./targets/certificate-chain.js";
import { config } from "./targets/config.js";
import { der } from "./targets/der.js";
import { gif } from "./targets/gif.js";
import { imageHeader } from "./targets/image-header.js";
import { inferenceRequest } from "./targets/inference-request.js";
import { jpeg } from "./targets/jpeg.js";
import { jwe } from "./targets/jwe.js";
import { jweHeader } from "./targets/jwe-header.js";
import { jweModel } from "./targets/jwe-model.js";
import { keyFile } from "./targets/key-file.js";
import { keyUnwrap } from "./targets/key-unwrap.js";
import { keyWrap } from "./targets/key-wrap.js";
import { manifest } from "./targets/manifest.js";
import { onnx } from "./targets/onnx.js";
import { onnxChecks } from "./targets/onnx-checks.js";
import { opensslCbc } from "./targets/openssl-cbc.js";
import { png } from "./targets/png.js";
import { policy } from "./targets/policy.js";
import { releaseAnswer } from "./targets/release-answer.js";
import { remoteAnswer } from "./targets/remote-answer.js";
import { signedCertificate } from "./targets/signed-certificate.js";
import { sgxReport } from "./targets/sgx-report.js";
import { tiff } from "./targets/tiff.js";
import { upload } from "./targets/upload.js";

/** All targets, in the order of `make fuzz`. */
export const targets: readonly Target[] = [
  jwe,
  jweHeader,
  jweModel,
  upload,
  inferenceRequest,
  opensslCbc,
  keyWrap,
  keyUnwrap,
  keyFile,
  der,
  certificate,
  certificateChain,
  signedCertificate,
  releaseAnswer,
  attestationToken,
  sgxReport,
  policy,
  config,
  manifest,
  onnx,
  onnxChecks,
  imageHeader,
  jpeg,
  png,
  gif,
  tiff,
  remoteAnswer,
  addresses,
];

/**
 * @param name of a target, or the path of a module (`.mjs`) that exports one as `target`
 * @throws Error where there is none
 */
export async function findTarget(name: string): Promise<Target> {
  if (name.endsWith(".mjs")) {
    const module: unknown = await import(pathToFileURL(name).href);
    if (
      typeof module === "object" &&
      module !== null &&
      "target" in module &&
      isTarget(module.target)
    ) {
      return module.target;
    }
  }
  const found = targets.find((target) => target.name === name);
  if (found !== undefined) return found;
  const known = targets.map((target) => target.name).join(", ");
  throw new Error(`expected one of the targets ${known}; got ${JSON.stringify(name)}`);
}

function isTarget(value: unknown): value is Target {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    "prepare" in value &&
    typeof value.prepare === "function"
  );
}
