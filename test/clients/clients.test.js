// Tests the built binary with real agents: Codex, Claude Code and gemini-cli. Each begins a conversation in one
// process and continues it in another, so that its transcript comes from the agent's own files.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

import { model, onPlatform } from "../agents/platform.js";

const timeout = 120_000;
const key = "none-is-needed";
const claude = "claude-sonnet-4-5-20250929";
const gemini = "gemini-3-pro-preview";

// withHome returns a test function that runs test with a platform, and with a function that runs an agent in a home of
// its own and returns its output.
function withHome(prepare, test) {
  return onPlatform(async (t, platform) => {
    const home = await mkdtemp(join(tmpdir(), "achuan-client-"));
    const root = new URL(platform.baseURL).origin;
    try {
      const env = { PATH: process.env.PATH, HOME: home, ...(await prepare(home, root)) };
      const run = (name, ...args) =>
        new Promise((resolve, reject) => {
          const command = join(import.meta.dirname, "node_modules", ".bin", name);
          const child = execFile(command, args, { cwd: home, env, timeout }, (error, stdout, stderr) => {
            if (error) reject(new Error(`${name} ${args.join(" ")} failed: ${error.message}\n${stdout}\n${stderr}`));
            else resolve(stdout);
          });
          child.stdin.end();
        });
      await test(run, platform);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });
}

// assertAsked checks that the questions are in one session, each once. Agents ask for titles in other sessions.
async function assertAsked(platform, ...questions) {
  const sessions = (await platform.sessions()).map((list) => list.join("\n"));
  const main = sessions.filter((text) => questions.every((question) => text.includes(question)));
  assert.equal(main.length, 1, `sessions = ${JSON.stringify(sessions, null, 1).slice(0, 4000)}, want one with ${questions}`);
  for (const question of questions) {
    assert.equal(main[0].split(question).length, 2, `${question} was asked more than once`);
  }
}

describe("agents", { timeout: 4 * timeout }, () => {
  it("Claude Code continues", withHome(
    async (_, root) => ({
      ANTHROPIC_BASE_URL: root, ANTHROPIC_API_KEY: key, ANTHROPIC_MODEL: claude, ANTHROPIC_DEFAULT_HAIKU_MODEL: claude,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    }),
    async (run, platform) => {
      // With all of its tools, the simulated model tries each of them, which takes more than a minute.
      await run("claude", "--tools", "Read", "-p", "My name is Ada.");
      assert.match(await run("claude", "--tools", "Read", "-c", "-p", "What is my name?"), /Ada/);
      await assertAsked(platform, "My name is Ada.", "What is my name?");
    },
  ));

  it("Codex continues", withHome(
    async (home, root) => {
      await mkdir(join(home, ".codex"));
      await writeFile(join(home, ".codex", "config.toml"), [
        `model = "${model}"`, 'model_provider = "achuan"', "[model_providers.achuan]", 'name = "achuan"',
        `base_url = "${root}/v1"`, 'env_key = "ACHUAN_KEY"', 'wire_api = "responses"', "",
      ].join("\n"));
      return { ACHUAN_KEY: key };
    },
    async (run, platform) => {
      await run("codex", "exec", "--skip-git-repo-check", "My name is Ada.");
      assert.match(await run("codex", "exec", "resume", "--last", "--skip-git-repo-check", "What is my name?"), /Ada/);
      await assertAsked(platform, "My name is Ada.", "What is my name?");
    },
  ));

  it("gemini-cli continues", withHome(
    async (home, root) => {
      await mkdir(join(home, ".gemini"));
      await writeFile(join(home, ".gemini", "settings.json"), JSON.stringify({ security: { auth: { selectedType: "gemini-api-key" } } }));
      return { GEMINI_API_KEY: key, GOOGLE_GEMINI_BASE_URL: root, GEMINI_TELEMETRY_ENABLED: "false" };
    },
    async (run, platform) => {
      await run("gemini", "-m", gemini, "--skip-trust", "-p", "My name is Ada.");
      assert.match(await run("gemini", "-m", gemini, "--skip-trust", "--resume", "latest", "-p", "What is my name?"), /Ada/);
      await assertAsked(platform, "My name is Ada.", "What is my name?");
    },
  ));
});
