// Tests the built binary from outside, as the official Node SDK uses it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import OpenAI from "openai";

const model = "gpt-5.1-high";
const startTime = 15_000;
const stopTime = 30_000; // longer than the server's own drain timeout
const callTime = 60_000;

// serve starts the demo and returns its URL and what stops it.
async function serve() {
  const binary = process.env.ACHUAN_BIN;
  assert.ok(binary, "ACHUAN_BIN must name the binary to test: run make test-sdk");
  const home = await mkdtemp(join(tmpdir(), "achuan-sdk-node-"));
  const server = spawn(binary, ["serve", "--demo", "--listen", "127.0.0.1:0"], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = once(server, "close");
  closed.catch(() => {}); // told where it is awaited
  let output = "";

  async function stop() {
    server.kill("SIGTERM");
    const kill = setTimeout(() => server.kill("SIGKILL"), stopTime);
    try {
      const [code, signal] = await closed;
      assert.equal(code, 0, `the server ended with code ${code}, signal ${signal}; its output:\n${output}`);
    } finally {
      clearTimeout(kill);
      await rm(home, { recursive: true, force: true });
    }
  }

  let timer;
  const found = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no address in time; the server's output:\n${output}`)), startTime);
    closed.then(() => reject(new Error(`the server ended before it served; its output:\n${output}`)), reject);
    for (const stream of [server.stdout, server.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        output += text;
        const url = output.match(/(http:\/\/127\.0\.0\.1:\d+)\D/); // a character more: the port is whole
        if (url) resolve(url[1]);
      });
    }
  });
  try {
    return { url: await found, stop };
  } catch (error) {
    await stop().catch(() => {}); // the first failure says more
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function question(text) {
  return { model, messages: [{ role: "user", content: text }] };
}

// content returns a whole answer's text.
function content(completion) {
  assert.equal(completion.choices.length, 1);
  const [choice] = completion.choices;
  assert.ok(choice.message.content, "the answer is empty");
  assert.equal(choice.finish_reason, "stop");
  return choice.message.content;
}

function assertUsage(usage) {
  assert.ok(usage.prompt_tokens > 0 && usage.completion_tokens > 0, JSON.stringify(usage));
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
}

async function assertRefused(promise, code, param) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError, `${error} is no BadRequestError`);
    const { status, type } = error;
    assert.deepEqual(
      { status, type, code: error.code, param: error.param },
      { status: 400, type: "invalid_request_error", code, param },
    );
    return true;
  });
}

describe("the Node SDK", { concurrency: true, timeout: callTime }, () => {
  let server;
  let client;

  before(async () => {
    server = await serve();
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none-is-needed", maxRetries: 0 });
  });

  after(() => server?.stop());

  it("lists the models", async () => {
    const ids = [];
    for await (const { id } of client.models.list()) ids.push(id);
    for (const id of ["claude-sonnet-4-5-20250929", "gemini-3-pro-preview", "gemini-3-pro-preview-image", model]) {
      assert.ok(ids.includes(id), `${id} is not among ${ids}`);
    }
  });

  it("gets a whole answer", async () => {
    const completion = await client.chat.completions.create(question("Hello!"));
    assert.equal(completion.model, model);
    content(completion);
    assertUsage(completion.usage);
  });

  it("streams an answer", async () => {
    const stream = await client.chat.completions.create({
      ...question("Hello!"),
      stream: true,
      stream_options: { include_usage: true },
    });
    const pieces = [];
    const finish = [];
    const usage = [];
    for await (const chunk of stream) {
      if (chunk.usage) {
        usage.push(chunk.usage);
        assert.deepEqual(chunk.choices, []);
      }
      for (const choice of chunk.choices) {
        if (choice.delta.content) pieces.push(choice.delta.content);
        if (choice.finish_reason) finish.push(choice.finish_reason);
      }
    }
    assert.ok(pieces.length > 1, `${JSON.stringify(pieces)} is not text in several pieces`);
    assert.deepEqual(finish, ["stop"]);
    assert.equal(usage.length, 1);
    assertUsage(usage[0]);
  });

  it("is told of an unknown model", async () => {
    const asked = client.chat.completions.create({ ...question("Hello!"), model: "no-such-model" });
    await assertRefused(asked, "model_not_found", "model");
  });

  it("is told of missing messages", async () => {
    await assertRefused(client.chat.completions.create({ model }), "missing_required_parameter", "messages");
  });

  // The second request holds the question alone: only the session can know the name.
  it("continues a session", async () => {
    const told = await client.chat.completions.create(question("My name is Ada.")).withResponse();
    const session = told.response.headers.get("x-session-id");
    assert.ok(session, "the answer has no x-session-id");
    const asked = await client.chat.completions
      .create(question("What is my name?"), { headers: { "x-session-id": session } })
      .withResponse();
    assert.match(content(asked.data), /Ada/);
    assert.equal(asked.response.headers.get("x-session-id"), session);
  });

  it("asks again after it aborted a stream", async () => {
    const stream = await client.chat.completions.create({ ...question("Hello!"), stream: true });
    let text = "";
    let finished = false;
    for await (const { choices } of stream) {
      text += choices[0]?.delta.content ?? "";
      finished ||= Boolean(choices[0]?.finish_reason);
      if (text) stream.controller.abort();
    }
    assert.ok(text, "the stream ended without text");
    assert.ok(!finished, "the stream ended before it was aborted");
    content(await client.chat.completions.create(question("Hello again!")));
  });
});
