// Tests the built binary with LangChain: its own picture parts, and a conversation that continues.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { HumanMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";

import { assertOneSession, model, onPlatform } from "./platform.js";

// picture is a PNG of one pixel, in base64.
const picture =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNg+M9QDwADhQGA8C7cJwAAAABJRU5ErkJggg==";

describe("LangChain", { timeout: 60_000 }, () => {
  for (const [name, part] of [
    ["OpenAI's part", { type: "image_url", image_url: { url: `data:image/png;base64,${picture}` } }],
    ["a standard block", { type: "image", source_type: "base64", mime_type: "image/png", data: picture }],
  ]) {
    it(`sends a picture as ${name}, and continues`, onPlatform(async (t, platform) => {
      const chat = new ChatOpenAI({ model, apiKey: "none-is-needed", maxRetries: 0, configuration: { baseURL: platform.baseURL } });
      const messages = [new HumanMessage({ content: [{ type: "text", text: "What is this?" }, part] })];
      const answer = await chat.invoke(messages);
      assert.match(answer.text, /image\.png, a PNG picture, 1 x 1/);
      await chat.invoke([...messages, answer, new HumanMessage("Are you sure?")]);
      await assertOneSession(t, platform, 2);
    }));
  }
});
