/**
 * Node silently replaces a timer's delay of more than 2^31 - 1 ms by 1 ms. So a delay is either a literal number or the
 * result of `timerMs` (src/bounds/timers.ts): it may come from a configuration, a header or a computation.
 */
const globalTimers = new Set(["setTimeout", "setInterval"]);

function variableOf(scope, name) {
  for (let one = scope; one !== null; one = one.upper) {
    const variable = one.set.get(name);
    if (variable !== undefined) return variable;
  }
  return undefined;
}

/** Which of the call's arguments is a delay; undefined where it starts no timer. */
function delayIndex({ callee }, scope) {
  if (callee.type === "MemberExpression") {
    const isTimeout = callee.object.name === "AbortSignal" && callee.property.name === "timeout";
    return isTimeout ? 0 : undefined;
  }
  if (callee.type !== "Identifier") return undefined;
  const [definition] = variableOf(scope, callee.name)?.defs ?? [];
  if (definition === undefined) return globalTimers.has(callee.name) ? 1 : undefined;
  const isImported =
    definition.type === "ImportBinding" &&
    definition.parent.source.value === "node:timers/promises" &&
    globalTimers.has(definition.node.imported?.name);
  return isImported ? 0 : undefined;
}

function isBounded(node, scope) {
  if (node === undefined || node.type === "Literal") return true;
  if (node.type === "CallExpression") return node.callee.name === "timerMs";
  if (node.type !== "Identifier") return false;
  const [definition] = variableOf(scope, node.name)?.defs ?? [];
  return definition?.parent?.kind === "const" && definition.node.init?.type === "Literal";
}

export const timerDelay = {
  meta: {
    type: "problem",
    schema: [],
    messages: {
      unbounded: "expected a number, or timerMs(…) of src/bounds/timers.ts, as a timer's delay",
    },
  },
  create: (context) => ({
    CallExpression(node) {
      const scope = context.sourceCode.getScope(node);
      const index = delayIndex(node, scope);
      if (index === undefined || isBounded(node.arguments[index], scope)) return;
      context.report({ node, messageId: "unbounded" });
    },
  }),
};
