// The big picture: its state is a ring of light that breathes with the voice, and a sign.

import type { Activity } from "../live/messages.ts";
import type { Conversation } from "../live/state.ts";
import { Painter, type Picture } from "../media/painter.ts";
import { LABEL } from "../media/recording.ts";
import { el, icon, type ICONS } from "./dom.ts";

const SIGNS: Record<Activity, { icon: keyof typeof ICONS; words: string }> = {
  idle: { icon: "rest", words: "waiting" },
  listen: { icon: "ear", words: "listening" },
  speak: { icon: "voice", words: "speaking" },
  both: { icon: "voice", words: "speaking and listening" },
};

const INTERRUPTED_MS = 900;

export class StageView {
  readonly element: HTMLElement;
  readonly canvas = el("canvas", { className: "picture", width: 256, height: 256, attributes: { role: "img" } });
  readonly video = el("video", { playsInline: true, className: "source", attributes: { "aria-hidden": "true", tabindex: "-1" } });
  readonly #poster: HTMLImageElement;
  readonly #sign = el("div", { className: "sign" });
  readonly #veil = el("div", { className: "veil" });
  readonly #painter: Painter;
  #interrupted = 0;
  #shown = false;
  #signed = "";

  /** `news` is laid over the lower end of the picture. */
  constructor(name: string, picture: string, news: HTMLElement) {
    this.#poster = el("img", { className: "poster", src: picture, alt: "" });
    this.canvas.setAttribute("aria-label", `${name}, live`);
    this.#painter = new Painter(this.canvas);
    this.element = el("div", { className: "stage", attributes: { "data-activity": "idle" } }, [
      el("div", { className: "frame" }, [
        this.#poster,
        this.video,
        this.canvas,
        this.#veil,
        el("span", { className: "made-by", textContent: LABEL }),
        this.#sign,
        el("h1", { className: "name", textContent: name, tabIndex: -1 }),
        news,
      ]),
    ]);
  }

  paint(picture: Picture): void {
    this.#painter.draw(picture);
    if (!this.#shown) this.element.classList.add("shown");
    this.#shown = true;
  }

  /** Loudness of both, 0 to 1. */
  level(voice: number, microphone: number): void {
    const speaking = this.element.dataset["activity"] !== "listen";
    this.element.style.setProperty("--level", (speaking ? voice : microphone).toFixed(2));
  }

  update(now: Conversation): void {
    this.element.dataset["activity"] = now.activity;
    this.element.dataset["phase"] = now.phase;
    if (now.phase !== "live") {
      this.#shown = false;
      this.element.classList.remove("shown");
    }
    if (now.interrupted > this.#interrupted) this.#interrupt();
    this.#interrupted = now.interrupted;
    const interrupted = this.element.classList.contains("interrupted");
    const { icon: name, words } = interrupted ? { icon: "hand" as const, words: "interrupted" } : SIGNS[now.activity];
    if (words !== this.#signed) this.#sign.replaceChildren(icon(name), el("span", { className: "unseen", textContent: words }));
    this.#signed = words;
    this.#sign.title = words;
    this.#veil.textContent = VEILS[now.phase];
  }

  #interrupt(): void {
    this.element.classList.remove("interrupted");
    void this.element.offsetWidth; // lets the animation begin again
    this.element.classList.add("interrupted");
    setTimeout(() => this.element.classList.remove("interrupted"), INTERRUPTED_MS);
  }
}

const VEILS: Record<Conversation["phase"], string> = {
  connecting: "Connecting…",
  live: "",
  lost: "",
  over: "",
};
