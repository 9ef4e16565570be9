// Tests the built binary with the SDKs and providers of the other dialects: Messages, Responses, Gemini and Ollama.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { z } from "zod";

import { assertOneSession, model, onPlatform } from "./platform.js";

const timeout = 60_000;
const apiKey = "none-is-needed";
const root = (platform) => new URL(platform.baseURL).origin;

const providers = {
  "Responses": ({ baseURL }) => createOpenAI({ baseURL, apiKey }).responses(model),
  "Messages": ({ baseURL }) => createAnthropic({ baseURL, apiKey })(model),
  "Gemini": (platform) => createGoogleGenerativeAI({ baseURL: `${root(platform)}/v1beta`, apiKey })(model),
};

for (const [name, newModel] of Object.entries(providers)) {
  describe(`the AI SDK with ${name}`, { timeout }, () => {
    const run = async (platform, prompt, streamed) => {
      const calls = [];
      const recordCall = (called, answer) => async (input) => {
        calls.push([called, input]);
        return answer;
      };
      const settings = {
        model: newModel(platform),
        system: "You are a travel agent.",
        prompt,
        maxRetries: 0,
        stopWhen: stepCountIs(5),
        tools: {
          get_weather: tool({ description: "Weather of a city", inputSchema: z.object({ city: z.string() }), execute: recordCall("get_weather", { degrees: 18 }) }),
          get_time: tool({ description: "Time now", inputSchema: z.object({}), execute: recordCall("get_time", "12:00") }),
        },
      };
      if (!streamed) {
        const { text, steps } = await generateText(settings);
        return { calls, text, steps };
      }
      const result = streamText({ ...settings, onError: () => {} });
      await result.consumeStream();
      return { calls, text: await result.text, steps: await result.steps };
    };

    for (const streamed of [false, true]) {
      const mode = streamed ? "streamed" : "whole";
      it(`calls tools, and continues, ${mode}`, onPlatform(async (t, platform) => {
        const { calls, steps, text } = await run(platform, "Call get_weather in Paris and get_time", streamed);
        assert.deepEqual(calls.map(([called]) => called).sort(), ["get_time", "get_weather"]);
        assert.deepEqual(steps.map(({ toolCalls }) => toolCalls.length), [2, 0]);
        assert.match(text, /18/);
        await assertOneSession(t, platform, 2);
      }));
    }
  });
}

describe("Anthropic's SDK", { timeout }, () => {
  it("streams, counts and lists", onPlatform(async (t, platform) => {
    const client = new Anthropic({ baseURL: root(platform), apiKey, maxRetries: 0 });
    const messages = [{ role: "user", content: "My name is Ada." }];
    const first = await client.messages.stream({ model, max_tokens: 1000, messages }).finalMessage();
    assert.equal(first.stop_reason, "end_turn");
    assert.ok(first.usage.input_tokens > 0 && first.usage.output_tokens > 0, `usage = ${JSON.stringify(first.usage)}`);
    messages.push({ role: "assistant", content: first.content }, { role: "user", content: "What is my name?" });
    const second = await client.messages.create({ model, max_tokens: 1000, messages });
    assert.match(second.content[0].text, /Ada/);
    assert.ok((await client.messages.countTokens({ model, messages })).input_tokens > 10);
    const models = [];
    for await (const { id } of client.models.list({ limit: 2 })) models.push(id);
    assert.ok(models.includes(model), `models = ${models}`);
    await assert.rejects(client.messages.create({ model: "wat", max_tokens: 1, messages }), (e) => e instanceof Anthropic.NotFoundError);
    await assertOneSession(t, platform, 2);
  }));
});

describe("OpenAI's SDK with Responses", { timeout }, () => {
  it("answers whole and streamed", onPlatform(async (t, platform) => {
    const client = new OpenAI({ baseURL: platform.baseURL, apiKey, maxRetries: 0 });
    const first = await client.responses.create({ model, input: "My name is Ada." });
    assert.equal(first.status, "completed");
    const followed = await client.responses.create({ model, input: "What is my name?", previous_response_id: first.id });
    assert.match(followed.output_text, /Ada/);
    assert.equal((await client.responses.retrieve(first.id)).id, first.id);
    assert.equal((await client.responses.inputItems.list(first.id)).data.length, 1);
    await client.responses.delete(followed.id);
    await assert.rejects(client.responses.retrieve(followed.id), (e) => e.status === 404);
    const input = [
      { role: "user", content: "My name is Ada." }, ...first.output, { role: "user", content: "What is my name?" },
      ...followed.output, { role: "user", content: "And what is my name now?" },
    ];
    const types = [];
    const stream = client.responses.stream({ model, input });
    for await (const { type } of stream) types.push(type);
    assert.match((await stream.finalResponse()).output_text, /Ada/);
    assert.equal(types[0], "response.created");
    assert.equal(types.at(-1), "response.completed");
    assert.ok((await client.responses.inputTokens.count({ model, input })).input_tokens > 5);
    await assertOneSession(t, platform, 3);
  }));

  it("continues a conversation", onPlatform(async (t, platform) => {
    const client = new OpenAI({ baseURL: platform.baseURL, apiKey, maxRetries: 0 });
    const conversation = await client.conversations.create({ metadata: { topic: "names" } });
    await client.responses.create({ model, input: "My name is Ada.", conversation: conversation.id });
    const followed = await client.responses.create({ model, input: "What is my name?", conversation: { id: conversation.id } });
    assert.match(followed.output_text, /Ada/);
    const items = [];
    for await (const item of client.conversations.items.list(conversation.id, { order: "asc", limit: 1 })) items.push(item.role);
    assert.deepEqual(items, ["user", "assistant", "user", "assistant"]);
    assert.deepEqual((await client.conversations.retrieve(conversation.id)).metadata, { topic: "names" });
    assert.equal((await client.conversations.delete(conversation.id)).deleted, true);
    await assert.rejects(client.conversations.retrieve(conversation.id), (e) => e.status === 404);
    await assertOneSession(t, platform, 2);
  }));
});

describe("Google's SDK", { timeout }, () => {
  it("chats, counts and lists", onPlatform(async (t, platform) => {
    const client = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: root(platform) } });
    const chat = client.chats.create({ model });
    await chat.sendMessage({ message: "My name is Ada." });
    let text = "";
    for await (const chunk of await chat.sendMessageStream({ message: "What is my name?" })) text += chunk.text;
    assert.match(text, /Ada/);
    assert.ok((await client.models.countTokens({ model, contents: "How are you?" })).totalTokens > 2);
    const models = [];
    for await (const { name } of await client.models.list()) models.push(name);
    assert.ok(models.includes(`models/${model}`), `models = ${models}`);
    await assertOneSession(t, platform, 2);
  }));
});

describe("Ollama's library", { timeout }, () => {
  it("chats, generates and lists", onPlatform(async (t, platform) => {
    const client = new Ollama({ host: root(platform) });
    const messages = [{ role: "user", content: "My name is Ada." }];
    let text = "";
    for await (const part of await client.chat({ model, messages, stream: true })) text += part.message.content;
    messages.push({ role: "assistant", content: text }, { role: "user", content: "What is my name?" });
    assert.match((await client.chat({ model: `${model}:latest`, messages })).message.content, /Ada/);
    const { models } = await client.list();
    assert.ok(models.some(({ name }) => name === model), `models = ${models.map(({ name }) => name)}`);
    assert.ok((await client.show({ model })).capabilities.includes("tools"));
    await assertOneSession(t, platform, 2);
    assert.match((await client.generate({ model, prompt: "Hello!" })).response, /simulator/);
    await assert.rejects(client.chat({ model: "wat", messages }), (e) => e.status_code === 404);
  }));
});
