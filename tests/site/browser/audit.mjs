// Opens pages in Chromium and says what is wrong with them, as JSON on standard output.
// node audit.mjs CHROMIUM URL…
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 900 };
const MOST_TABS = 40;

const [executablePath, ...urls] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});

async function look(url, viewport, colorScheme) {
  const page = await browser.newPage({ viewport, colorScheme });
  const errors = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("requestfailed", (request) => errors.push(`${request.url()} failed`));
  page.on("response", (answer) => answer.status() >= 400 && errors.push(`${answer.url()} ${answer.status()}`));
  const started = performance.now();
  await page.goto(url, { waitUntil: "load" });
  const seconds = (performance.now() - started) / 1000;
  const found = {
    url,
    width: viewport.width,
    colorScheme,
    seconds,
    errors,
    missing: await page.$$eval("img", (all) => all.filter((one) => !one.naturalWidth).map((one) => one.alt)),
    sideways: await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
    keyboard: await tabs(page),
    violations: await audit(page),
  };
  await page.close();
  return found;
}

// What the Tab key reaches has to be seen, and marked as reached.
async function tabs(page) {
  const wrong = [];
  for (let step = 0; step < MOST_TABS; step++) {
    await page.keyboard.press("Tab");
    const problem = await page.evaluate(() => {
      const one = document.activeElement;
      if (!one || one === document.body) return "end";
      const box = one.getBoundingClientRect();
      const style = getComputedStyle(one);
      const shown = box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight;
      if (!shown) return `${one.outerHTML.slice(0, 80)} is not in view`;
      return style.outlineStyle === "none" ? `${one.outerHTML.slice(0, 80)} has no outline` : "";
    });
    if (problem === "end") break;
    if (problem) wrong.push(problem);
  }
  return wrong;
}

async function audit(page) {
  await page.evaluate(AXE);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
  const { violations } = await page.evaluate((values) => axe.run({ runOnly: values, preload: false }), tags);
  return violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 120)).join(" | ")}`);
}

const found = [];
for (const url of urls) {
  found.push(await look(url, DESK, "light"), await look(url, PHONE, "dark"));
}
await browser.close();
console.log(JSON.stringify(found));
