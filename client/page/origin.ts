/**
 * Where the page came from, which decides what its checks are worth: from the server that it checks, from the owner's disk, or
 * from a third host.
 */
export type PageOrigin = "server" | "disk" | "host";

/**
 * @param page the page's address
 * @param server the server's address
 */
export function pageOrigin(page: URL, server: URL | undefined): PageOrigin {
  if (page.protocol === "file:") return "disk";
  return server === undefined || hostOf(server) === hostOf(page) ? "server" : "host";
}

/** Whatever the port: one machine may serve the page on one and the pictures on another. */
function hostOf({ hostname }: URL): string {
  return /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/u.test(hostname) ? "localhost" : hostname;
}

/** What the page says at its top about itself. @returns heading and text */
export function originNotice(origin: PageOrigin, host: string): { title: string; text: string } {
  switch (origin) {
    case "server":
      return {
        title: "This page came from the server, so it proves nothing about the server.",
        text:
          "Whoever runs the server can change this page: it could show checks that never took place, and read your " +
          "pictures and your key. To verify the server, open the same page as a file from your own disk " +
          "(confml.html; docs/data-owner.md says where it comes from and how to compare its SHA-256).",
      };
    case "disk":
      return {
        title: "This page was opened from your own disk.",
        text:
          "The server cannot change it. What it verifies is worth as much as the file is: compare the file's SHA-256 " +
          "with the published one before you rely on it.",
      };
    case "host":
      return {
        title: `This page came from ${host}, not from the server.`,
        text: "What it verifies is worth as much as your trust in that host: it can change this page.",
      };
  }
}
