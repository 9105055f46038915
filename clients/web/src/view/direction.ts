// How the character is to be: its mood, how strongly, and words about its behaviour.

import { PROMPT_LIMIT, type ClientMessage } from "../live/messages.ts";
import { el } from "./dom.ts";
import { capital } from "./gallery.ts";

const SETTLED_MS = 150;

export class Direction {
  readonly element: HTMLElement;
  readonly #send: (message: ClientMessage) => void;
  readonly #mood = el("select", { id: "mood" });
  readonly #strength = el("input", { type: "range", id: "strength", min: "0", max: "1", step: "0.05", value: "1" });
  readonly #prompt = el("input", { type: "text", id: "prompt", maxLength: PROMPT_LIMIT, placeholder: "leans in, amused, nods often", autocomplete: "off" });
  #settling = 0;
  #prompted = "";
  #moved = false;
  #told: { name: string; intensity: number } | null = null;

  constructor(emotions: readonly string[], send: (message: ClientMessage) => void) {
    this.#send = send;
    this.#mood.append(...emotions.map((name) => el("option", { value: name, textContent: capital(name) })));
    for (const control of [this.#mood, this.#strength]) control.addEventListener("input", () => this.#feel());
    const submit = (event: Event): void => {
      event.preventDefault();
      this.#ask();
    };
    this.#prompt.addEventListener("change", () => this.#ask());
    this.element = el("form", { className: "direction", attributes: { "aria-label": "Direction" }, on: { submit } }, [
      el("div", { className: "field mood" }, [el("label", { htmlFor: "mood", textContent: "Mood" }), this.#mood]),
      el("div", { className: "field" }, [el("label", { htmlFor: "strength", textContent: "Strength" }), this.#strength]),
      el("div", { className: "field wide" }, [el("label", { htmlFor: "prompt", textContent: "Behaviour" }), this.#prompt]),
    ]);
    this.#strengthOf(1);
  }

  /** The agent may change the mood, too; a hand on the slider wins. */
  update(emotion: { name: string; intensity: number }): void {
    if (this.#settling !== 0 || emotion === this.#told) return;
    this.#told = emotion;
    this.#mood.value = emotion.name;
    this.#strengthOf(emotion.intensity);
  }

  /** What a new session must be told again. */
  get wishes(): ClientMessage[] {
    const wishes: ClientMessage[] = [];
    if (this.#moved) wishes.push(this.#emotion());
    if (this.#prompted !== "") wishes.push({ type: "prompt", text: this.#prompted });
    return wishes;
  }

  #feel(): void {
    this.#moved = true;
    this.#strengthOf(this.#strength.valueAsNumber);
    clearTimeout(this.#settling);
    this.#settling = window.setTimeout(() => {
      this.#settling = 0;
      this.#send(this.#emotion());
    }, SETTLED_MS);
  }

  #emotion(): ClientMessage {
    return { type: "emotion", name: this.#mood.value, intensity: this.#strength.valueAsNumber };
  }

  #ask(): void {
    const text = this.#prompt.value.trim();
    if (text === this.#prompted) return;
    this.#prompted = text;
    this.#send({ type: "prompt", text });
  }

  #strengthOf(intensity: number): void {
    this.#strength.value = String(intensity);
    this.#strength.style.setProperty("--part", `${Math.round(100 * intensity)}%`);
    this.#strength.setAttribute("aria-valuetext", `${Math.round(100 * intensity)} percent`);
  }
}
