// Runs one conversation with an SDK, streamed, and fails if an answer is not what the test in test/e2e scripts:
// two calls at once, another call, an answer, an answer after the transcript was stored and loaded, an answer that is
// aborted, and one that fails in its middle.
//
//   node steps.mjs SDK URL MODEL
import assert from "node:assert/strict";

import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { Ollama } from "ollama";
import OpenAI from "openai";

const [, , sdk, url, model] = process.argv;
const apiKey = "none-is-needed";
const parameters = { type: "object", properties: { n: { type: "number" } }, required: ["n"] };

// Each SDK has a list of messages, and these functions:
//   say(text)       adds a question
//   ask(abort)      streams the answer to the messages, adds it to them, and returns its text and the n of its calls;
//                   with an AbortController, it aborts at the first text
//   results(texts)  adds the results of the calls of the last answer
//   edit(n)         changes the argument of the last call, as its client may do
const sdks = {
  anthropic: () => {
    const client = new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });
    const tools = [{ name: "look", input_schema: parameters }];
    return {
      messages: [],
      say(text) { this.messages.push({ role: "user", content: text }); },
      async ask(abort) {
        const stream = client.messages.stream({ model, max_tokens: 1000, tools, messages: this.messages }, { signal: abort?.signal });
        const { content } = await stream.on("text", () => abort?.abort()).finalMessage();
        this.messages.push({ role: "assistant", content });
        const calls = content.filter((b) => b.type === "tool_use");
        return { text: content.filter((b) => b.type === "text").map((b) => b.text).join(""), calls: calls.map((c) => c.input.n) };
      },
      results(texts) {
        const calls = this.messages.at(-1).content.filter((b) => b.type === "tool_use");
        this.messages.push({ role: "user", content: calls.map((c, i) => ({ type: "tool_result", tool_use_id: c.id, content: texts[i] })) });
      },
      edit(n) { this.messages.at(-1).content.find((b) => b.type === "tool_use").input.n = n; },
    };
  },
  responses: () => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
    const tools = [{ type: "function", name: "look", parameters, strict: false }];
    let last = [];
    return {
      messages: [],
      say(text) { this.messages.push({ role: "user", content: text }); },
      async ask(abort) {
        const stream = client.responses.stream({ model, tools, input: this.messages, store: false }, { signal: abort?.signal });
        stream.on("response.output_text.delta", () => abort?.abort());
        const { status, output, output_text: text } = await stream.finalResponse();
        if (status !== "completed") throw new Error(`the response is ${status}`); // this SDK leaves it to its user
        this.messages.push(...output);
        last = output.filter((item) => item.type === "function_call");
        return { text, calls: last.map((c) => JSON.parse(c.arguments).n) };
      },
      results(texts) {
        this.messages.push(...last.map((c, i) => ({ type: "function_call_output", call_id: c.call_id, output: texts[i] })));
      },
      edit(n) { last.at(-1).arguments = JSON.stringify({ n }); },
    };
  },
  chat: () => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
    const tools = [{ type: "function", function: { name: "look", parameters } }];
    return {
      messages: [],
      say(text) { this.messages.push({ role: "user", content: text }); },
      async ask(abort) {
        const stream = client.chat.completions.stream({ model, tools, messages: this.messages }, { signal: abort?.signal });
        const message = await stream.on("content", () => abort?.abort()).finalMessage();
        this.messages.push(message);
        return { text: message.content, calls: (message.tool_calls ?? []).map((c) => JSON.parse(c.function.arguments).n) };
      },
      results(texts) {
        this.messages.push(...this.messages.at(-1).tool_calls.map((c, i) => ({ role: "tool", tool_call_id: c.id, content: texts[i] })));
      },
      edit(n) { this.messages.at(-1).tool_calls.at(-1).function.arguments = JSON.stringify({ n }); },
    };
  },
  genai: () => {
    const client = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url } });
    const config = { tools: [{ functionDeclarations: [{ name: "look", parametersJsonSchema: parameters }] }] };
    return {
      messages: [],
      say(text) { this.messages.push({ role: "user", parts: [{ text }] }); },
      async ask(abort) {
        const parts = [];
        const stream = await client.models.generateContentStream({ model, contents: this.messages, config: { ...config, abortSignal: abort?.signal } });
        for await (const chunk of stream) {
          parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []));
          abort?.abort();
        }
        this.messages.push({ role: "model", parts });
        const calls = parts.filter((p) => p.functionCall);
        return { text: parts.map((p) => p.text ?? "").join(""), calls: calls.map((p) => p.functionCall.args.n) };
      },
      results(texts) {
        const calls = this.messages.at(-1).parts.filter((p) => p.functionCall);
        this.messages.push({ role: "user", parts: calls.map(({ functionCall: { id, name } }, i) => ({ functionResponse: { id, name, response: { output: texts[i] } } })) });
      },
      edit(n) { this.messages.at(-1).parts.find((p) => p.functionCall).functionCall.args = { n }; },
    };
  },
  ollama: () => {
    const client = new Ollama({ host: url });
    const tools = [{ type: "function", function: { name: "look", description: "Looks.", parameters } }];
    return {
      messages: [],
      say(text) { this.messages.push({ role: "user", content: text }); },
      async ask(abort) {
        const message = { role: "assistant", content: "" };
        const stream = await client.chat({ model, tools, messages: this.messages, stream: true });
        abort?.signal.addEventListener("abort", () => stream.abort());
        for await (const { message: piece } of stream) {
          message.content += piece.content;
          if (piece.content) abort?.abort();
          if (piece.tool_calls) message.tool_calls = [...(message.tool_calls ?? []), ...piece.tool_calls];
        }
        this.messages.push(message);
        return { text: message.content, calls: (message.tool_calls ?? []).map((c) => c.function.arguments.n) };
      },
      results(texts) {
        this.messages.push(...this.messages.at(-1).tool_calls.map((c, i) => ({ role: "tool", tool_name: c.function.name, content: texts[i] })));
      },
      edit() {}, // its calls have no ids, so a changed call is another transcript
    };
  },
};

const c = sdks[sdk]();
c.say("Look twice.");
assert.deepEqual((await c.ask()).calls, [1, 2]);
c.results(["result one", "result two"]);
assert.deepEqual((await c.ask()).calls, [3]);
c.edit(33);
c.results(["result three"]);
assert.match((await c.ask()).text, /All done\./);
c.messages = JSON.parse(JSON.stringify(c.messages));
c.say("And now?");
assert.match((await c.ask()).text, /Still here\./);

const before = c.messages.length;
c.say("A long one.");
await assert.rejects(c.ask(new AbortController()));
c.messages.length = before;
c.say("It fails.");
await assert.rejects(c.ask());
