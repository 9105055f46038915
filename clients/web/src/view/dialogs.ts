// Small questions and bad news.

import type { Advice } from "../live/failures.ts";
import { el } from "./dom.ts";

/** The server's key; null if the person will not say. */
export function askForKey(wrong: boolean): Promise<string | null> {
  const input = el("input", { type: "password", id: "server-key", required: true, autocomplete: "off" });
  const hint = wrong ? "That was not it. " : "";
  const submit = (event: Event): void => {
    event.preventDefault();
    dialog.close(input.value);
  };
  const form = el("form", { on: { submit } }, [
    el("h2", { id: "key-title", textContent: "The server's key" }),
    el("label", { htmlFor: "server-key", className: "hint", textContent: `${hint}The server printed it when it started. It stays on this page.` }),
    input,
    el("div", { className: "row end" }, [
      el("button", { type: "button", className: "secondary", textContent: "Cancel", on: { click: () => dialog.close("") } }),
      el("button", { type: "submit", className: "primary small", textContent: "Go on" }),
    ]),
  ]);
  const dialog = el("dialog", { className: "question", attributes: { "aria-labelledby": "key-title" } }, [form]);
  return opened(dialog).then(() => dialog.returnValue || null);
}

/** Says what went wrong, and counts down to when trying again makes sense. True: the person wants to. */
export function tellFailure(advice: Advice): Promise<boolean> {
  const again = el("button", { type: "button", className: "primary small", on: { click: () => dialog.close("again") } });
  const dialog = el("dialog", { className: "question", attributes: { role: "alertdialog", "aria-labelledby": "failure-title" } }, [
    el("h2", { id: "failure-title", textContent: advice.title }),
    el("p", { textContent: advice.text }),
    el("div", { className: "row end" }, [
      el("button", { type: "button", className: "secondary", textContent: "Close", on: { click: () => dialog.close("") } }),
      again,
    ]),
  ]);
  const until_ms = performance.now() + 1000 * (advice.retry_s ?? 0);
  const count = (): void => {
    const left_s = Math.ceil((until_ms - performance.now()) / 1000);
    again.disabled = left_s > 0;
    again.textContent = left_s > 0 ? `Try again in ${left_s} s` : "Try again";
  };
  count();
  const ticking = setInterval(count, 250);
  return opened(dialog).then(() => {
    clearInterval(ticking);
    return dialog.returnValue === "again";
  });
}

function opened(dialog: HTMLDialogElement): Promise<void> {
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve();
    });
  });
}
