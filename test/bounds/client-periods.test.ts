import { describe, expect, test } from "@jest/globals";
import { ClientPeriods } from "../../src/bounds/client-periods.js";

function periods(maxClients: number) {
  const clock = { now: 0 };
  const ended: string[][] = [];
  const all = new ClientPeriods<string[]>({
    periodMs: 100,
    maxClients,
    groupOf: (client) => client.replace(/\d+$/u, ""),
    create: () => [],
    onEnd: (state) => ended.push(state),
    now: () => clock.now,
  });
  return { all, clock, ended };
}

describe("the periods of clients", () => {
  test("begin with a client's first state, and end after their time", () => {
    const { all, clock, ended } = periods(10);
    all.current("a").state.push("first");
    clock.now = 60;
    all.current("b").state.push("other");
    clock.now = 99;
    expect(all.current("a")).toEqual({ until: 100, state: ["first"] });
    clock.now = 100;
    expect(all.current("a")).toEqual({ until: 200, state: [] });
    expect(all.current("b")).toEqual({ until: 160, state: ["other"] });
    expect(ended).toEqual([["first"]]);
  });

  test("end a whole period after they were last extended", () => {
    const { all, clock, ended } = periods(10);
    all.extended("a").push("first");
    all.current("b").state.push("other");
    clock.now = 99;
    all.extended("a").push("second");
    clock.now = 198;
    expect(all.current("b").state).toEqual([]);
    expect(all.current("a")).toEqual({ until: 199, state: ["first", "second"] });
    clock.now = 199;
    expect(all.current("a").state).toEqual([]);
    expect(ended).toEqual([["other"], ["first", "second"]]);
  });

  test("are shared by the clients of a group beyond the most, and by no other group", () => {
    const { all } = periods(2);
    all.current("a").state.push("a");
    all.extended("b").push("b");
    for (const client of ["c1", "c2"]) all.current(client).state.push(client);
    all.extended("c3").push("c3");
    expect(all.current("c4").state).toEqual(["c1", "c2", "c3"]);
    expect(all.current("d1").state).toEqual([]);
    expect([all.current("a").state, all.current("b").state]).toEqual([["a"], ["b"]]);
  });

  test("are bounded in number, whatever the number of groups", () => {
    const { all, ended, clock } = periods(0);
    for (let group = 0; group < 70_000; group += 1) all.current(`${group.toString(2)}:`);
    clock.now = 100;
    all.current("a");
    expect(ended.length).toBeLessThanOrEqual(65_537);
  });
});
