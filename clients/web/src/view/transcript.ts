// What was said, as it is said.

import type { Line } from "../live/state.ts";
import type { Announcer } from "./announcer.ts";
import { el } from "./dom.ts";

const NEAR_THE_END_PX = 80;

export class Transcript {
  readonly element: HTMLElement;
  readonly #list = el("ol", { className: "lines" });
  readonly #hint = el("p", { className: "hint empty" });
  readonly #name: string;
  readonly #announcer: Announcer;
  readonly #shown = new Map<number, { line: Line; element: HTMLElement }>();

  constructor(name: string, announcer: Announcer) {
    this.#name = name;
    this.#announcer = announcer;
    this.#hint.textContent = `Say hello to ${name}, or type below.`;
    this.element = el("div", { className: "transcript", tabIndex: 0, attributes: { role: "log", "aria-live": "off", "aria-label": "Transcript" } }, [
      this.#hint,
      this.#list,
    ]);
  }

  update(lines: readonly Line[]): void {
    const near = this.element.scrollHeight - this.element.scrollTop - this.element.clientHeight < NEAR_THE_END_PX;
    this.#hint.hidden = lines.length > 0;
    const kept = new Set(lines.map((line) => line.key));
    for (const [key, { element }] of this.#shown) {
      if (kept.has(key)) continue;
      element.remove();
      this.#shown.delete(key);
    }
    for (const line of lines) this.#line(line);
    if (near) this.element.scrollTop = this.element.scrollHeight;
  }

  #line(line: Line): void {
    const old = this.#shown.get(line.key);
    if (old?.line === line) return;
    const element = old?.element ?? this.#list.appendChild(el("li"));
    element.className = `line ${line.who}${line.final ? "" : " open"}${line.cut ? " cut" : ""}`;
    const who = line.who === "user" ? "You" : this.#name;
    element.replaceChildren(el("span", { className: "unseen", textContent: `${who}: ` }), el("span", { textContent: line.text }));
    this.#shown.set(line.key, { line, element });
    // A voice that is heard needs no second reader; what was heard of the user is worth knowing.
    if (line.final && !old?.line.final && line.who === "user" && !line.typed) this.#announcer.say(`Heard: ${line.text}`);
  }
}
