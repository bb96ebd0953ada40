// Loads the npm package `@micropython/micropython-webassembly-pyscript` unchanged.
//
// It has raw-paste, and no hook in its loops: Ctrl-C waits for the next call of the host.
"use strict";

const path = require("path");

async function load(host) {
  const file = path.join(host.config.package, "micropython.mjs");
  const { loadMicroPython } = await import(`${file}?${Date.now()}`);
  const seen = {};
  const instantiate = WebAssembly.instantiate;
  WebAssembly.instantiate = async (...given) => {
    const made = await instantiate(...given);
    seen.memory = (made.instance || made).exports.memory || findMemory(given[1], made);
    return made;
  };
  const engine = await loadMicroPython({
    heapsize: host.config.heap_bytes,
    linebuffer: false,
    stdout: (data) => host.write(withReturns(data)),
  });
  WebAssembly.instantiate = instantiate;
  return board(host, seen, engine);
}

// A board ends its lines with both characters.
let last = 0;
function withReturns(data) {
  const out = [];
  for (const byte of data) {
    if (byte === 10 && last !== 13) out.push(13);
    out.push(byte);
    last = byte;
  }
  return Buffer.from(out);
}

function findMemory(imports, made) {
  const all = [...Object.values((made.instance || made).exports), ...Object.values(imports)];
  const nested = all.flatMap((one) => [one, ...Object.values(one || {})]);
  return nested.find((one) => one instanceof WebAssembly.Memory);
}

function board(host, seen, engine) {
  const machine = {
    resetWanted: false,
    run: (code) => engine.runPython(code),
    replInit: () => engine.replInit(),
    processChar: (code) => engine.replProcessChar(code),
    interrupt: () => engine._module._mp_sched_keyboard_interrupt(),
    view: (at, count) => Buffer.from(seen.memory.buffer, at, count),
  };
  // A JavaScript error would become a Python one on its way out.
  globalThis.exec = (text) => {
    try {
      return host.call(text);
    } catch (error) {
      machine.resetWanted = true;
      machine.error = error;
      return '{"e": ["SystemExit", []]}';
    }
  };
  return machine;
}

module.exports = { load };
