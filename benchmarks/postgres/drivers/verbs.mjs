// The verbs that a driver written in JavaScript takes from the command line: see verbs.py, which is the same in Python.

import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

export const database = process.env.BENCH_DATABASE;

/** Load a package of the peers' directory. */
export const load = createRequire(`${process.env.BENCH_NODE_MODULES}/`);

const start = promisify(execFile);

/** Run a shell command; return its captured output, or throw when it does not exit 0. */
export const shell = (command) => start("sh", ["-c", command]);

/** The time in nanoseconds. Date.now() alone has milliseconds. */
const now = () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;

export async function main(driver) {
  const [verb, ...words] = process.argv.slice(2);
  if (verb === "work") {
    await driver.work(Number(words[0]));
    return; // what it started keeps the process alive until SIGTERM
  }
  if (verb === "prepare") {
    await driver.prepare();
  } else {
    await driver.open();
    console.log(await answer(driver, verb, words));
  }
  process.exit(0); // pools of connections would keep it for seconds
}

/** Jobs that are added at once by those who add a million. */
const CHUNK = 10_000;

/** Calls before the clock is read first. */
const WARM_UP = 50;

/** Add jobs in several calls. */
async function crowd(driver, count) {
  for (let left = count; left > 0; left -= CHUNK) await driver.bulk("true", Math.min(left, CHUNK));
}

/** Return how many jobs a second go from one `next` to the next, with so many more waiting. */
async function claim(driver, waiting, calls) {
  await crowd(driver, waiting + WARM_UP + calls);
  await driver.settle();
  const next = await driver.claims();
  for (let call = 0; call < WARM_UP; call++) await next();
  const began = performance.now();
  for (let call = 0; call < calls; call++) await next();
  return calls / ((performance.now() - began) / 1000);
}

async function answer(driver, verb, [command, amount]) {
  if (verb === "unfinished") return driver.unfinished();
  if (verb === "claim") return claim(driver, Number(command), Number(amount));
  const count = Number(amount);
  const began = performance.now();
  if (verb === "bulk") {
    await driver.bulk(command, count);
  } else if (verb === "enqueue") {
    for (let call = 0; call < count; call++) await driver.enqueue(command);
  } else if (verb === "probe") {
    for (let call = 0; call < count; call++) {
      await pause(20 + Math.random() * 100);
      await driver.enqueue(command.replace("BEGAN", now()));
    }
  } else {
    throw new Error(`no verb ${verb}`);
  }
  return (performance.now() - began) / 1000;
}
