// The built binary twice: `simulate` as the platform and `serve` in front of it, so
// that a test sees both what an agent gets and what the platform was asked.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const model = "gpt-5.1-high";
const startTime = 15_000;
const stopTime = 30_000; // longer than the server's own drain timeout

// start runs the binary until it has printed what it is to be found by.
async function start(args, env, found) {
  const binary = process.env.ACHUAN_BIN;
  assert.ok(binary, "ACHUAN_BIN must name the binary to test: run make test-sdk");
  const home = await mkdtemp(join(tmpdir(), "achuan-agents-"));
  const child = spawn(binary, args, {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = once(child, "close");
  closed.catch(() => {}); // told where it is awaited
  let output = "";

  async function stop() {
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), stopTime);
    try {
      const [code, signal] = await closed;
      assert.equal(code, 0, `${args[0]} ended with code ${code}, signal ${signal}; its output:\n${output}`);
    } finally {
      clearTimeout(kill);
      await rm(home, { recursive: true, force: true });
    }
  }

  let timer;
  const printed = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not ready in time; the output:\n${output}`)), startTime);
    closed.then(() => reject(new Error(`it ended before it was ready; the output:\n${output}`)), reject);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        output += text;
        const match = output.match(found);
        if (match) resolve(match);
      });
    }
  });
  try {
    return { match: await printed, stop };
  } catch (error) {
    await stop().catch(() => {}); // the first failure says more
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

// openPlatform starts a platform of its own for one test and returns the base URL for
// an agent, what the platform's sessions hold, and what stops both.
export async function openPlatform() {
  const simulator = await start(
    ["simulate", "--listen", "127.0.0.1:0", "--pace", "0s"],
    {},
    /ACHUAN_API_URL=(\S+)\nACHUAN_JWT=(\S+)\n/,
  );
  const [, api, jwt] = simulator.match;
  const server = await start(
    ["serve", "--listen", "127.0.0.1:0"],
    { ACHUAN_API_URL: api, ACHUAN_JWT: jwt },
    /(http:\/\/)?(127\.0\.0\.1:\d+)\s/,
  ).catch(async (error) => {
    await simulator.stop();
    throw error;
  });

  async function list(path) {
    const reply = await fetch(`${new URL(api).origin}/api/chat/${path}?page=1`, { headers: { Authorization: jwt } });
    const { code, data } = await reply.json();
    assert.equal(code, 0);
    assert.equal(data.pages <= 1, true, "more than a page");
    return data.records.reverse(); // oldest first
  }

  return {
    baseURL: `http://${server.match[2]}/v1`,
    // sessions are the questions of each session, oldest first.
    async sessions() {
      const questions = [];
      for (const { id } of await list("session")) {
        questions.push((await list(`record/${id}`)).map(({ userText }) => userText));
      }
      return questions;
    },
    async stop() {
      try {
        await server.stop();
      } finally {
        await simulator.stop();
      }
    },
  };
}

// onPlatform runs a test against a platform of its own.
export function onPlatform(test) {
  return async (t) => {
    const platform = await openPlatform();
    try {
      await test(t, platform);
    } finally {
      await platform.stop();
    }
  };
}

// assertOneSession checks that everything was asked in one session, in that many
// questions, and nothing twice.
export async function assertOneSession(t, platform, questions) {
  await t.test("in one session, each question once", async () => {
    const sessions = await platform.sessions();
    assert.equal(sessions.length, 1, `${sessions.length} sessions:\n${JSON.stringify(sessions, null, 1)}`);
    assert.equal(sessions[0].length, questions, JSON.stringify(sessions[0], null, 1));
    assert.equal(new Set(sessions[0]).size, questions, "a question was asked twice");
  });
}

// repairs counts the questions that asked the model to repair its answer.
export async function repairs(platform) {
  return (await platform.sessions()).flat().filter((text) => text.startsWith("Your last answer cannot be used:")).length;
}
