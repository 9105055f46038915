// The questions of a trial and the answers to them: radio buttons, so that every keyboard and reader knows them.

import { el } from "../view/dom.ts";
import type { Choice, Question, Track } from "./messages.ts";
import { CHOICES, wordsFor } from "./words.ts";

export class Answers {
  readonly element: HTMLElement;
  readonly #sets = new Map<Question, HTMLFieldSetElement>();
  readonly #changed: () => void;

  constructor(questions: readonly Question[], track: Track, changed: () => void) {
    this.#changed = changed;
    const alone = questions.length === 1;
    this.element = el("div", { className: "answers" }, questions.map((question) => this.#set(question, track, alone)));
  }

  get given(): Partial<Record<Question, Choice>> {
    const found: Partial<Record<Question, Choice>> = {};
    for (const [question, set] of this.#sets) {
      const checked = set.querySelector<HTMLInputElement>("input:checked");
      if (checked) found[question] = checked.value as Choice;
    }
    return found;
  }

  get complete(): boolean {
    return Object.keys(this.given).length === this.#sets.size;
  }

  set open(open: boolean) {
    for (const set of this.#sets.values()) if (set.disabled === open) set.disabled = !open;
  }

  /** Answers the question that has the focus, else the first without an answer, else the last. */
  choose(choice: Choice): void {
    const sets = [...this.#sets.values()];
    const set =
      sets.find((each) => each.contains(document.activeElement)) ?? sets.find((each) => !each.querySelector("input:checked")) ?? sets.at(-1);
    const input = set?.querySelector<HTMLInputElement>(`input[value="${choice}"]`);
    if (!input || set?.disabled) return;
    input.checked = true;
    if (document.activeElement instanceof HTMLInputElement && document.activeElement.type === "radio") document.activeElement.blur();
    this.#changed();
  }

  #set(question: Question, track: Track, alone: boolean): HTMLFieldSetElement {
    const words = wordsFor(question, track);
    const choices = CHOICES.map(({ value, label, key }) => {
      const input = el("input", { type: "radio", name: question, value, className: "unseen", on: { change: () => this.#changed() } });
      return el("label", { className: `choice choice-${value}` }, [
        input,
        el("span", { textContent: label }),
        el("kbd", { textContent: key, attributes: { "aria-hidden": "true" } }),
      ]);
    });
    const legend = el("legend", { className: alone ? "unseen" : "", textContent: words.ask });
    const set = el("fieldset", { className: "question-set", disabled: true }, [legend, el("div", { className: "choices" }, choices)]);
    this.#sets.set(question, set);
    return set;
  }
}
