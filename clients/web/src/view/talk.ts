// The second view: the picture, what is said, and what one can do.

import type { Measured } from "../live/call.ts";
import { endingFor } from "../live/failures.ts";
import type { Character, ClientMessage } from "../live/messages.ts";
import type { Conversation } from "../live/state.ts";
import type { Announcer } from "./announcer.ts";
import { Composer } from "./composer.ts";
import { Controls, type ControlEvents } from "./controls.ts";
import { Direction } from "./direction.ts";
import { el } from "./dom.ts";
import { NumbersPanel } from "./numbers.ts";
import { StageView } from "./stage.ts";
import { Transcript } from "./transcript.ts";

export interface TalkEvents extends ControlEvents {
  send(message: ClientMessage): void;
  again(): void;
  quiet(): void;
}

const NOTICE_MS = 9000;

export class TalkView {
  readonly element: HTMLElement;
  readonly stage: StageView;
  readonly controls: Controls;
  readonly direction: Direction;
  readonly #transcript: Transcript;
  readonly #composer: Composer;
  readonly #numbers = new NumbersPanel();
  readonly #notice = el("div", { className: "notice", hidden: true, attributes: { role: "status" } });
  readonly #again = el("div", { className: "again", hidden: true });
  readonly #againText = el("p");
  readonly #againButton: HTMLButtonElement;
  readonly #events: TalkEvents;
  #noticed = 0;
  #quiet = 0;

  constructor(character: Character, emotions: readonly string[], events: TalkEvents, announcer: Announcer, canRecord: boolean) {
    this.#events = events;
    this.stage = new StageView(character.name, character.picture, el("div", { className: "news" }, [this.#notice, this.#again]));
    this.controls = new Controls(events, canRecord);
    this.direction = new Direction(emotions, (message) => events.send(message));
    this.#transcript = new Transcript(character.name, announcer);
    this.#composer = new Composer(character.name, (message) => events.send(message));
    this.#againButton = el("button", { type: "button", className: "primary small", on: { click: () => events.again() } });
    this.#again.append(this.#againText, this.#againButton);
    this.#again.setAttribute("role", "alert");
    this.element = el("div", { className: "talk" }, [
      el("section", { className: "show", attributes: { "aria-label": "Character" } }, [this.stage.element, this.controls.element]),
      el("section", { className: "side", attributes: { "aria-label": "Conversation" } }, [
        this.#transcript.element,
        this.#composer.element,
        el("details", { className: "directing", open: matchMedia("(min-width: 60rem)").matches }, [
          el("summary", { textContent: "Direction" }),
          this.direction.element,
        ]),
        this.#numbers.element,
      ]),
    ]);
  }

  /** `retry_s`: when the page tries again by itself; null if it does not. */
  update(now: Conversation, retry_s: number | null): void {
    this.stage.update(now);
    this.#transcript.update(now.lines);
    this.direction.update(now.emotion);
    const live = now.phase === "live";
    this.controls.live = live;
    this.controls.speaking = now.activity === "speak" || now.activity === "both";
    this.#composer.disabled = !live;
    this.#ended(now, retry_s);
    this.#say(now);
  }

  measure(now: Conversation, measured: Measured): void {
    this.#numbers.update(now, measured);
  }

  focus(): void {
    this.stage.element.querySelector("h1")?.focus();
  }

  #ended(now: Conversation, retry_s: number | null): void {
    const ended = now.phase === "lost" || now.phase === "over";
    this.#again.hidden = !ended;
    if (!ended) return;
    const text = now.phase === "lost" ? "The connection was lost." : endingFor(now.ending ?? "closed");
    if (this.#againText.textContent !== text) this.#againText.textContent = text;
    const label = now.phase === "lost" ? "Reconnect" : "Start again";
    this.#againButton.textContent = retry_s === null ? label : `${label} (${Math.ceil(retry_s)})`;
  }

  #say(now: Conversation): void {
    const { notice } = now;
    if (notice === null) this.#notice.hidden = true;
    if (notice === null || notice.key === this.#noticed) return;
    this.#noticed = notice.key;
    this.#notice.hidden = false;
    this.#notice.className = `notice ${notice.tone}`;
    this.#notice.textContent = notice.text;
    clearTimeout(this.#quiet);
    this.#quiet = window.setTimeout(() => this.#events.quiet(), NOTICE_MS);
  }
}
