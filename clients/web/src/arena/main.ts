// The arena: a welcome, trial after trial, and thanks.

import { Announcer } from "../view/announcer.ts";
import { el, iconButton } from "../view/dom.ts";
import { themeButton } from "../view/theme.ts";
import { Api, Refused } from "./api.ts";
import { Help } from "./help.ts";
import type { Choice, NoTrial, Trial, Vote } from "./messages.ts";
import { raterKey } from "./rater.ts";
import { TrialView } from "./trial_view.ts";
import { CHOICES } from "./words.ts";

const PROMISES = [
  ["Nobody knows who you are.", "No name, no address, no account: this browser makes up a number, and only a scrambled form of it is kept with your answers."],
  ["You do not know who made what.", "Sides are drawn by chance, and now and then both clips are the same, or one of them is wrong on purpose."],
  ["Stop whenever you like.", "Every answer is kept as soon as you give it. Come back to this page and you go on where you were."],
] as const;

class App {
  readonly #place = el("main", { id: "main" });
  readonly #announcer = new Announcer();
  readonly #help = new Help();
  readonly #count = el("span", { className: "count", attributes: { "aria-live": "off" } });
  readonly #notice = el("p", { className: "offline", hidden: true, textContent: "The server does not answer. Your answer is kept here and sent again.", attributes: { role: "status" } });
  readonly #api = new Api(raterKey(), (waits) => (this.#notice.hidden = !waits));
  #view: TrialView | null = null;
  #addresses: string[] = [];

  start(): void {
    const help = iconButton("help", "How to rate, and the keys", "quiet round");
    help.addEventListener("click", () => this.#help.open());
    const brand = el("div", { className: "brand" }, [el("img", { src: ICON, alt: "", width: 28, height: 28 }), el("span", { textContent: "OpenLPM Arena" })]);
    document.getElementById("app")?.replaceChildren(
      el("a", { className: "skip", href: "#main", textContent: "Skip to the content" }),
      el("header", { className: "top" }, [brand, el("div", { className: "row" }, [this.#count, help, themeButton()])]),
      this.#place,
      this.#notice,
      this.#help.element,
      this.#announcer.element,
    );
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("visibilitychange", () => document.hidden && this.#view?.pause());
    this.#welcome();
  }

  #welcome(): void {
    const begin = el("button", { type: "button", className: "primary", textContent: "Begin", on: { click: () => void this.#begin() } });
    const promises = PROMISES.map(([title, text]) => el("li", {}, [el("strong", { textContent: title }), el("span", { textContent: text })]));
    this.#place.replaceChildren(
      el("section", { className: "welcome" }, [
        el("h1", { textContent: "Which of the two is better?" }),
        el("p", { className: "lead", textContent: "You see one character twice, played by two systems. Watch both, then say which is better at what is asked." }),
        el("ul", { className: "promises" }, promises),
        el("div", { className: "row" }, [begin, el("span", { className: "hint", textContent: "Loudspeakers or headphones, please: some questions are about sound." })]),
      ]),
    );
  }

  async #begin(): Promise<void> {
    await this.#guarded(async () => {
      await this.#api.sendPending();
      await this.#next();
    });
  }

  async #next(): Promise<void> {
    this.#view = null;
    this.#place.replaceChildren(el("p", { className: "preparing", textContent: "Preparing two clips …", attributes: { role: "status" } }));
    for (const address of this.#addresses.splice(0)) URL.revokeObjectURL(address);
    const trial = await this.#api.next();
    this.#count.replaceChildren(...(trial.answered === 0 ? [] : [String(trial.answered), el("span", { className: "word", textContent: " answered" })]));
    if (trial.trial === null) this.#thank(trial);
    else await this.#show(trial);
  }

  async #show(trial: Trial): Promise<void> {
    const wanted = [trial.reference, ...trial.sides.flatMap((side) => [side.clip, side.partner])].filter((address) => address !== null);
    const loaded = new Map(await Promise.all(wanted.map(async (address) => [address, await this.#api.load(address)] as const)));
    this.#addresses = [...loaded.values()];
    const view = new TrialView(trial, loaded, this.#announcer, (vote) => void this.#vote(view, vote));
    this.#view = view;
    this.#place.replaceChildren(view.element);
    view.focus();
  }

  async #vote(view: TrialView, vote: Vote): Promise<void> {
    await this.#guarded(async () => {
      try {
        await this.#api.vote(vote);
      } catch (error) {
        view.reopen();
        throw error;
      }
      await this.#next();
    });
  }

  #thank(last: NoTrial): void {
    const told = last.answered === 0 ? "There is nothing to compare here yet." : `You have answered all there is: ${last.answered} pairs. Thank you.`;
    this.#place.replaceChildren(el("section", { className: "welcome" }, [el("h1", { tabIndex: -1, textContent: "That was all" }), el("p", { className: "lead", textContent: told })]));
    this.#place.querySelector("h1")?.focus();
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const told = error instanceof Refused ? error.message : "Something went wrong on this page.";
      const again = el("button", { type: "button", className: "primary small", textContent: "Go on", on: { click: () => void this.#guarded(() => this.#next()) } });
      this.#place.replaceChildren(el("section", { className: "welcome", attributes: { role: "alert" } }, [el("h1", { textContent: "That did not work" }), el("p", { className: "lead", textContent: told }), el("div", { className: "row" }, [again])]));
    }
  }

  #key(event: KeyboardEvent): void {
    const view = this.#view;
    if (view === null || !this.#help.keys || this.#help.element.open || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target instanceof Element ? event.target : null;
    const pressed = event.key === " " || event.key === "Enter";
    // Space and Enter belong to whatever has the focus and wants them.
    if (pressed && target?.closest("button, a, summary") !== null && target !== null) return;
    if (event.key === " " && target?.matches("input[type=radio]:not(:checked), input[type=checkbox]")) return;
    if (this.#does(view, event.key)) event.preventDefault();
  }

  #does(view: TrialView, key: string): boolean {
    const choice = CHOICES.find((each) => each.key === key)?.value;
    const actions: Record<string, () => void> = {
      " ": () => view.toggle(),
      Enter: () => view.goOn(),
      r: () => view.restart(),
      h: () => view.halfSpeed(),
      m: () => view.nextSound(),
    };
    const action = choice === undefined ? actions[key.length === 1 ? key.toLowerCase() : key] : (): void => view.choose(choice satisfies Choice);
    action?.();
    return action !== undefined;
  }
}

new App().start();
