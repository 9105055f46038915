// A trial: what is asked, two clips in step, what belongs to them, and the answers.

import type { Announcer } from "../view/announcer.ts";
import { el, icon, iconButton } from "../view/dom.ts";
import { Answers } from "./answers.ts";
import type { Choice, Trial, Vote } from "./messages.ts";
import { PlayerView } from "./player_view.ts";
import { Players } from "./players.ts";
import { pressed } from "./pressed.ts";
import { Progress, SIDES, type SideName } from "./progress.ts";
import { Timeline } from "./voices.ts";
import { wordsFor } from "./words.ts";

type Loaded = ReadonlyMap<string, string>;

export class TrialView {
  readonly element: HTMLElement;
  readonly #trial: Trial;
  readonly #announcer: Announcer;
  readonly #views: Record<SideName, PlayerView>;
  readonly #players: Players;
  readonly #timeline = new Timeline((share) => this.#players.seek(share * this.#players.length_s));
  readonly #answers: Answers;
  readonly #heading = el("h1", { tabIndex: -1 });
  readonly #play = iconButton("play", "Play", "primary round play");
  readonly #sound: Map<SideName | null, HTMLInputElement> = new Map();
  readonly #half = el("button", { type: "button", className: "secondary speed", textContent: "½×", title: "Half speed (H)", attributes: { "aria-pressed": "false", "aria-label": "Half speed" } });
  readonly #next = el("button", { type: "submit", className: "primary next", disabled: true, textContent: "Next" });
  readonly #todo = el("p", { className: "todo" });
  readonly #partners: Partial<Record<SideName, HTMLVideoElement>> = {};
  readonly #needsSound: boolean;
  #progress = new Progress({ A: 1, B: 1 });
  #began_ms: number | null = null;
  #open = false;
  #done = false;

  /** `loaded` has the addresses of the clips within the page. */
  constructor(trial: Trial, loaded: Loaded, announcer: Announcer, voted: (vote: Vote) => void) {
    this.#trial = trial;
    this.#announcer = announcer;
    this.#needsSound = trial.questions.some((question) => wordsFor(question, trial.track).needsSound);
    this.#views = { A: this.#view("A"), B: this.#view("B") };
    this.#answers = new Answers(trial.questions, trial.track, () => this.#update());
    const aside = this.#aside(loaded);
    SIDES.forEach((side, index) => {
      const address = trial.sides[index]?.clip;
      if (address !== undefined) this.#views[side].video.src = loaded.get(address) ?? address;
    });
    const main = { A: this.#views.A.video, B: this.#views.B.video };
    this.#players = new Players(main, Object.values(this.#partners), { passed: (seconds) => this.#passed(seconds), changed: () => this.#update() });
    for (const side of SIDES) main[side].addEventListener("loadedmetadata", () => this.#measured());
    pressed(this.#half, () => this.halfSpeed());
    pressed(this.#play, () => this.toggle());
    this.element = el("form", { className: "trial", on: { submit: (event) => this.#submit(event, voted) } }, [
      this.#intro(),
      el("div", { className: aside === null ? "pair" : "pair with-aside" }, [this.#views.A.element, aside, this.#views.B.element]),
      this.#controls(),
      el("div", { className: "verdict" }, [this.#answers.element, el("div", { className: "go-on" }, [this.#todo, this.#next])]),
    ]);
    this.#timeline.draw(trial.sides[0]);
    this.#players.sound = null;
  }

  focus(): void {
    this.#heading.focus();
    this.#announcer.say(`New pair. ${this.#heading.textContent ?? ""}`);
  }

  toggle(): void {
    if (this.#players.playing) {
      this.#players.pause();
      return;
    }
    this.#began_ms ??= performance.now();
    // Who wants to hear both need not think of it: a new round takes the side that was not heard yet.
    const sound = this.#players.sound;
    const ended = this.#players.position_s >= this.#players.length_s - 0.05;
    const other = sound === "A" ? "B" : "A";
    if (sound !== null && ended && this.#progress.heard(sound) && !this.#progress.heard(other)) this.hear(other);
    void this.#players.play();
  }

  restart(): void {
    this.#began_ms ??= performance.now();
    void this.#players.restart();
  }

  halfSpeed(): void {
    this.#players.rate = this.#players.rate === 1 ? 0.5 : 1;
    this.#announcer.say(this.#players.rate === 1 ? "Full speed" : "Half speed");
  }

  hear(sound: SideName | null): void {
    this.#players.sound = sound;
    this.#timeline.draw(this.#trial.sides[sound === "B" ? 1 : 0]);
    this.#announcer.say(sound === null ? "Sound off" : `Sound of ${sound}`);
  }

  nextSound(): void {
    this.hear(this.#players.sound === null ? "A" : this.#players.sound === "A" ? "B" : null);
  }

  choose(choice: Choice): void {
    this.#answers.choose(choice);
  }

  goOn(): void {
    if (!this.#next.disabled) this.#next.click();
  }

  pause(): void {
    this.#players.pause();
  }

  /** The answer could not be kept: it may be given again. */
  reopen(): void {
    this.#done = false;
    this.#update();
  }

  #view(side: SideName): PlayerView {
    return new PlayerView(side, { toggle: () => this.toggle(), enlarge: () => this.#enlarge(side) });
  }

  #intro(): HTMLElement {
    const words = this.#trial.questions.map((question) => wordsFor(question, this.#trial.track));
    const [first] = words;
    const alone = words.length === 1 && first !== undefined;
    this.#heading.textContent = alone ? first.ask : "Compare the two performances";
    const hint = alone ? first.hint : words.map((each) => each.hint).join(" ");
    const instruction = this.#trial.instruction;
    const told = el("p", { className: "instruction" }, [el("span", { className: "label", textContent: "Asked for" }), instruction]);
    return el("header", { className: "intro" }, [
      el("p", { className: "topic", textContent: words.map((each) => each.title).join(" · ") }),
      this.#heading,
      el("p", { className: "hint", textContent: hint }),
      instruction === "" ? null : told,
    ]);
  }

  /** The picture to compare with, and whom the character hears. */
  #aside(loaded: Loaded): HTMLElement | null {
    const { reference, track, sides } = this.#trial;
    const parts: HTMLElement[] = [];
    if (reference !== null) {
      const picture = el("img", { src: loaded.get(reference) ?? reference, alt: "The character as it should look" });
      parts.push(el("figure", { className: "reference" }, [picture, el("figcaption", { textContent: "Should look like" })]));
    }
    if (track === "L" || track === "C") {
      SIDES.forEach((side, index) => {
        const address = sides[index]?.partner;
        if (address === null || address === undefined) return;
        const video = el("video", { src: loaded.get(address) ?? address, muted: true, playsInline: true, preload: "auto", attributes: { "aria-label": "The partner" } });
        video.muted = true;
        this.#partners[side] = video;
      });
      const shown = Object.values(this.#partners);
      const screen = shown.length > 0 ? shown : [el("div", { className: "only-heard" }, [icon("voice"), el("span", { textContent: "only heard" })])];
      parts.push(el("figure", { className: "partner" }, [...screen, el("figcaption", { textContent: "Partner" })]));
    }
    return parts.length === 0 ? null : el("aside", { attributes: { "aria-label": "What belongs to the clips" } }, parts);
  }

  #controls(): HTMLElement {
    const again = iconButton("again", "From the beginning (R)", "secondary round");
    pressed(again, () => this.restart());
    const options = ([[null, "Off"], ["A", "A"], ["B", "B"]] as const).map(([value, label]) => {
      const input = el("input", { type: "radio", name: "sound", value: value ?? "off", className: "unseen", on: { change: () => this.hear(value) } });
      this.#sound.set(value, input);
      return el("label", { className: "mode" }, [input, el("span", { textContent: label })]);
    });
    const sound = el("div", { className: "modes", attributes: { role: "radiogroup", "aria-label": "Sound" } }, [icon("sound"), ...options]);
    return el("div", { className: "bar", attributes: { role: "group", "aria-label": "Playing" } }, [this.#play, again, this.#timeline.element, this.#half, sound]);
  }

  #enlarge(side: SideName): void {
    const shown = this.element.dataset["alone"];
    if (shown === side) delete this.element.dataset["alone"];
    else this.element.dataset["alone"] = side;
    for (const each of SIDES) this.#views[each].alone = this.element.dataset["alone"] === each;
    if (shown !== side && this.#players.sound !== null) this.hear(side);
  }

  #measured(): void {
    const seconds = { A: this.#views.A.video.duration || 1, B: this.#views.B.video.duration || 1 };
    this.#progress = new Progress(seconds);
    this.#update();
  }

  #passed(seconds: number): void {
    this.#progress.passed(seconds, this.#players.sound);
    this.#update();
  }

  #update(): void {
    const { playing, rate, sound } = this.#players;
    const label = playing ? "Pause" : "Play";
    if (this.#play.title !== label) {
      this.#play.replaceChildren(icon(playing ? "pause" : "play"));
      this.#play.title = label;
      this.#play.setAttribute("aria-label", label);
    }
    this.#half.setAttribute("aria-pressed", String(rate !== 1));
    for (const [value, input] of this.#sound) input.checked = value === sound;
    for (const side of SIDES) {
      this.#views[side].sounding = side === sound;
      const partner = this.#partners[side];
      if (partner) partner.hidden = side !== (sound ?? "A");
    }
    this.#timeline.show(this.#players.position_s, this.#players.length_s);
    this.#openUp();
  }

  #openUp(): void {
    const missing = this.#progress.missing(this.#needsSound);
    const open = missing === null;
    if (open && !this.#open) this.#announcer.say("You can answer now.");
    this.#open = open;
    this.#answers.open = open && !this.#done;
    this.#todo.textContent = missing ?? (this.#answers.complete ? "" : "Your answer?");
    this.#next.disabled = !open || !this.#answers.complete || this.#done;
  }

  #submit(event: Event, voted: (vote: Vote) => void): void {
    event.preventDefault();
    if (this.#next.disabled) return;
    this.#done = true;
    this.#players.pause();
    const ms = Math.round(performance.now() - (this.#began_ms ?? performance.now()));
    voted({ trial: this.#trial.trial, answers: this.#answers.given, replays: this.#players.replays, ms });
  }
}
