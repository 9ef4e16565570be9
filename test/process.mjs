// Starts the built binary for the tests of the Node SDK and of agents.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const startTimeout = 15_000; // milliseconds
const stopTimeout = 30_000; // longer than the drain timeout of the server

// startBinary starts the binary with these arguments and waits until its output matches readyPattern. It returns the
// match and a function that stops the binary and checks its exit code.
export async function startBinary(args, env, readyPattern) {
  const binary = process.env.ACHUAN_BIN;
  assert.ok(binary, "ACHUAN_BIN must be the path of the binary to test: run make test-sdk");
  const home = await mkdtemp(join(tmpdir(), "achuan-test-"));
  const child = spawn(binary, args, {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = once(child, "close");
  closed.catch(() => {}); // the functions that await it handle its errors
  let output = "";

  async function stop() {
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), stopTimeout);
    try {
      const [code, signal] = await closed;
      assert.equal(code, 0, `exit code of ${args[0]} = ${code}, signal = ${signal}, want 0; its output:\n${output}`);
    } finally {
      clearTimeout(kill);
      await rm(home, { recursive: true, force: true });
    }
  }

  let timer;
  const ready = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${args[0]} was not ready in time; its output:\n${output}`)), startTimeout);
    closed.then(() => reject(new Error(`${args[0]} ended before it was ready; its output:\n${output}`)), reject);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        output += text;
        const match = output.match(readyPattern);
        if (match) resolve(match);
      });
    }
  });
  try {
    return { match: await ready, stop };
  } catch (error) {
    await stop().catch(() => {}); // the first error is the more useful one
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
