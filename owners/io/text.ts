/** Whether bytes are UTF-8 without control characters other than tabs and line breaks. */
export function isText(content: Uint8Array): boolean {
  try {
    const text = new TextDecoder("utf8", { fatal: true }).decode(content);
    return !/[^\P{Cc}\t\r\n]/u.test(text);
  } catch {
    return false;
  }
}
