import { setTimeout as pause } from "node:timers/promises";
import { ConfmlClient, type ClassifyOptions, type Result } from "../../client/confml-client.js";
import { pinTls } from "../../client/node/pinned-tls.js";
import { ServerError } from "../../client/server-error.js";
import { VerificationError } from "../../client/verification-error.js";
import { describeCause } from "../../src/errors.js";
import { maxUploadBytes, readInput } from "../io/input.js";
import { listPictures } from "../io/picture-files.js";
import { endProgress, showProgress } from "../io/progress.js";
import { printErrors, printLines, standardStream } from "../io/streams.js";
import { readKeyFile } from "../key/key-file.js";
import { CommandError, UsageError } from "../usage.js";
import { readClientPolicy, readCollateralSource, readRoots } from "../verify/trust.js";
import { inOrder } from "./ordered.js";
import { readClassifyOptions, type ClassifyCommandOptions } from "./options.js";
import { csvHeader, describeOutcome, type Outcome } from "./results.js";

/** Between attempts to reach a server that is gone. */
const pauseMs = 1000;

/** `confml classify` */
export async function classifyCommand(argv: string[]): Promise<number> {
  const options = readClassifyOptions(argv);
  const files = await listFiles(options.paths);
  const key = options.keyFile === undefined ? undefined : await readKeyFile(options.keyFile);
  const client = await createClient(options, key);
  const patience = new Patience(options.retrySeconds);
  const { form } = options;
  let done = 0;
  let failed = 0;
  try {
    if (form === "csv") await printLines([csvHeader]);
    await inOrder(
      files,
      options.jobs,
      (file) => classifyFile(client, file, options, patience),
      async (outcome) => {
        done += 1;
        endProgress();
        if ("error" in outcome) {
          failed += 1;
          printErrors([`error: ${outcome.file}: ${outcome.error.code}: ${outcome.error.message}`]);
        }
        await printLines(describeOutcome(outcome, form));
        showProgress("classified", done, files.length);
      },
    );
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    throw new CommandError(
      `refused: ${error.code}: ${error.message}`,
      ["confml verify says more"],
      {
        cause: error,
      },
    );
  } finally {
    endProgress();
    client.close();
    key?.fill(0);
  }
  return failed === 0 ? 0 : 1;
}

async function listFiles(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    files.push(...(path === standardStream ? [path] : await listPictures([path], "FILE")));
  }
  if (files.length > 0) return files;
  throw new UsageError("there is no picture in what is given");
}

async function createClient(
  {
    url,
    policyFile,
    collateral,
    emulatedRoot,
    kid,
    plain,
    connects,
    retrySeconds,
  }: ClassifyCommandOptions,
  key: Uint8Array | undefined,
): Promise<ConfmlClient> {
  const source = await readCollateralSource(collateral);
  return new ConfmlClient(url, {
    ...(key === undefined || kid === undefined ? {} : { key, kid }),
    ...(policyFile === undefined ? {} : { policy: await readClientPolicy(policyFile) }),
    ...(source === undefined ? {} : { collateral: source }),
    ...(connects === "pinned" ? { connect: () => pinTls(url) } : {}),
    roots: await readRoots(emulatedRoot),
    plain,
    maxWaitMs: 1000 * retrySeconds,
  });
}

/** @throws VerificationError, which ends the command: nothing more is sent to such a server */
async function classifyFile(
  client: ConfmlClient,
  file: string,
  { top, receipts }: ClassifyCommandOptions,
  patience: Patience,
): Promise<Outcome> {
  const picture = await readInput(file, "FILE", maxUploadBytes).catch((error: unknown) => error);
  if (!(picture instanceof Uint8Array)) return failure(file, "UNREADABLE", picture);
  const options: ClassifyOptions = { receipt: receipts, ...(top === undefined ? {} : { top }) };
  for (;;) {
    try {
      const result: Result = await client.classify(picture, options);
      patience.renew();
      return { file, result };
    } catch (error) {
      if (error instanceof VerificationError) throw error;
      if (error instanceof ServerError && error.retryAfterMs === undefined) {
        patience.renew();
        return failure(file, error.code, error);
      }
      if (!patience.isLeft()) return failure(file, "UNREACHABLE", error);
      client.close();
      await pause(pauseMs);
    }
  }
}

function failure(file: string, code: string, cause: unknown): Outcome {
  return { file, error: { code, message: describeCause(cause) } };
}

/** How long a server may be gone: counted from its last answer, for all pictures together. */
class Patience {
  readonly #milliseconds: number;
  #since = performance.now();

  constructor(seconds: number) {
    this.#milliseconds = 1000 * seconds;
  }

  renew(): void {
    this.#since = performance.now();
  }

  isLeft(): boolean {
    return performance.now() - this.#since < this.#milliseconds;
  }
}
