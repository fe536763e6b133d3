"use strict";
// What the prefecture is answered: its status page, receipts, marked copies and templates, read with the same key.

const EVERY = 30000, SOON = 3000, SOON_FOR = 180000; // milliseconds; soon: while something sent waits for its receipt
const SHOWN = 20;
const HTML = "text/html", XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

class Outbox {
  // `answered(payload, key)` is called with the JSON of each receipt that came while the page was open.
  constructor(store, elements, answered) {
    Object.assign(this, { store, elements, answered, known: null, copies: [], shown: "", soonUntil: 0, timer: 0, more: false });
    this.bucket = store.settings.outbox;
  }

  start() {
    addEventListener("resize", () => this.fit());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.look(); });
    return this.look();
  }

  // Something was sent: its receipt comes within seconds.
  expect() {
    this.soonUntil = Date.now() + SOON_FOR;
    this.schedule();
  }

  schedule() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (document.hidden ? this.schedule() : this.look()), Date.now() < this.soonUntil ? SOON : EVERY);
  }

  async look() {
    clearTimeout(this.timer);
    try {
      const { settings } = this.store;
      const all = await this.store.list(this.bucket, settings.area);
      const within = (name) => all.filter(({ key }) => key.startsWith(settings.area + name));
      await this.showStatus(all.find(({ key }) => key === settings.area + settings.names.status));
      await this.showReceipts(within(settings.names.receipts), within(settings.names.templates));
      this.say(`${new Date().toLocaleTimeString("zh-CN")} 更新`);
    } catch (error) {
      this.say(error instanceof StoreError ? error.message : `读取回执出错（${error.name}）。`);
      if (!this.known) this.elements.receipts.replaceChildren(element("li", { className: "soft", textContent: "暂时读不到回执，会自动再试。" }));
    }
    this.schedule();
  }

  say(text) {
    this.elements.updated.textContent = text;
  }

  async showStatus(stored) {
    const mark = stored ? String(stored.modified.getTime()) : "";
    if (!stored || mark === this.shown) return;
    const frame = this.elements.status;
    frame.onload = () => this.fit();
    frame.srcdoc = await this.page(stored.key);
    frame.hidden = false;
    this.shown = mark;
  }

  // As high as what it shows, also after the window was turned or made narrower.
  fit() {
    const { status } = this.elements;
    if (status.contentDocument && status.contentDocument.body) status.style.height = `${status.contentDocument.body.scrollHeight + 8}px`;
  }

  async showReceipts(receipts, templates) {
    const pages = receipts.filter(({ key }) => key.endsWith(".html")).sort((a, b) => b.modified - a.modified);
    const copies = receipts.filter(({ key }) => key.endsWith(".xlsx"));
    const fresh = this.known ? pages.filter(({ key }) => !this.known.has(key)) : [];
    if (this.known && !fresh.length) return;
    this.copies = copies;
    this.known = new Map(pages.map(({ key }) => [key, (this.known && this.known.get(key)) || fresh.some((f) => f.key === key)]));
    this.draw(pages, templates);
    for (const { key } of fresh) {
      const answer = await this.store.call("GET", this.bucket, key.replace(/\.html$/, ".json"));
      this.answered(JSON.parse(new TextDecoder().decode(answer.body)), key);
    }
  }

  // The buttons that save the marked copies of a receipt's sheets.
  saversOf(receipt) {
    const stem = receipt.replace(/\.html$/, "-");
    return this.copies.filter(({ key }) => key.startsWith(stem)).map(({ key }) => this.saver(key, "下载批注副本"));
  }

  draw(pages, templates) {
    const rows = (this.more ? pages : pages.slice(0, SHOWN)).map((page) => (
      element("li", { className: this.known.get(page.key) ? "new" : "" },
        this.opener(page.key), ...(this.known.get(page.key) ? [element("b", { className: "tag", textContent: "新" })] : []),
        element("span", { className: "soft", textContent: page.modified.toLocaleString("zh-CN") }),
        ...this.saversOf(page.key))));
    const none = element("li", { className: "soft", textContent: "还没有回执。报送后几秒到几分钟内会出现在这里。" });
    this.elements.receipts.replaceChildren(...(rows.length ? rows : [none]));
    if (!this.more && pages.length > SHOWN) {
      const all = button(`显示全部 ${pages.length} 份`, () => { this.more = true; this.draw(pages, templates); });
      this.elements.receipts.append(element("li", {}, all));
    }
    this.elements.templates.replaceChildren(...templates.map(({ key }) => this.saver(key, `下载 ${nameOf(key)}`)));
  }

  opener(key) {
    return button(nameOf(key).replace(/\.html$/, ""), () => this.open(key), "link");
  }

  saver(key, title) {
    return button(title, () => this.attempt(async () => {
      const type = key.endsWith(".xlsx") ? XLSX : HTML;
      save(new Blob([(await this.store.call("GET", this.bucket, key)).body], { type }), nameOf(key));
    }), "link");
  }

  open(key) {
    return this.attempt(async () => {
      const { dialog, frame, title, copies, download } = this.elements;
      const text = await this.page(key);
      title.textContent = nameOf(key).replace(/\.html$/, "");
      copies.replaceChildren(...this.saversOf(key));
      frame.srcdoc = text;
      download.onclick = () => save(new Blob([text], { type: HTML }), nameOf(key));
      dialog.showModal();
    });
  }

  async attempt(work) {
    try { await work(); } catch (error) { this.say(error.message); }
  }

  // A page as it can be shown in a frame: marked copies stand beside it here, and its relative links would lead nowhere.
  async page(key) {
    const text = new TextDecoder().decode((await this.store.call("GET", this.bucket, key)).body);
    const page = new DOMParser().parseFromString(text, HTML);
    for (const link of page.querySelectorAll("a[href]")) {
      if (!/^(#|mailto:|tel:)/.test(link.getAttribute("href"))) link.removeAttribute("href");
    }
    return `<!DOCTYPE html>${page.documentElement.outerHTML}`;
  }
}

function nameOf(key) {
  return key.slice(key.lastIndexOf("/") + 1);
}

function save(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
