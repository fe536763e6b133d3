"use strict";
// The board's pages in Airflow's own theme, and up to date without reloading them.
(() => {
  const PAUSE = 2000, LONGEST_PAUSE = 10000, PATIENCE = 15000; // milliseconds

  function theme() {
    let chosen = null;
    try { chosen = localStorage.getItem("theme"); } catch { /* storage is shut: as the system has it */ }
    if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
    else delete document.documentElement.dataset.theme;
  }

  // Makes an element like a fresh one, and touches nothing that is as it was: focus, selection and scrolling stay.
  function renew(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeName !== fresh.nodeName || old.id !== fresh.id) return old.replaceWith(fresh);
    if (old.nodeType !== Node.ELEMENT_NODE) return void (old.data = fresh.data);
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name); // what somebody unfolded stays so
    }
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const wanted = [...fresh.childNodes];
    while (old.childNodes.length > wanted.length) old.lastChild.remove();
    wanted.forEach((node, n) => old.childNodes[n] ? renew(old.childNodes[n], node) : old.append(node));
  }

  function tell(words) {
    const line = document.getElementById("trouble");
    if (line.textContent !== words) line.textContent = words;
    line.hidden = !words;
  }

  async function refresh() {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("main[data-live]");
    if (!fresh) return tell(`${page.querySelector("main p")?.textContent ?? "服务器没有给出本页。"}（本页仍是${seen}的情况）`);
    renew(document.querySelector("main"), fresh);
    now();
    tell("");
  }

  let seen = "", pause = PAUSE, timer = 0, asking = false;
  const now = () => { seen = ` ${new Date().toLocaleTimeString("zh-CN", { hour12: false })} `; };

  async function turn() {
    clearTimeout(timer);
    if (document.hidden || asking) return;
    asking = true;
    const began = Date.now();
    try {
      await refresh();
      pause = Math.max(PAUSE, 10 * (Date.now() - began)); // a page that costs much is asked for less often
    } catch {
      pause = Math.min(pause * 2, LONGEST_PAUSE);
      tell(`与服务器的连接中断，本页是${seen}的情况；正在重试，恢复后自动更新。`);
    }
    asking = false;
    timer = setTimeout(turn, pause);
  }

  // Airflow shows the board in a frame that may not leave it: its own pages open in its own window.
  function lead(event) {
    const link = event.target.closest?.("a[data-airflow]");
    if (!link || window.parent === window) return;
    event.preventDefault();
    window.parent.history.pushState(null, "", link.href);
    window.parent.dispatchEvent(new PopStateEvent("popstate"));
  }

  theme();
  addEventListener("storage", theme);
  addEventListener("DOMContentLoaded", () => {
    addEventListener("click", lead);
    if (!document.querySelector("main[data-live]")) return;
    now();
    for (const sign of ["visibilitychange", "online"]) (sign === "online" ? window : document).addEventListener(sign, turn);
    timer = setTimeout(turn, PAUSE);
  });
})();
