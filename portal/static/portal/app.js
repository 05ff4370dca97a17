/* What pages do by themselves: copy, fresh times, running clocks, keyboard in tables, focus and words after htmx.
   Nothing here is needed to use a page. */
"use strict";

(() => {
  const say = (words) => { const live = document.getElementById("live"); if (live) live.textContent = words; };

  /* ---- copy ---- */
  const copyText = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = Object.assign(document.createElement("textarea"), { value: text, className: "unseen" }); // plain http: no clipboard API
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied) throw new Error("copy refused");
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    copyText(button.dataset.copy).then(() => {
      button.classList.add("is-done");
      say("Copied");
      setTimeout(() => button.classList.remove("is-done"), 1600);
    }, () => say("Could not copy"));
  });

  /* ---- relative times; the same words as portal_tags.since ---- */
  const span = (seconds) => {
    if (seconds < 60) return `${Math.floor(seconds)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
    const days = Math.floor(seconds / 86400);
    if (days < 60) return days === 1 ? "1 day" : `${days} days`;
    return days < 730 ? `${Math.floor(days / 30)} months` : `${Math.floor(days / 365)} years`;
  };
  const since = (gap) => {
    if (Math.abs(gap) < 5) return "just now";
    return gap > 0 ? `${span(gap)} ago` : `in ${span(-gap)}`;
  };
  const freshen = () => {
    for (const time of document.querySelectorAll("time[data-since]")) {
      const words = time.querySelector(".time-words");
      const text = since((Date.now() - Date.parse(time.dateTime)) / 1000);
      if (words && words.textContent !== text) words.textContent = text;
    }
  };
  setInterval(() => { if (!document.hidden) freshen(); }, 15000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) freshen(); });

  /* ---- clocks of running jobs: from the server's elapsed milliseconds onwards ---- */
  const pad = (n) => String(n).padStart(2, "0");
  const clock = (ms) => {
    const s = Math.floor(ms / 1000), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    return h ? `${h}:${pad(m)}:${pad(s % 60)}` : `${m}:${pad(s % 60)}`;
  };
  const started = new WeakMap();
  const tick = () => {
    for (const el of document.querySelectorAll("[data-clock]")) {
      if (!started.has(el)) started.set(el, performance.now() - Number(el.dataset.clock));
      el.textContent = clock(performance.now() - started.get(el));
    }
  };
  tick();
  setInterval(tick, 1000);

  /* ---- keyboard: arrows move between row links, Escape closes menus ---- */
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details[data-menu][open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
    const link = event.target.closest?.(".row-link");
    if (!link || event.altKey || event.ctrlKey || event.metaKey) return;
    const links = [...link.closest("table").querySelectorAll(".row-link")];
    const to = { ArrowDown: links.indexOf(link) + 1, ArrowUp: links.indexOf(link) - 1, Home: 0, End: links.length - 1 }[event.key];
    if (to === undefined || !links[to]) return;
    event.preventDefault();
    links[to].focus();
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  /* ---- one press, one post: a second press on the same form is swallowed until the answer is here ---- */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.matches("[hx-post], [data-hx-post]")) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

  /* ---- long texts (data-guarded): leaving the page asks first, while something typed is not sent ---- */
  const written = (form) => new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string")).toString();
  const guarded = [...document.querySelectorAll("form[data-guarded]")].map((form) => [form, form.dataset.guarded ? "" : written(form)]);
  addEventListener("beforeunload", (event) => {
    if (guarded.some(([form, before]) => !form.dataset.sent && written(form) !== before)) event.preventDefault();
  });

  /* ---- forms with large files: one that is too large is named before it is sent; how far the sending is ---- */
  document.addEventListener("change", (event) => {
    const input = event.target, most = Number(input.dataset?.maxBytes);
    if (!most) return;
    const isLarge = input.files[0]?.size > most;
    input.setCustomValidity(isLarge ? `This file is larger than ${Math.floor(most / 1048576)} MiB.` : "");
    input.reportValidity();
  });
  const upload = (event) => event.target.closest?.("[data-upload]")?.querySelector("[data-upload-progress]");
  const show = (box, stage, share) => {
    const bar = box.querySelector("progress");
    box.querySelector("[data-stage]").textContent = stage;
    box.querySelector("[data-share]").textContent = share === null ? "" : `${share} %`;
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
  };
  document.addEventListener("htmx:beforeRequest", (event) => {
    const box = upload(event);
    if (!box) return;
    delete box.dataset.sent;
    box.hidden = false;
    show(box, "Sending the files", 0);
  });
  document.addEventListener("htmx:xhr:progress", (event) => {
    const box = upload(event), { lengthComputable, loaded, total } = event.detail;
    if (!box || !lengthComputable || box.dataset.sent) return; // what comes after is the answer's
    if (loaded < total) return show(box, "Sending the files", Math.floor((100 * loaded) / total));
    box.dataset.sent = "yes";
    show(box, "Checking the files: this takes some seconds", null);
    say("The files were sent and are being checked.");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const box = upload(event);
    if (box && !event.detail.xhr.getResponseHeader("HX-Redirect")) box.hidden = true;
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    // A refusal of the form is its answer: it is shown in it.
    if (event.detail.xhr.status !== 422 || !event.detail.requestConfig.elt.matches("[data-upload]")) return;
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  });

  /* ---- after htmx: fresh times and clocks, the part's own words to the live region, failures said aloud ---- */
  document.addEventListener("htmx:load", (event) => {
    freshen();
    tick();
    const words = event.target.dataset?.announce ?? event.target.querySelector?.("[data-announce]")?.dataset.announce;
    if (words) say(words);
    event.target.querySelector?.("[data-focus]")?.focus();
  });
  const fail = (words) => {
    const message = Object.assign(document.createElement("div"), { className: "message message-error", textContent: words });
    message.setAttribute("role", "alert");
    document.getElementById("messages")?.replaceChildren(message);
  };
  document.addEventListener("htmx:responseError", (event) => fail(`That did not work (${event.detail.xhr.status}). Reload the page to see how things stand.`));
  document.addEventListener("htmx:sendError", () => fail("The server could not be reached. Try again in a moment."));

  document.querySelector("[data-focus]")?.focus();
})();
