// What a screen reader says without being asked.

import { el } from "./dom.ts";

export class Announcer {
  readonly element = el("div", { className: "unseen", attributes: { role: "status", "aria-live": "polite" } });

  say(text: string): void {
    // A new element each time, so that the same words are said again.
    this.element.replaceChildren(el("p", { textContent: text }));
  }
}
