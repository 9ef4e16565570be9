// The Vercel AI SDK as an agent, over the built binary.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { assertOneSession, model, onPlatform, repairs } from "./platform.js";

const timeout = 60_000;

function agent({ baseURL }, question) {
  const calls = [];
  const provider = createOpenAICompatible({ name: "achuan", baseURL, supportsStructuredOutputs: true });
  const note = (name, answer) => async (input) => {
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
      get_weather: tool({ description: "Weather of a city", inputSchema: z.object({ city: z.string() }), execute: note("get_weather", { degrees: 18 }) }),
      get_time: tool({ description: "Time now", inputSchema: z.object({}), execute: note("get_time", "12:00") }),
    },
  };
  return { calls, settings };
}

async function generated(settings) {
  return generateText(settings);
}

async function streamed(settings) {
  const result = streamText({ ...settings, onError: () => {} });
  await result.consumeStream();
  return { text: await result.text, steps: await result.steps };
}

describe("the AI SDK", { timeout }, () => {
  for (const [how, run] of [["whole", generated], ["streamed", streamed]]) {
    it(`takes several steps, ${how}`, onPlatform(async (t, platform) => {
      const { calls, settings } = agent(platform, "First get_weather in Paris, then get_time");
      const { text, steps } = await run(settings);
      assert.deepEqual(calls, [["get_weather", { city: "Paris" }], ["get_time", {}]]);
      assert.equal(steps.length, 3);
      assert.match(text, /`get_weather`: \{"degrees":18\}\n- `get_time`: 12:00/);
      await assertOneSession(t, platform, 3);
    }));

    it(`makes parallel calls, ${how}`, onPlatform(async (t, platform) => {
      const { calls, settings } = agent(platform, "get_weather in Rome and get_time");
      const { steps } = await run(settings);
      assert.deepEqual(calls.map(([name]) => name).sort(), ["get_time", "get_weather"]);
      assert.deepEqual(steps.map(({ toolCalls }) => toolCalls.length), [2, 0]);
      await assertOneSession(t, platform, 2);
    }));

    it(`never sees an invalid call, ${how}`, onPlatform(async (t, platform) => {
      const { calls, settings } = agent(platform, "Make an invalid call at first: get_weather in Paris");
      const { steps } = await run(settings);
      assert.deepEqual(calls, [["get_weather", { city: "Paris" }]]);
      assert.equal(steps.length, 2);
      assert.equal(await repairs(platform), 1);
      await assertOneSession(t, platform, 3);
    }));
  }

  it("gets an object", onPlatform(async (t, platform) => {
    const { settings } = agent(platform, 'The city "Lima" has 7 parks');
    const { output } = await generateText({
      ...settings,
      tools: undefined,
      output: Output.object({ schema: z.object({ city: z.string(), parks: z.number() }) }),
    });
    assert.deepEqual(output, { city: "Lima", parks: 7 });
    await assertOneSession(t, platform, 1);
  }));
});
