// Starts the built binary twice: `simulate` as the platform, and `serve` in front of it. So a test can check both what
// an agent receives and which questions the platform got.
import assert from "node:assert/strict";

import { startBinary } from "../process.mjs";

export const model = "gpt-5.1-high";

// openPlatform starts a platform and a server for one test. It returns the base URL for an agent, a function that reads
// the sessions of the platform, and a function that stops both.
export async function openPlatform() {
  const simulator = await startBinary(
    ["simulate", "--listen", "127.0.0.1:0", "--pace", "0s"],
    {},
    /ACHUAN_API_URL=(\S+)\nACHUAN_JWT=(\S+)\n/,
  );
  const [, api, jwt] = simulator.match;
  const server = await startBinary(
    ["serve", "--listen", "127.0.0.1:0"],
    { ACHUAN_API_URL: api, ACHUAN_JWT: jwt },
    /(http:\/\/)?(127\.0\.0\.1:\d+)\s/,
  ).catch(async (error) => {
    await simulator.stop();
    throw error;
  });

  // list returns the records of a list of the platform, oldest first.
  async function list(path) {
    const reply = await fetch(`${new URL(api).origin}/api/chat/${path}?page=1`, { headers: { Authorization: jwt } });
    const { code, data } = await reply.json();
    assert.equal(code, 0);
    assert.equal(data.pages <= 1, true, `pages = ${data.pages}, want at most one`);
    return data.records.reverse();
  }

  return {
    baseURL: `http://${server.match[2]}/v1`,
    // sessions returns the questions of each session, oldest first.
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

// onPlatform returns a test function that runs test with a new platform.
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

// assertOneSession checks that the platform has one session with this number of questions, all different.
export async function assertOneSession(t, platform, questions) {
  await t.test("in one session, each question once", async () => {
    const sessions = await platform.sessions();
    assert.equal(sessions.length, 1, `sessions = ${JSON.stringify(sessions, null, 1)}, want one`);
    assert.equal(sessions[0].length, questions, `questions = ${JSON.stringify(sessions[0], null, 1)}`);
    assert.equal(new Set(sessions[0]).size, questions, "a question was sent twice");
  });
}

// countRepairs returns the number of questions that asked the model to repair its answer.
export async function countRepairs(platform) {
  return (await platform.sessions()).flat().filter((text) => text.startsWith("Your last answer cannot be used:")).length;
}
