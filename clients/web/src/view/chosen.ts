// The chosen character, large, and the button that starts.

import type { Character } from "../live/messages.ts";
import { el, icon } from "./dom.ts";

export class Chosen {
  readonly element: HTMLElement;
  character: Character | null = null;
  readonly #portrait = el("img", { alt: "", width: 256, height: 256, className: "portrait" });
  readonly #name = el("h2", { className: "who" });
  readonly #about = el("p", { className: "about" });
  readonly #start = el("button", { type: "submit", className: "primary", disabled: true }, [icon("microphone"), el("span", { textContent: "Start talking" })]);

  constructor() {
    const words = el("div", { className: "words" }, [this.#name, this.#about]);
    const note = el("p", { className: "note", textContent: "Starting asks for your microphone. You can also just type." });
    this.element = el("aside", { className: "chosen", attributes: { "aria-label": "Chosen character" } }, [
      this.#portrait,
      words,
      this.#start,
      note,
    ]);
  }

  show(character: Character): void {
    this.character = character;
    this.#portrait.src = character.picture;
    this.#name.textContent = character.name;
    this.#about.textContent = character.about;
    this.#start.disabled = false;
    this.#start.setAttribute("aria-label", `Start talking with ${character.name}`);
  }
}
