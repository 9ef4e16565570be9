// Tests the built binary with the official Node SDK.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";

import OpenAI, { toFile } from "openai";

import { startBinary } from "../process.mjs";

const model = "gpt-5.1-high";
const callTimeout = 60_000; // milliseconds

function question(text) {
  return { model, messages: [{ role: "user", content: text }] };
}

// answerText returns the text of a complete answer.
function answerText(completion) {
  assert.equal(completion.choices.length, 1);
  const [choice] = completion.choices;
  assert.ok(choice.message.content, "answer is empty, want text");
  assert.equal(choice.finish_reason, "stop");
  return choice.message.content;
}

// picture is a PNG of one pixel, in base64.
const picture =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNg+M9QDwADhQGA8C7cJwAAAABJRU5ErkJggg==";

function assertUsage(usage) {
  assert.ok(usage.prompt_tokens > 0 && usage.completion_tokens > 0, JSON.stringify(usage));
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
}

async function assertBadRequest(promise, code, param) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError, `error = ${error}, want a BadRequestError`);
    const { status, type } = error;
    assert.deepEqual(
      { status, type, code: error.code, param: error.param },
      { status: 400, type: "invalid_request_error", code, param },
    );
    return true;
  });
}

describe("the Node SDK", { concurrency: true, timeout: callTimeout }, () => {
  let server;
  let client;

  before(async () => {
    // The character after the port shows that the port is complete.
    server = await startBinary(["serve", "--demo", "--listen", "127.0.0.1:0"], { ACHUAN_FETCH_ALLOW: "127.0.0.1" }, /(http:\/\/127\.0\.0\.1:\d+)\D/);
    client = new OpenAI({ baseURL: `${server.match[1]}/v1`, apiKey: "none-is-needed", maxRetries: 0 });
  });

  after(() => server?.stop());

  it("lists the models", async () => {
    const ids = [];
    for await (const { id } of client.models.list()) ids.push(id);
    for (const id of ["claude-sonnet-4-5-20250929", "gemini-3-pro-preview", "gemini-3-pro-preview-image", model]) {
      assert.ok(ids.includes(id), `models = ${ids}, want ${id} among them`);
    }
  });

  it("gets a complete answer", async () => {
    const completion = await client.chat.completions.create(question("Hello!"));
    assert.equal(completion.model, model);
    answerText(completion);
    assertUsage(completion.usage);
  });

  it("streams an answer", async () => {
    const stream = await client.chat.completions.create({
      ...question("Hello!"),
      stream: true,
      stream_options: { include_usage: true },
    });
    const pieces = [];
    const finishReasons = [];
    const usage = [];
    for await (const chunk of stream) {
      if (chunk.usage) {
        usage.push(chunk.usage);
        assert.deepEqual(chunk.choices, []);
      }
      for (const choice of chunk.choices) {
        if (choice.delta.content) pieces.push(choice.delta.content);
        if (choice.finish_reason) finishReasons.push(choice.finish_reason);
      }
    }
    assert.ok(pieces.length > 1, `answer = ${JSON.stringify(pieces)}, want several pieces`);
    assert.deepEqual(finishReasons, ["stop"]);
    assert.equal(usage.length, 1);
    assertUsage(usage[0]);
  });

  it("sends pictures and files", async () => {
    const server = createServer((_, reply) => reply.end(Buffer.from(picture, "base64")));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const completion = await client.chat.completions.create({
        model: "claude-sonnet-4-5-20250929",
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "What are these?" },
              { type: "image_url", image_url: { url: `data:image/png;base64,${picture}`, detail: "low" } },
              { type: "image_url", image_url: { url: `http://127.0.0.1:${server.address().port}/red.png` } },
              { type: "file", file: { filename: "notes.md", file_data: `data:text/markdown;base64,${btoa("# Notes")}` } },
            ],
          },
        ],
      });
      const text = answerText(completion);
      assert.match(text, /image\.png, a PNG picture, 1 x 1/);
      assert.match(text, /notes\.md, a document of 7 bytes/);
    } finally {
      server.close();
    }
  });

  it("keeps files", async () => {
    const uploaded = await client.files.create({ file: await toFile(Buffer.from("# Plan"), "plan.md"), purpose: "user_data" });
    assert.equal(uploaded.bytes, 6);
    const listed = [];
    for await (const file of client.files.list()) listed.push(file.id);
    assert.ok(listed.includes(uploaded.id), `files = ${listed}, want ${uploaded.id} among them`);
    assert.equal((await client.files.retrieve(uploaded.id)).filename, "plan.md");
    assert.equal(await (await client.files.content(uploaded.id)).text(), "# Plan");
    const completion = await client.chat.completions.create({
      model: "claude-sonnet-4-5-20250929",
      messages: [{ role: "user", content: [{ type: "file", file: { file_id: uploaded.id } }] }],
    });
    assert.match(answerText(completion), /plan\.md, a document of 6 bytes/);
    assert.equal((await client.files.delete(uploaded.id)).deleted, true);
    await assert.rejects(client.files.retrieve(uploaded.id), (error) => error.status === 404);
  });

  it("draws and edits pictures", async () => {
    const drawn = await client.images.generate({ prompt: "a lighthouse", model: "gemini-3-pro-preview-image", size: "1024x1024" });
    const kept = await fetch(drawn.data[0].url); // needs no key
    assert.equal(kept.headers.get("content-type"), "image/png");
    assert.equal(Buffer.from(await kept.arrayBuffer()).subarray(1, 4).toString(), "PNG");
    const bytes = await client.images.generate({ prompt: "a lighthouse", response_format: "b64_json" });
    const content = Buffer.from(bytes.data[0].b64_json, "base64");
    assert.equal(content.subarray(1, 4).toString(), "PNG");
    const image = await toFile(content, "lighthouse.png", { type: "image/png" });
    const edited = await client.images.edit({ image: [image, image], prompt: "make it red", output_format: "jpeg" });
    assert.deepEqual([...Buffer.from(edited.data[0].b64_json, "base64").subarray(0, 2)], [0xff, 0xd8]);
    const events = [];
    for await (const event of await client.images.generate({ prompt: "a lighthouse", stream: true })) events.push(event.type);
    assert.deepEqual(events, ["image_generation.completed"]);
  });

  it("gets an error for a broken picture", () =>
    assertBadRequest(
      client.chat.completions.create({
        model,
        messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }] }],
      }),
      "invalid_file",
      "messages[0].content[0].image_url.url",
    ));

  it("gets an error for an unknown model", async () => {
    const request = client.chat.completions.create({ ...question("Hello!"), model: "no-such-model" });
    await assertBadRequest(request, "model_not_found", "model");
  });

  it("gets an error for missing messages", async () => {
    await assertBadRequest(client.chat.completions.create({ model }), "missing_required_parameter", "messages");
  });

  // The second request has only the question, so the name must come from the session.
  it("continues a session", async () => {
    const first = await client.chat.completions.create(question("My name is Ada.")).withResponse();
    const session = first.response.headers.get("x-session-id");
    assert.ok(session, "answer has no x-session-id");
    const second = await client.chat.completions
      .create(question("What is my name?"), { headers: { "x-session-id": session } })
      .withResponse();
    assert.match(answerText(second.data), /Ada/);
    assert.equal(second.response.headers.get("x-session-id"), session);
  });

  it("sends a request after it has aborted a stream", async () => {
    const stream = await client.chat.completions.create({ ...question("Hello!"), stream: true });
    let text = "";
    let isFinished = false;
    for await (const { choices } of stream) {
      text += choices[0]?.delta.content ?? "";
      isFinished ||= Boolean(choices[0]?.finish_reason);
      if (text) stream.controller.abort();
    }
    assert.ok(text, "stream ended without text");
    assert.ok(!isFinished, "stream ended before the abort");
    answerText(await client.chat.completions.create(question("Hello again!")));
  });
});
