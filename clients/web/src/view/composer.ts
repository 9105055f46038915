// The text box: the character answers what is asked, or says what it is told.

import { SAY_LIMIT, type ClientMessage } from "../live/messages.ts";
import { el, iconButton } from "./dom.ts";

type Mode = "ask" | "say";

export class Composer {
  readonly element: HTMLElement;
  readonly #send: (message: ClientMessage) => void;
  readonly #text = el("textarea", { rows: 1, maxLength: SAY_LIMIT, attributes: { enterkeyhint: "send" } });
  readonly #name: string;
  #mode: Mode = "ask";

  constructor(name: string, send: (message: ClientMessage) => void) {
    this.#name = name;
    this.#send = send;
    const button = iconButton("send", "Send", "primary round");
    button.type = "submit";
    const modes = el("div", { className: "modes", attributes: { role: "radiogroup", "aria-label": "What happens with your words" } }, [
      this.#choice("ask", "Ask"),
      this.#choice("say", "Make it say"),
    ]);
    this.#text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener("input", () => this.#grow());
    const submit = (event: Event): void => {
      event.preventDefault();
      this.#submit();
    };
    this.element = el("form", { className: "composer", on: { submit } }, [modes, el("div", { className: "box" }, [this.#text, button])]);
    this.#choose("ask");
  }

  set disabled(disabled: boolean) {
    for (const field of this.element.querySelectorAll<HTMLTextAreaElement | HTMLButtonElement>("textarea, button")) field.disabled = disabled;
  }

  focus(): void {
    this.#text.focus();
  }

  #choice(mode: Mode, label: string): HTMLElement {
    const input = el("input", { type: "radio", name: "mode", value: mode, className: "unseen", checked: mode === this.#mode });
    input.addEventListener("change", () => this.#choose(mode));
    return el("label", { className: "mode" }, [input, el("span", { textContent: label })]);
  }

  #choose(mode: Mode): void {
    this.#mode = mode;
    const hint = mode === "ask" ? `Ask ${this.#name} something` : `Words for ${this.#name} to say`;
    this.#text.placeholder = hint;
    this.#text.setAttribute("aria-label", hint);
  }

  #submit(): void {
    const text = this.#text.value.trim();
    if (text === "") return;
    this.#send({ type: this.#mode, text });
    this.#text.value = "";
    this.#grow();
  }

  #grow(): void {
    this.#text.style.height = "auto";
    this.#text.style.height = `${Math.min(this.#text.scrollHeight, 140)}px`;
  }
}
