"use strict";
// The page itself: rows of files, what is done with them, and the queue. All text goes in as text, never as markup.

const WORDS = {
  waiting: "待发送", sending: "正在发送", retrying: "等待重试", paused: "已暂停", done: "✓ 已送达，等待校验", failed: "× 没有发送成功",
};
const SMALL_AT_A_TIME = 2; // beside them one large file: a film holds up no sheet
const OUTCOMES = { accepted: "✓ 已归档", superseded: "✓ 已归档", duplicate: "✓ 重复文件，不必再报", rejected: "× 已退回", held: "△ 待人工审核" };

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function button(text, act, className = "") {
  return element("button", { type: "button", textContent: text, onclick: act, className });
}

function plainly(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => `‹U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}›`);
}

function spanText(seconds) {
  if (seconds < 60) return "不到 1 分钟";
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `约 ${minutes} 分钟` : `约 ${Math.floor(minutes / 60)} 小时 ${minutes % 60} 分钟`;
}

class Row {
  constructor(page, file, path, type) {
    Object.assign(this, { page, file, path, type, forced: false, transfer: null, outcome: "", receipt: "" });
    const place = placeOf(page.settings, path, type);
    this.kind = place.kind;
    this.inner = place.inner;
    this.build();
  }

  build() {
    const options = this.page.settings.deliverables.map((d) => element("option", { value: d.kind, textContent: d.name }));
    const auto = element("option", { value: "", textContent: this.type.startsWith("zip") ? "压缩包（自动解开分类）" : "由系统按内容识别" });
    this.choice = element("select", { onchange: () => this.choose(this.choice.value) }, auto, ...options);
    this.choice.value = this.kind;
    this.choice.setAttribute("aria-label", `${plainly(this.path)} 是哪项材料`);
    this.bar = element("progress", { max: 1, value: 0 });
    this.bar.setAttribute("aria-label", `${plainly(this.path)} 的进度`);
    this.word = element("span", { className: "word" });
    this.note = element("div", { className: "note" });
    this.buttons = element("div", { className: "buttons" });
    const name = element("bdi", { className: "name", textContent: plainly(this.path) });
    const title = element("div", { className: "title" }, name, element("span", { className: "soft", textContent: sizeText(this.file.size) }));
    this.item = element("li", { className: "file" }, title, this.choice, element("div", { className: "state" }, this.word, this.bar), this.buttons, this.note);
    this.choose(this.kind);
  }

  get key() {
    return keyOf(this.page.settings, this.kind, this.inner);
  }

  get state() {
    return this.transfer.state;
  }

  // Whether it may be sent, as far as can be told here.
  get sendable() {
    return !(this.problem && this.problem.fatal) || (this.forced && !this.problem.sure);
  }

  choose(kind) {
    this.kind = kind;
    this.problem = problemOf(this.page.settings, this.file, kind, this.type);
    this.transfer = new Transfer(this.page.store, this.page.memory, this.file, this.key, () => this.page.changed(this));
    const begun = this.page.memory.get(this.transfer.id);
    if (begun) this.transfer.sent = Math.min(begun.sent, this.file.size);
    this.page.changed(this);
  }

  draw() {
    const { state, sent, note } = this.transfer, { size } = this.file;
    const blocked = !this.sendable && state === "waiting";
    const percent = size ? Math.floor(100 * sent / size) : 0;
    this.item.dataset.state = this.outcome ? this.look : blocked ? "blocked" : state;
    this.bar.value = size ? sent / size : 0;
    this.bar.hidden = blocked || ["done", "failed"].includes(state) || state === "waiting" && !sent;
    this.word.textContent = blocked ? "× 不发送" : this.outcome || WORDS[state] + (this.bar.hidden ? "" : ` ${percent}%`);
    this.choice.disabled = state !== "waiting" || sent > 0;
    const told = [note];
    if (state === "waiting" && sent) told.push(`上次传到 ${percent}%，发送时接着传。`);
    if (state === "waiting" && this.problem) told.push(`${this.problem.what}。${this.problem.fix}`);
    if (state === "waiting" && this.twin) told.push("另有一个文件会放到同一位置，只能保留一个，请移除其中一个或改名。");
    this.note.textContent = told.filter(Boolean).join(" ");
    this.drawButtons(state);
  }

  get look() {
    return this.outcome.startsWith("✓") ? "good" : this.outcome.startsWith("×") ? "bad" : "held";
  }

  drawButtons(state) {
    const wanted = {
      waiting: this.problem && this.problem.fatal && !this.problem.sure && !this.forced ? ["force", "remove"] : ["remove"],
      sending: ["pause", "cancel"], retrying: ["again", "pause", "cancel"], paused: ["resume", "cancel"], failed: ["resume", "cancel"],
      done: this.receipt ? ["read"] : [],
    }[state];
    if (wanted.join() === this.drawn) return;
    this.drawn = wanted.join();
    const words = { read: "看回执", force: "仍要发送", remove: "移除", pause: "暂停", again: "立即重试", resume: state === "failed" ? "重试" : "继续", cancel: "取消" };
    const had = this.buttons.contains(document.activeElement);
    this.buttons.replaceChildren(...wanted.map((act) => {
      const made = button(words[act], () => this.page[act](this));
      made.setAttribute("aria-label", `${words[act]} ${plainly(this.path)}`);
      return made;
    }));
    if (had && wanted.length) this.buttons.firstChild.focus(); // else the keyboard would begin again at the top
  }
}

class Page {
  constructor(settings) {
    this.settings = settings;
    this.store = new Store(settings);
    this.memory = new Memory(settings.area);
    this.rows = [];
    this.skipped = 0;
    this.running = new Set();
    this.speeds = [];
    this.frame = 0;
    this.elements = Object.fromEntries([...document.querySelectorAll("[id]")].map((found) => [found.id, found]));
    this.outbox = new Outbox(this.store, this.elements, (payload, key) => this.answered(payload, key));
  }

  start() {
    const { drop, files, folder, pickFiles, pickFolder, send, pauseAll, clear, close, dialog, app, old } = this.elements;
    old.remove();
    app.hidden = false;
    if (!globalThis.isSecureContext || !crypto.subtle) return this.say("浏览器不允许在这个地址上加密签名。请把本页存到本机，双击打开；或用 https 地址。");
    pickFiles.onclick = () => files.click();
    pickFolder.onclick = () => folder.click();
    for (const input of [files, folder]) {
      input.onchange = () => {
        this.add([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
        input.value = "";
      };
    }
    addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
    addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
    addEventListener("drop", (event) => { event.preventDefault(); drop.classList.remove("over"); this.dropped(event.dataTransfer); });
    send.onclick = () => this.send();
    pauseAll.onclick = () => this.rows.forEach((row) => this.pause(row));
    clear.onclick = () => { this.rows = this.rows.filter((row) => row.state !== "done"); this.redraw(); };
    close.onclick = () => dialog.close();
    addEventListener("beforeunload", (event) => { if (this.running.size) event.preventDefault(); });
    this.redraw();
    return this.outbox.start();
  }

  async dropped(transfer) {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    this.add((await Promise.all(entries.map((entry) => filesIn(entry)))).flat());
  }

  async add(found) {
    const wanted = found.filter(({ path }) => !isLeftover(this.settings, path));
    this.skipped += found.length - wanted.length;
    for (const { file, path } of wanted) {
      try {
        this.rows.push(new Row(this, file, path, file.size ? await identify(file) : ""));
      } catch {
        this.say(`读不了“${plainly(path)}”：它可能正被别的程序占用，请关闭后重新选择。`);
      }
    }
    this.redraw();
    this.elements.send.focus();
  }

  send() {
    for (const row of this.rows) if (row.state === "paused" || row.state === "failed") row.transfer.show("waiting", "");
    this.started = true;
    this.next();
  }

  // Starts what may start: small files first, and one large one beside them.
  next() {
    if (!this.started) return;
    const ready = this.rows.filter((row) => row.state === "waiting" && row.sendable && !row.twin && !this.running.has(row));
    const room = (large, most) => most - [...this.running].filter((row) => row.transfer.large === large).length;
    const small = ready.filter((row) => !row.transfer.large).slice(0, Math.max(0, room(false, SMALL_AT_A_TIME)));
    const large = ready.filter((row) => row.transfer.large).slice(0, Math.max(0, room(true, 1)));
    for (const row of [...small, ...large]) this.run(row);
    if (!this.running.size) this.started = false;
  }

  async run(row) {
    this.running.add(row);
    await row.transfer.run();
    this.running.delete(row);
    if (row.state === "done") this.outbox.expect();
    this.announce(`${plainly(row.path)}：${WORDS[row.state]}`);
    this.next();
    this.redraw();
  }

  pause(row) {
    row.transfer.pause();
  }

  again() {
    dispatchEvent(new Event("online"));
  }

  resume(row) {
    row.transfer.show("waiting", "");
    this.started = true;
    this.next();
  }

  async cancel(row) {
    await row.transfer.cancel();
    this.remove(row);
  }

  force(row) {
    row.forced = true;
    row.drawn = "";
    this.changed(row);
  }

  read(row) {
    return this.outbox.open(row.receipt);
  }

  remove(row) {
    this.rows = this.rows.filter((other) => other !== row);
    this.redraw();
    this.elements.pickFiles.focus();
  }

  // The receipt that names a file which was sent from here tells its row.
  answered(payload, key) {
    for (const file of payload.files || []) {
      const row = this.rows.find((other) => other.state === "done" && !other.outcome && nameOf(other.key) === file.file.normalize("NFC"));
      if (row && OUTCOMES[file.state]) Object.assign(row, { outcome: OUTCOMES[file.state], receipt: key });
    }
    this.announce("收到新的回执。");
    this.redraw();
  }

  changed(row) {
    row.stale = true;
    if (!this.frame) this.frame = setTimeout(() => { this.frame = 0; this.redraw(); }, 100);
  }

  redraw() {
    const keys = new Map();
    for (const row of this.rows) if (row.state !== "done") keys.set(row.key, (keys.get(row.key) || 0) + 1);
    for (const row of this.rows) {
      row.twin = row.state !== "done" && keys.get(row.key) > 1;
      row.draw();
    }
    const { list } = this.elements, items = this.rows.map((row) => row.item);
    if (list.children.length !== items.length || items.some((item, n) => list.children[n] !== item)) list.replaceChildren(...items);
    this.drawTotal();
    this.drawUnfinished();
  }

  drawTotal() {
    const { total, totalBar, totalText, send, pauseAll, clear, skippedText } = this.elements;
    const going = this.rows.filter((row) => row.sendable && !row.twin), done = going.filter((row) => row.state === "done");
    const all = going.reduce((sum, row) => sum + row.file.size, 0), sent = going.reduce((sum, row) => sum + row.transfer.sent, 0);
    const left = going.length - done.length, failed = going.filter((row) => row.state === "failed").length, busy = this.running.size > 0;
    total.hidden = !this.rows.length;
    totalBar.value = all ? sent / all : 0;
    totalBar.hidden = !busy && !sent;
    const share = `${sizeText(sent)} / ${sizeText(all)}（${all ? Math.floor(100 * sent / all) : 0}%）`;
    if (busy) totalText.textContent = `已送达 ${done.length} / ${going.length} 个，${share}${this.speedText(sent, all)}`;
    else if (failed) totalText.textContent = `${failed} 个文件没有发送成功，请看各自的提示。`;
    else if (left) totalText.textContent = `${left} 个文件待发送，共 ${sizeText(all - sent)}。请核对材料后点“发送”。`;
    else totalText.textContent = this.doneText(done.length, this.rows.length - going.length);
    send.hidden = busy || !left;
    send.textContent = `发送 ${left} 个文件`;
    pauseAll.hidden = !busy;
    clear.hidden = busy || !done.length;
    skippedText.textContent = this.skipped ? `已略过 ${this.skipped} 个系统或办公软件的临时文件（~$、Thumbs.db 等）。` : "";
  }

  doneText(done, blocked) {
    if (!done) return "没有可以发送的文件，请按提示改好后重新选择。";
    const but = blocked ? `；另有 ${blocked} 个没有发送，请看各自的提示` : "";
    return `✓ ${done} 个文件已送达${but}。请看下方回执；标明“已归档”之前，请保留本地文件。`;
  }

  speedText(sent, all) {
    const now = performance.now();
    this.speeds = [...this.speeds.filter(([at]) => at > now - 10000), [now, sent]];
    const [[since, before]] = this.speeds, seconds = (now - since) / 1000;
    if (seconds < 2 || sent <= before) return "";
    const speed = (sent - before) / seconds;
    return `，每秒 ${sizeText(Math.round(speed))}，还需${spanText((all - sent) / speed)}`;
  }

  // Uploads that an earlier visit left; those that are chosen again go on from their rows.
  drawUnfinished() {
    const here = new Set(this.rows.map((row) => row.transfer.id));
    const items = this.memory.all().filter(({ id }) => !here.has(id)).map(({ id, key, upload, sent, total }) => element("li", {},
      element("bdi", { className: "name", textContent: plainly(nameOf(key)) }),
      element("span", { textContent: `　已传 ${Math.floor(100 * sent / total)}%（共 ${sizeText(total)}）。请再次选择这个文件，从断点接着传。` }),
      button("放弃", async () => { this.memory.delete(id); await abandon(this.store, key, upload); this.redraw(); })));
    this.elements.unfinished.hidden = !items.length;
    if (this.elements.unfinishedList.children.length !== items.length) this.elements.unfinishedList.replaceChildren(...items);
  }

  announce(text) {
    this.elements.spoken.textContent = text;
  }

  say(text) {
    this.elements.trouble.textContent = text;
    this.elements.trouble.hidden = !text;
  }
}

// All files below an entry of a drop, with their paths.
async function filesIn(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
    return [{ file, path: entry.fullPath.replace(/^\//, "") }];
  }
  const reader = entry.createReader(), found = [];
  for (let more = [null]; more.length;) {
    more = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    found.push(...more);
  }
  return (await Promise.all(found.map((inside) => filesIn(inside)))).flat();
}

new Page(JSON.parse(document.getElementById("settings").textContent)).start();
