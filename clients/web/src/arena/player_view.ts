// One side: its picture, its letter, and whether it is the one that is heard.

import { el, icon, iconButton } from "../view/dom.ts";
import { pressed } from "./pressed.ts";
import type { SideName } from "./progress.ts";

export class PlayerView {
  readonly element: HTMLElement;
  readonly video: HTMLVideoElement;
  readonly #enlarge: HTMLButtonElement;

  constructor(side: SideName, events: { toggle(): void; enlarge(): void }) {
    this.video = el("video", { muted: true, playsInline: true, preload: "auto", disablePictureInPicture: true, attributes: { "aria-label": `Clip ${side}` } });
    this.video.addEventListener("loadedmetadata", () => {
      this.element.style.setProperty("--ratio", `${this.video.videoWidth} / ${this.video.videoHeight}`);
    });
    this.video.addEventListener("click", () => events.toggle());
    this.#enlarge = iconButton("enlarge", `Clip ${side} alone, large`, "enlarge");
    pressed(this.#enlarge, () => events.enlarge());
    this.element = el("figure", { className: `clip clip-${side}` }, [
      el("div", { className: "screen" }, [this.video, this.#caption(side), this.#enlarge]),
    ]);
  }

  #caption(side: SideName): HTMLElement {
    const heard = el("span", { className: "heard" }, [icon("sound"), "you hear this one"]);
    return el("figcaption", {}, [el("span", { className: "letter", textContent: side }), heard]);
  }

  set sounding(sounding: boolean) {
    this.element.classList.toggle("sounding", sounding);
  }

  set alone(alone: boolean) {
    this.#enlarge.setAttribute("aria-pressed", String(alone));
  }
}
