import type { Express } from "express";

/** Lists the application's routes for people: `GET /, POST /evaluate, …`. A parameter of a path begins with a colon. */
export function listRoutes({ router }: Pick<Express, "router">): string {
  const routes = router.stack.flatMap(({ route }) => {
    if (route === undefined) return [];
    // The handler that refuses all other methods has no method.
    const methods = new Set(route.stack.map(({ method }) => method).filter(Boolean));
    return [...methods].map((method) => `${method.toUpperCase()} ${route.path}`);
  });
  return routes.join(", ");
}
