// Drives pg-boss. One worker for each job at a time (localConcurrency), which fetches jobs by the batch and goes on at
// once while batches come back full: with a batch of 1 it would take one job each two seconds. LISTEN/NOTIFY, which is
// off by default, wakes it. Each job of a batch has its own recorded result, its output included (perJobResults).

import { database, load, main, shell } from "./verbs.mjs";

const { PgBoss } = load("pg-boss");

const QUEUE = "bench";
const BATCH = 20;

let boss;

/** @param keeper whether maintenance runs here, as it does where the workers are */
const open = async (keeper = false) => {
  boss = new PgBoss({ connectionString: database, useListenNotify: true, supervise: keeper, schedule: false });
  boss.on("error", (error) => console.error(error));
  await boss.start();
};

const runOne = async ({ id, data }) => {
  try {
    return { id, status: "completed", output: await shell(data.command) };
  } catch (error) {
    return { id, status: "failed", output: { message: error.message } };
  }
};

await main({
  open,
  prepare: async () => {
    await open();
    await boss.createQueue(QUEUE, { notify: true });
  },
  enqueue: (command) => boss.send(QUEUE, { command }),
  bulk: (command, count) => boss.insert(QUEUE, Array.from({ length: count }, () => ({ data: { command } }))),
  unfinished: async () => {
    const { rows } = await boss
      .getDb()
      .executeSql("SELECT count(*) AS n FROM pgboss.job WHERE name = $1 AND state <> 'completed'", [QUEUE]);
    return rows[0].n;
  },
  settle: () => boss.getDb().executeSql("VACUUM (ANALYZE) pgboss.job_common"),
  claims: async () => {
    let [job] = await boss.fetch(QUEUE);
    return async () => {
      await boss.complete(QUEUE, job.id);
      [job] = await boss.fetch(QUEUE);
    };
  },
  work: async (count) => {
    await open(true);
    const options = { localConcurrency: count, batchSize: BATCH, burstWhenBatchFull: true, perJobResults: true };
    await boss.work(QUEUE, options, async (jobs) => {
      const results = [];
      for (const job of jobs) results.push(await runOne(job));
      return results;
    });
    process.once("SIGTERM", () => boss.stop({ graceful: false }).then(() => process.exit(0)));
  },
});
