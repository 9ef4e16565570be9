// Tests the built binary with the official Node SDK as an agent: runTools and parse.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

import { assertOneSession, model, onPlatform, countRepairs } from "./platform.js";

const timeout = 60_000;

function connect({ baseURL }) {
  return new OpenAI({ baseURL, apiKey: "none-is-needed", maxRetries: 0 });
}

// recordedTools returns two tools and the list of their calls.
function recordedTools() {
  const calls = [];
  const tool = (name, properties, answer) => ({
    type: "function",
    function: {
      name,
      description: `the tool ${name}`,
      parse: JSON.parse,
      parameters: { type: "object", properties, required: Object.keys(properties), additionalProperties: false },
      function: (args) => {
        calls.push([name, args]);
        return answer;
      },
    },
  });
  const tools = [
    tool("get_weather", { city: { type: "string" } }, "18 °C and sunny"),
    tool("get_time", { zone: { type: "string", enum: ["UTC", "CET"] } }, "12:00"),
  ];
  return { calls, tools };
}

function runner(client, question, tools, stream) {
  return client.chat.completions.runTools({ model, messages: [{ role: "user", content: question }], tools, stream });
}

describe("the SDK's runTools", { timeout }, () => {
  for (const stream of [false, true]) {
    const mode = stream ? "streamed" : "complete";

    it(`takes several steps, ${mode}`, onPlatform(async (t, platform) => {
      const { calls, tools } = recordedTools();
      const text = await runner(connect(platform), "First get_weather in Paris, then get_time", tools, stream).finalContent();
      assert.deepEqual(calls, [["get_weather", { city: "Paris" }], ["get_time", { zone: "UTC" }]]);
      assert.match(text, /`get_weather`: 18 °C and sunny\n- `get_time`: 12:00/);
      await assertOneSession(t, platform, 3);
    }));

    it(`makes parallel calls, ${mode}`, onPlatform(async (t, platform) => {
      const { calls, tools } = recordedTools();
      const run = runner(connect(platform), "get_weather in Rome and get_time in CET", tools, stream);
      const text = await run.finalContent();
      assert.deepEqual(calls, [["get_weather", { city: "Rome" }], ["get_time", { zone: "CET" }]]);
      const callCounts = run.messages.filter(({ tool_calls: list }) => list?.length).map(({ tool_calls: list }) => list.length);
      assert.deepEqual(callCounts, [2]);
      assert.match(text, /18 °C and sunny/);
      assert.match(text, /12:00/);
      await assertOneSession(t, platform, 2);
    }));

    it(`never sees an invalid call, ${mode}`, onPlatform(async (t, platform) => {
      const { calls, tools } = recordedTools();
      const text = await runner(connect(platform), "Make an invalid call at first: get_weather in Paris", tools, stream).finalContent();
      assert.deepEqual(calls, [["get_weather", { city: "Paris" }]]);
      assert.match(text, /18 °C and sunny/);
      assert.equal(await countRepairs(platform), 1);
      await assertOneSession(t, platform, 3);
    }));
  }
});

describe("the SDK's parse", { timeout }, () => {
  const pet = z.object({
    name: z.string(),
    kind: z.enum(["cat", "dog"]),
    age: z.number().int().min(0).max(30),
    email: z.email().nullable(),
    toys: z.array(z.object({ name: z.string() })),
  });

  it("gets an answer under a schema", onPlatform(async (t, platform) => {
    const completion = await connect(platform).chat.completions.parse({
      model,
      messages: [{ role: "user", content: 'My dog is called "Rex", he is 7' }],
      response_format: zodResponseFormat(pet, "pet"),
    });
    const { parsed } = completion.choices[0].message;
    assert.equal(parsed.name, "Rex");
    assert.equal(parsed.kind, "dog");
    assert.equal(parsed.age, 7);
    await assertOneSession(t, platform, 1);
  }));

  it("streams an answer under a schema", onPlatform(async (t, platform) => {
    const stream = connect(platform).chat.completions.stream({
      model,
      messages: [{ role: "user", content: 'My cat is called "Tom", he is 3' }],
      response_format: zodResponseFormat(pet, "pet"),
    });
    const { parsed } = (await stream.finalChatCompletion()).choices[0].message;
    assert.equal(parsed.name, "Tom");
    assert.equal(parsed.kind, "cat");
    await assertOneSession(t, platform, 1);
  }));

  it("gets a call under a schema", onPlatform(async (t, platform) => {
    const completion = await connect(platform).chat.completions.parse({
      model,
      messages: [{ role: "user", content: "get_weather in Oslo" }],
      tools: [zodFunction({ name: "get_weather", parameters: z.object({ city: z.string() }) })],
    });
    const [call] = completion.choices[0].message.tool_calls;
    assert.deepEqual(call.function.parsed_arguments, { city: "Oslo" });
    assert.equal(completion.choices[0].finish_reason, "tool_calls");
  }));
});
