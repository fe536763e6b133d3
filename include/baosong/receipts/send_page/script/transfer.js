"use strict";
// One file on its way: whole if it is small, else in parts that survive a lost line and a closed browser.

const WHOLE = 16 * 2 ** 20; // bytes up to which a file goes by one PUT
const PART = 8 * 2 ** 20; // bytes of a part, more where 10,000 of them would not do
const PARALLEL = 3; // parts at a time: the embedded store keeps those in memory that come before their turn
const PAUSES = [1, 2, 5, 10, 20, 30]; // seconds before another try

// What is remembered of unfinished uploads, in the browser; without storage (private windows) nothing is.
class Memory {
  constructor(area) {
    this.prefix = `baosong:${area}`;
  }

  id(key, file) {
    return `${this.prefix}${key}|${file.size}|${file.lastModified}`;
  }

  get(id) {
    try { return JSON.parse(localStorage.getItem(id)); } catch { return null; }
  }

  set(id, value) {
    try { localStorage.setItem(id, JSON.stringify(value)); } catch { /* full or forbidden: it cannot be resumed later */ }
  }

  delete(id) {
    try { localStorage.removeItem(id); } catch { /* nothing was remembered */ }
  }

  all() {
    try {
      return Object.keys(localStorage).filter((id) => id.startsWith(this.prefix)).map((id) => ({ id, ...this.get(id) }));
    } catch { return []; }
  }
}

class Transfer {
  // state: waiting, sending, retrying, paused, done, failed; `changed` is called whenever there is something to show.
  constructor(store, memory, file, key, changed) {
    Object.assign(this, { store, memory, file, key, changed, state: "waiting", sent: 0, note: "" });
    this.bucket = store.settings.intake;
    this.id = memory.id(key, file);
    this.stopper = null;
  }

  get large() {
    return this.file.size > WHOLE;
  }

  // Sends until it is done, paused or refused for good; a lost line is waited out.
  async run() {
    this.stopper = new AbortController();
    for (let tries = 0; ;) {
      this.show("sending", "");
      const before = this.sent;
      try {
        await (this.large ? this.sendParts() : this.sendWhole());
        this.sent = this.file.size;
        return this.show("done", "");
      } catch (error) {
        if (this.stopper.signal.aborted) return this.show("paused", "");
        if (!this.large) this.sent = 0;
        if (!error.passing) return this.show("failed", error instanceof StoreError ? error.message : unreadable(error));
        tries = this.sent > before ? 0 : tries + 1;
        await this.wait(PAUSES[Math.min(tries, PAUSES.length - 1)], error);
        if (this.stopper.signal.aborted) return this.show("paused", "");
      }
    }
  }

  pause() {
    if (this.stopper) this.stopper.abort();
    if (this.state === "waiting") this.show("paused", "");
  }

  // Forgets the upload, here and in the store.
  async cancel() {
    this.pause();
    const known = this.memory.get(this.id);
    this.memory.delete(this.id);
    if (known) await abandon(this.store, this.key, known.upload);
  }

  show(state, note) {
    this.state = state;
    this.note = note;
    this.changed();
  }

  // Waits some seconds, less if the line comes back or somebody stops it.
  wait(seconds, error) {
    this.show("retrying", `${error.message}${seconds} 秒后自动重试。`);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      const now = () => { clearTimeout(timer); resolve(); };
      addEventListener("online", now, { once: true });
      this.stopper.signal.addEventListener("abort", now, { once: true });
    });
  }

  async sendWhole() {
    const body = await this.file.arrayBuffer();
    this.sent = 0;
    const progress = (loaded) => { this.sent = Math.min(loaded, this.file.size); this.changed(); };
    await this.store.call("PUT", this.bucket, this.key, { body, signal: this.stopper.signal, progress });
  }

  async sendParts() {
    const { signal } = this.stopper;
    const begun = await this.resumed(signal);
    if (!begun) return this.memory.delete(this.id);
    const { upload, size, arrived } = begun;
    const going = new Map();
    const count = () => {
      const whole = [...arrived.values()].reduce((sum, part) => sum + part.size, 0);
      this.sent = whole + [...going.values()].reduce((sum, loaded) => sum + loaded, 0);
      this.changed();
    };
    count();
    const missing = [];
    for (let n = 1; (n - 1) * size < this.file.size; n += 1) if (!arrived.has(n)) missing.push(n);
    const one = async (number, stop) => {
      const body = await this.file.slice((number - 1) * size, number * size).arrayBuffer();
      const progress = (loaded) => { going.set(number, Math.min(loaded, body.byteLength)); count(); };
      const query = { partNumber: String(number), uploadId: upload };
      const answer = await this.store.call("PUT", this.bucket, this.key, { query, body, signal: stop, progress });
      going.delete(number);
      arrived.set(number, { etag: answer.etag, size: body.byteLength });
      this.memory.set(this.id, { ...this.memory.get(this.id), sent: arrived.size * size });
      count();
    };
    await inParallel(missing, PARALLEL, one, signal);
    this.memory.set(this.id, { ...this.memory.get(this.id), closing: true });
    await this.store.complete(this.bucket, this.key, upload, arrived, signal);
    return this.memory.delete(this.id);
  }

  // The upload that was begun, with what has arrived of it, or a new one; null if it is whole and only its answer was lost.
  async resumed(signal) {
    const known = this.memory.get(this.id);
    const arrived = known && await this.store.parts(this.bucket, this.key, known.upload, signal);
    if (arrived) {
      for (const [number, part] of arrived) if (part.size !== this.expected(number, known.size)) arrived.delete(number);
      return { upload: known.upload, size: known.size, arrived };
    }
    if (known && known.closing && await this.store.sizeOf(this.bucket, this.key, signal) === this.file.size) return null;
    const size = Math.max(PART, Math.ceil(this.file.size / 10000 / 2 ** 20) * 2 ** 20);
    const upload = await this.store.begin(this.bucket, this.key, signal);
    this.memory.set(this.id, { upload, size, key: this.key, total: this.file.size, sent: 0 });
    return { upload, size, arrived: new Map() };
  }

  expected(number, size) {
    return Math.min(size, this.file.size - (number - 1) * size);
  }
}

function unreadable(error) {
  return error.name === "NotReadableError" || error.name === "NotFoundError"
    ? "读不了这个文件：它被移走、改动，或正被别的程序占用。请关闭后重新选择。" : `发送出错（${error.name}），请重试。`;
}

async function abandon(store, key, upload) {
  try {
    await store.call("DELETE", store.settings.intake, key, { query: { uploadId: upload } });
  } catch { /* the store removes it by itself after a day */ }
}

// Works through a list with some workers; the first failure stops them all and is raised when they have stopped.
async function inParallel(items, workers, work, signal) {
  const all = new AbortController(), queue = [...items];
  const stop = () => all.abort();
  signal.addEventListener("abort", stop);
  let failure = null;
  const worker = async () => {
    while (queue.length && !all.signal.aborted) {
      try { await work(queue.shift(), all.signal); } catch (error) { failure = failure || error; all.abort(); }
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  signal.removeEventListener("abort", stop);
  if (signal.aborted) throw new DOMException("stopped", "AbortError");
  if (failure) throw failure;
}
