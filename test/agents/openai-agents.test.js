// Tests the built binary with OpenAI's agents framework on Chat Completions.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Agent, OpenAIChatCompletionsModel, Runner, tool } from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";

import { assertOneSession, model, onPlatform, countRepairs } from "./platform.js";

const timeout = 60_000;

function newAgent({ baseURL }, options = {}) {
  const calls = [];
  const recordedTool = (name, parameters, answer) =>
    tool({
      name,
      description: `the tool ${name}`,
      parameters,
      execute: async (input) => {
        calls.push([name, input]);
        return answer;
      },
    });
  const client = new OpenAI({ baseURL, apiKey: "none-is-needed", maxRetries: 0 });
  const traveller = new Agent({
    name: "Traveller",
    instructions: "You plan travels.",
    model: new OpenAIChatCompletionsModel(client, model),
    tools: [
      recordedTool("get_weather", z.object({ city: z.string() }), "18 °C and sunny"),
      recordedTool("get_time", z.object({ zone: z.enum(["UTC", "CET"]) }), "12:00"),
    ],
    ...options,
  });
  return { calls, traveller };
}

async function run(traveller, question, stream) {
  const runner = new Runner({ tracingDisabled: true });
  const result = await runner.run(traveller, question, { stream, maxTurns: 6 });
  if (stream) await result.completed;
  return result.finalOutput;
}

describe("OpenAI's agents framework", { timeout }, () => {
  for (const stream of [false, true]) {
    const mode = stream ? "streamed" : "complete";

    it(`takes several steps, ${mode}`, onPlatform(async (t, platform) => {
      const { calls, traveller } = newAgent(platform);
      const text = await run(traveller, "First get_weather in Paris, then get_time", stream);
      assert.deepEqual(calls, [["get_weather", { city: "Paris" }], ["get_time", { zone: "UTC" }]]);
      assert.match(text, /`get_weather`: 18 °C and sunny\n- `get_time`: 12:00/);
      await assertOneSession(t, platform, 3);
    }));

    it(`makes parallel calls, ${mode}`, onPlatform(async (t, platform) => {
      const { calls, traveller } = newAgent(platform);
      await run(traveller, "get_weather in Rome and get_time in CET", stream);
      assert.deepEqual(calls.map(([name]) => name).sort(), ["get_time", "get_weather"]);
      await assertOneSession(t, platform, 2);
    }));

    it(`never sees an invalid call, ${mode}`, onPlatform(async (t, platform) => {
      const { calls, traveller } = newAgent(platform);
      const text = await run(traveller, "Make an invalid call at first: get_weather in Paris", stream);
      assert.deepEqual(calls, [["get_weather", { city: "Paris" }]]);
      assert.match(text, /18 °C and sunny/);
      assert.equal(await countRepairs(platform), 1);
      await assertOneSession(t, platform, 3);
    }));
  }

  it("gives an answer under a schema, after a call", onPlatform(async (t, platform) => {
    const { calls, traveller } = newAgent(platform, { outputType: z.object({ city: z.string(), warm: z.boolean() }) });
    const output = await run(traveller, "get_weather in Lima", false);
    assert.equal(calls.length, 1);
    assert.deepEqual(output, { city: "Lima", warm: true });
    await assertOneSession(t, platform, 2);
  }));
});
