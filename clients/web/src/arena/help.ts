// How to rate, what is kept, and the keys; which can be switched off, because they are letters.

import { el } from "../view/dom.ts";
import { recall, remember } from "./rater.ts";

const KEYS = "openlpm.arena.keys";
const LIST: readonly (readonly [string, string])[] = [
  ["Space", "play or pause"],
  ["R", "from the beginning"],
  ["H", "half speed, full speed"],
  ["M", "sound: off, A, B"],
  ["1 2 3", "A is better, about the same, B is better"],
  ["0", "can’t tell"],
  ["Enter", "next"],
];

export class Help {
  readonly element: HTMLDialogElement;
  readonly #keys: HTMLInputElement;

  constructor() {
    this.#keys = el("input", { type: "checkbox", id: "keys" });
    this.#keys.checked = recall(KEYS) !== "off";
    this.#keys.addEventListener("change", () => remember(KEYS, this.keys ? null : "off"));
    const listed = LIST.flatMap(([key, what]) => [el("dt", {}, [el("kbd", { textContent: key })]), el("dd", { textContent: what })]);
    this.element = el("dialog", { className: "question help", attributes: { "aria-labelledby": "help-title" } }, [
      el("form", { method: "dialog" }, [
        el("h2", { id: "help-title", textContent: "How to rate" }),
        el("p", { textContent: "Watch both clips to their end, as often as you like, and answer only what is asked. “About the same” is a good answer; “can’t tell” is one, too." }),
        el("dl", { className: "keys" }, listed),
        el("label", { className: "row" }, [this.#keys, "Use these keys"]),
        el("div", { className: "row end" }, [el("button", { className: "primary small", textContent: "Go on" })]),
      ]),
    ]);
  }

  /** Whether single keys do something. */
  get keys(): boolean {
    return this.#keys.checked;
  }

  open(): void {
    this.element.showModal();
  }
}
