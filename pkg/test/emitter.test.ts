import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { Emitter } from "../dist/emitter.js";

interface Events {
  a: number;
  b: string;
}

test("a listener hears its own event, in order, until it is removed", () => {
  const emitter = new Emitter<Events>();
  const heard: unknown[] = [];
  const stop = emitter.on("a", (n) => heard.push(n));
  emitter.on("b", (s) => heard.push(s));
  emitter.emit("a", 1);
  emitter.emit("b", "x");
  stop();
  emitter.emit("a", 2);
  assert.deepEqual(heard, [1, "x"]);
});

test("a listener that removes itself does not disturb the others", () => {
  const emitter = new Emitter<Events>();
  const heard: string[] = [];
  const stop = emitter.on("a", () => {
    heard.push("once");
    stop();
  });
  emitter.on("a", () => heard.push("always"));
  emitter.emit("a", 1);
  emitter.emit("a", 2);
  assert.deepEqual(heard, ["once", "always", "always"]);
});

test("a listener that throws does not stop the others, and its error is not lost", () => {
  const program = `
    import { Emitter } from ${JSON.stringify(new URL("../dist/emitter.js", import.meta.url).href)};
    const emitter = new Emitter();
    emitter.on("a", () => { throw new Error("from a listener"); });
    emitter.on("a", () => console.log("heard"));
    emitter.emit("a", 1);`;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  assert.equal(child.stdout, "heard\n");
  assert.match(child.stderr, /from a listener/);
  assert.notEqual(child.status, 0);
});
