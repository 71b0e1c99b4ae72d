import { config } from "zod";

// The page's Content-Security-Policy forbids functions made from text, which zod would otherwise try. This is imported before
// any schema is made.
config({ jitless: true });
