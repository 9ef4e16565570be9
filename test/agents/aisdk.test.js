// Tests the built binary with the Vercel AI SDK as an agent.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { assertOneSession, model, onPlatform, countRepairs } from "./platform.js";

const timeout = 60_000;

function newAgent({ baseURL }, question) {
  const calls = [];
  const provider = createOpenAICompatible({ name: "achuan", baseURL, supportsStructuredOutputs: true });
  const recordCall = (name, answer) => async (input) => {
    calls.push([name, input]);
    return answer;
  };
  const settings = {
    model: provider(model),
    system: "You are a travel agent.",
    prompt: question,
    maxRetries: 0,
    stopWhen: stepCountIs(5),
    tools: {
      get_weather: tool({ description: "Weather of a city", inputSchema: z.object({ city: z.string() }), execute: recordCall("get_weather", { degrees: 18 }) }),
      get_time: tool({ description: "Time now", inputSchema: z.object({}), execute: recordCall("get_time", "12:00") }),
    },
  };
  return { calls, settings };
}

async function generateComplete(settings) {
  return generateText(settings);
}

async function generateStreamed(settings) {
  const result = streamText({ ...settings, onError: () => {} });
  await result.consumeStream();
  return { text: await result.text, steps: await result.steps };
}

// picture is a PNG of one pixel, in base64.
const picture =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNg+M9QDwADhQGA8C7cJwAAAABJRU5ErkJggg==";

describe("the AI SDK", { timeout }, () => {
  it("sends a picture, and continues", onPlatform(async (t, platform) => {
    const provider = createOpenAICompatible({ name: "achuan", baseURL: platform.baseURL });
    const messages = [
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image", image: Buffer.from(picture, "base64") },
        ],
      },
    ];
    const first = await generateText({ model: provider(model), messages, maxRetries: 0 });
    assert.match(first.text, /image\.png, a PNG picture, 1 x 1/);
    messages.push(...first.response.messages, { role: "user", content: "Are you sure?" });
    await generateText({ model: provider(model), messages, maxRetries: 0 });
    await assertOneSession(t, platform, 2);
  }));

  for (const [mode, run] of [["complete", generateComplete], ["streamed", generateStreamed]]) {
    it(`takes several steps, ${mode}`, onPlatform(async (t, platform) => {
      const { calls, settings } = newAgent(platform, "First get_weather in Paris, then get_time");
      const { text, steps } = await run(settings);
      assert.deepEqual(calls, [["get_weather", { city: "Paris" }], ["get_time", {}]]);
      assert.equal(steps.length, 3);
      assert.match(text, /`get_weather`: \{"degrees":18\}\n- `get_time`: 12:00/);
      await assertOneSession(t, platform, 3);
    }));

    it(`makes parallel calls, ${mode}`, onPlatform(async (t, platform) => {
      const { calls, settings } = newAgent(platform, "get_weather in Rome and get_time");
      const { steps } = await run(settings);
      assert.deepEqual(calls.map(([name]) => name).sort(), ["get_time", "get_weather"]);
      assert.deepEqual(steps.map(({ toolCalls }) => toolCalls.length), [2, 0]);
      await assertOneSession(t, platform, 2);
    }));

    it(`never sees an invalid call, ${mode}`, onPlatform(async (t, platform) => {
      const { calls, settings } = newAgent(platform, "Make an invalid call at first: get_weather in Paris");
      const { steps } = await run(settings);
      assert.deepEqual(calls, [["get_weather", { city: "Paris" }]]);
      assert.equal(steps.length, 2);
      assert.equal(await countRepairs(platform), 1);
      await assertOneSession(t, platform, 3);
    }));
  }

  it("gets an object", onPlatform(async (t, platform) => {
    const { settings } = newAgent(platform, 'The city "Lima" has 7 parks');
    const { output } = await generateText({
      ...settings,
      tools: undefined,
      output: Output.object({ schema: z.object({ city: z.string(), parks: z.number() }) }),
    });
    assert.deepEqual(output, { city: "Lima", parks: 7 });
    await assertOneSession(t, platform, 1);
  }));
});
