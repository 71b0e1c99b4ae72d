import { describe, expect, test } from "@jest/globals";
import { AddressQueues } from "../../src/bounds/address-queues.js";

/** Items named after their address and a number. */
function filled(...names: string[]) {
  const queues = new AddressQueues<{ address: string; name: string }>();
  const items = names.map((name) => ({ address: name.slice(0, 1), name }));
  for (const item of items) queues.add(item);
  const item = (name: string) => items.find((one) => one.name === name) ?? { address: "", name };
  return { queues, item };
}

describe("address queues", () => {
  test("return the oldest item of an address", () => {
    const { queues } = filled("a1", "b1", "a2");
    expect(queues.first("a")?.name).toBe("a1");
    expect(queues.first("b")?.name).toBe("b1");
    expect(queues.first("c")).toBeUndefined();
  });

  test("return the oldest item of the address that has most", () => {
    const { queues } = filled("a1", "b1", "b2", "c1");
    expect(queues.first()?.name).toBe("b1");
    expect(filled().queues.first()).toBeUndefined();
  });

  test("move an item to the end when it is added again, and count it once", () => {
    const { queues, item } = filled("a1", "b1", "b2");
    queues.add(item("b1"));
    expect(queues.first("b")?.name).toBe("b2");
    queues.add(item("a1"));
    queues.add(item("a1"));
    expect(queues.first()?.name).toBe("b2");
  });

  test("return no deleted item, and forget addresses without items", () => {
    const { queues, item } = filled("a1", "b1", "b2");
    queues.delete(item("b1"));
    expect(queues.first("b")?.name).toBe("b2");
    queues.delete(item("b2"));
    queues.delete(item("b2"));
    expect(queues.first("b")).toBeUndefined();
    expect(queues.first()?.name).toBe("a1");
  });
});
