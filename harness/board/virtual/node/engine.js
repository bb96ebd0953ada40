// The virtual board's processor: MicroPython in WebAssembly, and a wire to the Python process
// that owns the serial line, the files and the KPU.
//
// Requests and replies go over two blocking pipes. A third never blocks; a byte on it means that
// Ctrl-C came while a program runs, or a reset. A message is two 32-bit lengths, JSON, raw bytes. Messages from here carry how many lent bytes of the line are used up.
"use strict";

const fs = require("fs");
const { rewrite } = require("./imports.js");

const FLUSH_BYTES = 256, FLUSH_MS = 4, POLL_MS = 1, HOOKS_A_LOOK = 16;
const CTRL_A = 1, CTRL_B = 2, CTRL_C = 3, CTRL_D = 4, CTRL_E = 5, ENTER = 13, NEWLINE = 10;
const BACKSPACE = 8, TAB = 9, ESCAPE = 27, DELETE = 127;
const FORCED_EXIT = 0x100, RESET = 0;
const RAW = "raw REPL; CTRL-B to exit\r\n";

const WINDOW = 128, LENT_BYTES = 64;
const TRACEBACK = '  File "', OWN = "\x01";

class HardReset extends Error {}

const config = JSON.parse(process.argv[2]);
const [REQUEST, REPLY, INTERRUPT] = config.descriptors;
let machine = null; // the running instance of MicroPython
let starting = false; // whether the modules are being made
let mode = "friendly"; // of the REPL: friendly, raw or paste
let lent = Buffer.alloc(0), used = 0; // bytes of the line that came here, and how many are used
let skipBytes = 0, captured = null, pending = "", lineStart = true; // output that may be a line of a traceback
const out = Buffer.alloc(FLUSH_BYTES);
let outBytes = 0, outSince = 0, muted = 0, line = "", held = [];
let stolenMs = 0, parcel = Buffer.alloc(0), lastPoll = 0, hooks = 0;

function readFully(count) {
  const buffer = Buffer.allocUnsafe(count);
  for (let done = 0; done < count; ) {
    const got = fs.readSync(REPLY, buffer, done, count - done);
    if (!got) process.exit(0); // the other side is gone
    done += got;
  }
  return buffer;
}

function send(message, payload) {
  const json = Buffer.from(JSON.stringify({ ...message, used }));
  lent = lent.subarray(used);
  used = 0;
  const head = Buffer.allocUnsafe(8);
  head.writeUInt32LE(json.length, 0);
  head.writeUInt32LE(payload ? payload.length : 0, 4);
  const all = payload ? Buffer.concat([head, json, payload]) : Buffer.concat([head, json]);
  for (let done = 0; done < all.length; ) done += fs.writeSync(REQUEST, all, done);
}

function ask(message, payload) {
  send(message, payload);
  const head = readFully(8);
  const reply = JSON.parse(readFully(head.readUInt32LE(0)));
  reply.payload = readFully(head.readUInt32LE(4));
  if (reply.stolen_ms !== undefined) stolenMs = reply.stolen_ms;
  return reply;
}

function flush() {
  if (pending && !pending.startsWith(TRACEBACK)) release();
  if (!outBytes) return;
  const data = Buffer.from(out.subarray(0, outBytes));
  outBytes = 0;
  ask({ op: "write" }, data);
}

function write(data) {
  if (!outBytes) outSince = performance.now();
  for (let done = 0; done < data.length; ) {
    const count = data.copy(out, outBytes, done);
    outBytes += count;
    done += count;
    if (outBytes === out.length) flush();
  }
}

function release() {
  const text = pending;
  pending = "";
  if (!text.includes(OWN)) write(Buffer.from(text, "latin1"));
}

// Programs' output comes byte by byte. Lines of a traceback that name the board's own modules,
// marked by a byte, are left out.
function onProgramOutput(data) {
  const byte = data.toString("latin1");
  if (pending || (lineStart && byte === TRACEBACK[0])) {
    pending += byte;
    const whole = pending.startsWith(TRACEBACK) ? byte === "\n" : !TRACEBACK.startsWith(pending);
    if (whole) release();
  } else write(data);
  lineStart = byte === "\n";
}

function onWrite(data) {
  if (muted) return;
  if (skipBytes > 0) {
    skipBytes -= data.length;
    return;
  }
  if (captured !== null) {
    captured += data.toString("latin1");
    return;
  }
  if (data.length < 3) return data.forEach((byte) => onProgramOutput(Buffer.from([byte])));
  if (pending) release();
  lineStart = data[data.length - 1] === NEWLINE;
  write(data);
}

// Returns what the engine prints meanwhile, with the firmware's banner for its own.
function withBanner(action) {
  captured = "";
  action();
  const text = captured.replace(/MicroPython v[^\r\n]*/, config.banner);
  captured = null;
  return text;
}

function lend(waitMs, prompt, count) {
  flush();
  const reply = ask({ op: "read", wait_ms: waitMs, prompt, count });
  if (prompt) interruptions(); // those that came too late for what has ended
  lent = Buffer.concat([lent, reply.payload]);
}

function nextByte() {
  while (used >= lent.length) lend(-1, true, LENT_BYTES);
  return lent[used++];
}

// Called from MicroPython's loops, very often.
function hook() {
  if (++hooks % HOOKS_A_LOOK) return;
  const now = performance.now();
  if (now - lastPoll < POLL_MS) return;
  lastPoll = now;
  if (outBytes && now - outSince > FLUSH_MS) flush();
  if (interruptions()) machine.interrupt();
}

// Returns whether Ctrl-C came since the last call. What stands for the firmware's own C code, which
// makes the modules, hears none.
function interruptions() {
  const bytes = Buffer.allocUnsafe(64);
  try {
    const count = fs.readSync(INTERRUPT, bytes, 0, 64);
    if (count === 0) process.exit(0);
    if (bytes.subarray(0, count).includes(RESET)) throw new HardReset();
    return !starting;
  } catch (error) {
    if (error.code !== "EAGAIN") throw error;
    return false;
  }
}

function isPlace(argument) {
  return argument !== null && typeof argument === "object" && "n" in argument;
}

// What board modules call: ["name", …]; buffers stand as {"at": address, "n": bytes}.
function call(text) {
  const [name, ...args] = JSON.parse(text);
  if (name === "take") return takeParcel(args[0]);
  if (name === "rewrite") return parcelOf(rewritten(parcel.toString()));
  if (name === "line_read") return lineRead(...args);
  if (name === "ticks_ms") return JSON.stringify({ v: Math.floor(boardMs()) % 2 ** 29 });
  if (name === "ticks_us") return JSON.stringify({ v: Math.floor(boardMs() * 1000) % 2 ** 29 });
  flush();
  const buffers = args.filter(isPlace).map((a) => machine.view(a.at, a.n));
  const payload = buffers.length ? Buffer.concat(buffers) : undefined;
  const plain = args.map((a) => (isPlace(a) ? { bytes: a.n } : a));
  const reply = ask({ op: "call", name, args: plain }, payload);
  parcel = reply.payload;
  if (reply.reset) throw new HardReset();
  if (interruptions()) machine.interrupt();
  if (reply.error) return JSON.stringify({ e: reply.error });
  if (name === "line_waiting") reply.value += lent.length - used;
  if (name === "line_configure") {
    lent = Buffer.alloc(0);
    used = 0;
  }
  return JSON.stringify({ v: reply.value, n: parcel.length });
}

function takeParcel(place) {
  machine.view(place.at, place.n).set(parcel.subarray(0, place.n));
  return "{}";
}

function parcelOf(data) {
  parcel = data;
  return JSON.stringify({ n: parcel.length });
}

function lineRead(count, waitMs) {
  if (used >= lent.length && waitMs !== null) {
    lend(waitMs, false, count);
    if (interruptions()) machine.interrupt();
  }
  const data = Buffer.from(lent.subarray(used, Math.min(lent.length, used + count)));
  used += data.length;
  return parcelOf(data);
}

function rewritten(code) {
  return Buffer.from(rewrite(code, config.builtin));
}

function boardMs() {
  return performance.now() - stolenMs;
}

function feed(code) {
  return machine.processChar(code);
}

function feedMuted(data) {
  muted++;
  for (const code of data) feed(code);
  muted--;
}

// Code runs while the last byte of its input is processed.
function execute(code) {
  send({ op: "running" });
  const result = feed(code);
  flush();
  return result;
}

function charFriendly(code) {
  if (line === "" && code === CTRL_A) mode = "raw";
  if (line === "" && code === CTRL_E) mode = "paste";
  if (code === CTRL_B) return feedBanner(code);
  if (code === ENTER) {
    const text = rewritten(line || "");
    if (line && text.toString() !== line) {
      feedMuted(Buffer.concat([Buffer.alloc(Buffer.byteLength(line), DELETE), text]));
    }
    line = "";
    return execute(code);
  }
  if (code === CTRL_C) line = "";
  else if (code === ESCAPE || code === TAB) line = null; // edited: no longer known here
  else if (line !== null && (code === DELETE || code === BACKSPACE)) line = line.slice(0, -1);
  else if (line !== null && code >= 32) line += String.fromCharCode(code);
  if (code === CTRL_D && line === "") return execute(code);
  return feed(code);
}

function feedBanner(code) {
  mode = "friendly";
  line = "";
  let result = 0;
  write(Buffer.from(withBanner(() => (result = feed(code))), "latin1"));
  return result;
}

function isRawPaste(codes) {
  return codes.length === 2 && codes[0] === CTRL_E && codes[1] === 65;
}

// The engine's own raw-paste reads from a descriptor that it does not have; the protocol is
// MicroPython's: a window, one more for each that is used up, Ctrl-D both ways at the end.
function rawPaste() {
  write(Buffer.from([82, 1, WINDOW & 255, WINDOW >> 8, 1]));
  held = [];
  for (let code = nextByte(); code !== CTRL_D; code = nextByte()) {
    if (code === CTRL_C) held = [];
    else if (held.push(code) % WINDOW === 0) write(Buffer.from([1]));
  }
  write(Buffer.from([CTRL_D]));
  flush();
  // An empty program runs and does nothing; the engine would take it for a soft reset.
  feedMuted(rewritten(Buffer.from(held).toString() || "\n"));
  held = [];
  skipBytes = 2; // the OK of the plain raw REPL
  const result = execute(CTRL_D);
  skipBytes = 0;
  return result;
}

function charHeld(code) {
  if (code === CTRL_D) {
    feedMuted(rewritten(Buffer.from(held).toString()));
    held = [];
    if (mode === "paste") mode = "friendly";
    return execute(code);
  }
  if (code === CTRL_C || (mode === "raw" && (code === CTRL_A || code === CTRL_B))) {
    if (code === CTRL_A && config.raw_paste && isRawPaste(held)) return rawPaste();
    held = [];
    if (mode === "paste") mode = "friendly";
    return code === CTRL_B ? feedBanner(code) : feed(code);
  }
  held.push(code === ENTER ? NEWLINE : code);
  if (mode === "paste") write(code === ENTER ? Buffer.from("\r\n=== ") : Buffer.from([code]));
  return 0;
}

function repl() {
  for (;;) {
    const code = nextByte();
    const result = mode === "friendly" ? charFriendly(code) : charHeld(code);
    if (machine.resetWanted) throw new HardReset();
    if (result & FORCED_EXIT) return;
  }
}

function startRepl() {
  const raw = mode === "raw";
  line = "";
  held = [];
  if (!raw) {
    mode = "friendly";
    const text = withBanner(() => machine.replInit());
    // The engine begins with an empty line, the firmware does not.
    write(Buffer.from(text.replace(/^\r\n/, ""), "latin1"));
    return;
  }
  muted++;
  machine.replInit();
  feed(CTRL_A);
  muted--;
  mode = "raw";
  write(Buffer.from(RAW + ">"));
}

async function boot(kind) {
  if (kind === "hard") mode = "friendly";
  const engine = require(config.engine);
  machine = await engine.load({ config, write: onWrite, hook, call, ticks: boardMs });
  interruptions(); // those that came too late for what has ended
  ask({ op: "call", name: "boot", args: [kind] });
  starting = true;
  machine.run(config.start);
  interruptions();
  starting = false;
  send({ op: "running" });
  machine.run(`__import__("_board").boot(${mode === "raw" ? "False" : "True"}, globals())`);
  flush();
  startRepl();
  flush();
}

async function main() {
  for (let kind = "hard"; ; ) {
    try {
      await boot(kind);
      repl();
      kind = "soft";
    } catch (error) {
      if (!(error instanceof HardReset)) throw error;
      pending = "";
      captured = null;
      skipBytes = 0;
      outBytes = 0;
      muted = 0;
      kind = "hard";
    }
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
