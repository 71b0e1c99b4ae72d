/**
 * Finds an element that the page's HTML has.
 *
 * @param type the element's interface, such as HTMLInputElement
 * @throws Error where the HTML has no such element
 */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new Error(`expected an element #${id} in the page`);
}

/** Creates an element. Text becomes a text node, so that no text of the server's is read as HTML. */
export function element(
  tag: string,
  className: string,
  ...children: readonly (Node | string)[]
): HTMLElement {
  const created = document.createElement(tag);
  if (className !== "") created.className = className;
  created.append(...children);
  return created;
}
