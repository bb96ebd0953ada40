// The engine has no file system, and its import statement cannot be told of one. So imports of
// modules that it does not know become calls, on the same line, before the code is compiled.
"use strict";

const NAME = "[A-Za-z_][A-Za-z_0-9]*";
const IMPORT = new RegExp(`^(${NAME})(?:\\s+as\\s+(${NAME}))?$`);

// Returns where code, not text or comment, begins a statement: a Set of line numbers from 0.
function statementLines(lines) {
  const starts = new Set();
  let quote = "", depth = 0, continued = false;
  lines.forEach((text, number) => {
    if (!quote && !depth && !continued) starts.add(number);
    continued = false;
    for (let i = 0; i < text.length; i++) {
      const three = text.substr(i, 3);
      if (quote) {
        if (text[i] === "\\") i++;
        else if (text.startsWith(quote, i)) {
          i += quote.length - 1;
          quote = "";
        }
      } else if (text[i] === "#") break;
      else if (three === '"""' || three === "'''") {
        quote = three;
        i += 2;
      } else if (text[i] === '"' || text[i] === "'") quote = text[i];
      else if ("([{".includes(text[i])) depth++;
      else if (")]}".includes(text[i])) depth = Math.max(0, depth - 1);
    }
    if (text.endsWith("\\")) continued = true;
    else if (quote.length === 1) quote = "";
  });
  return starts;
}

function rewriteImport(part, builtin) {
  const parts = part.slice("import ".length).split(",").map((name) => IMPORT.exec(name.trim()));
  if (parts.some((found) => !found) || parts.every((found) => builtin.includes(found[1]))) return part;
  return parts
    .map((f) => (builtin.includes(f[1]) ? `import ${f[0]}` : `${f[2] || f[1]}=__module__('${f[1]}')`))
    .join("; ");
}

function rewriteFrom(part, builtin) {
  const found = new RegExp(`^from\\s+(${NAME})\\s+import\\s+(.*)$`).exec(part);
  if (!found) return part;
  const [, module, names] = found;
  if (names.trim() === "*") return `__star__('${module}', globals())`;
  if (builtin.includes(module)) return part;
  const plain = /^[\w\s,]+$/.test(names) ? names.split(",").map((n) => `'${n.trim().split(/\s/)[0]}'`) : [];
  return `__names__(${[`'${module}'`, ...plain].join(", ")}); ${part}`;
}

function rewriteStatement(part, builtin) {
  const indent = /^\s*/.exec(part)[0];
  const body = part.trim();
  if (/^import\s/.test(body)) return indent + rewriteImport(body, builtin);
  if (/^from\s/.test(body)) return indent + rewriteFrom(body, builtin);
  return part;
}

// A line is cut at semicolons only where it holds no text and no comment.
function rewriteLine(text, builtin) {
  if (!/\b(import|from)\s/.test(text)) return text;
  const bare = text.replace(/\s+#.*$/, "");
  if (/['"#]/.test(bare)) {
    const cut = bare.indexOf(";");
    const head = cut < 0 ? bare : bare.slice(0, cut);
    if (/['"#]/.test(head)) return text;
    return rewriteStatement(head, builtin) + text.slice(head.length);
  }
  const compound = /^(\s*(?:try|else|finally)\s*:)\s*(.+)$/.exec(bare);
  if (compound) return `${compound[1]} ${rewriteLine(compound[2], builtin)}`;
  return bare.split(";").map((part) => rewriteStatement(part, builtin)).join(";");
}

function rewrite(code, builtin) {
  if (!/\bimport\s/.test(code)) return code;
  const lines = code.split("\n");
  const starts = statementLines(lines);
  return lines.map((text, n) => (starts.has(n) ? rewriteLine(text, builtin) : text)).join("\n");
}

module.exports = { rewrite };
