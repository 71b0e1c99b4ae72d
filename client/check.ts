/** One thing that was verified: a line of `confml verify`. */
export interface Check {
  /** A claim's name, or `nonce`, `tls`, `root`. */
  name: string;
  /** In words, such as `at least 3`; safe for a terminal. */
  wanted: string;
  /** As JSON, cut after 200 characters; safe for a terminal. */
  got: string;
  met: boolean;
}
