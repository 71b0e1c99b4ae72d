/** A request's body and its type. HTTP clients add `Content-Length`. */
export interface MultipartBody {
  headers: { "content-type": string };
  body: Buffer;
}

const boundary = "confml-bench-3f9c1d0a7e52";

/** Makes a multipart/form-data body (RFC 7578) with one file, as `curl -F image=@FILE` does. */
export function multipartBody(fileName: string, file: Uint8Array): MultipartBody {
  const head = [
    `--${boundary}`,
    `Content-Disposition: form-data; name="image"; filename="${fileName}"`,
    "Content-Type: application/octet-stream",
    "",
    "",
  ].join("\r\n");
  const body = Buffer.concat([Buffer.from(head), file, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return {
    headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
    body,
  };
}
