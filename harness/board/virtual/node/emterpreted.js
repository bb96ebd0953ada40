// Loads the npm package `micropython` 1.1.8 unchanged. What it wants of its host (a hook in its
// loops, output, clock, calls to JavaScript) is handed to it as imports of the WebAssembly module.
"use strict";

const fs = require("fs");
const path = require("path");

const QUIET = { log() {}, warn() {}, error() {} };

function text(memory, at) {
  const bytes = Buffer.from(memory.buffer);
  return bytes.toString("utf8", at, bytes.indexOf(0, at));
}

function patched(info, host) {
  const env = info.env;
  const evaluate = env._emscripten_run_script_string;
  let answer = "";
  globalThis.__answer = () => answer;
  const script = Buffer.from("__answer()\0");
  env._mp_js_hook = host.hook;
  env._mp_js_write = (at, count) => host.write(Buffer.from(Buffer.from(env.memory.buffer, at, count)));
  env._mp_js_ticks_ms = () => Math.floor(host.ticks()) | 0;
  env._emscripten_run_script_string = (at) => {
    answer = host.call(text(env.memory, at));
    // The package's own function copies what a script gives into its memory.
    const place = host.scratch(script.length);
    Buffer.from(env.memory.buffer).set(script, place);
    return evaluate(place);
  };
  return info;
}

function load(host) {
  const folder = path.join(host.config.package, "lib");
  const source = fs.readFileSync(path.join(folder, "micropython.js"), "utf8");
  const names = ["require", "module", "__dirname", "console", "process", "fetch", "WebAssembly", "__ready"];
  const ready =
    "\nvar __start = Module.onRuntimeInitialized;" +
    "Module.onRuntimeInitialized = function () { __start(); __ready(Module); }; return Module;";
  return new Promise((resolve) => {
    const bounds = { memory: null, at: 0 };
    host.scratch = () => bounds.at;
    const assembly = Object.create(WebAssembly, {
      instantiate: {
        value: (bytes, info) => {
          bounds.memory = info.env.memory;
          return WebAssembly.instantiate(bytes, patched(info, host));
        },
      },
    });
    const quietProcess = Object.create(process, { on: { value() {} } });
    const done = (module) => {
      bounds.at = module._malloc(64);
      resolve(board(host.config, bounds, module));
    };
    new Function(...names, source + ready)(
      require, { exports: {} }, folder, QUIET, quietProcess, undefined, assembly, done
    );
  });
}

function board(config, bounds, module) {
  globalThis.mp_js_init(config.heap_bytes);
  return {
    run: (code) => globalThis.mp_js_do_str(code),
    replInit: () => globalThis.mp_js_init_repl(),
    processChar: (code) => globalThis.mp_js_process_char(code),
    interrupt: () => module._mp_keyboard_interrupt(),
    view: (at, count) => Buffer.from(bounds.memory.buffer, at, count),
  };
}

module.exports = { load };
