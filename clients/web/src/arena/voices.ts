// The voices as a line of time: the character above, the partner below, and where the clips are.

import { el } from "../view/dom.ts";
import type { Side } from "./messages.ts";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 960;
const HALF = 28;

export class Timeline {
  readonly element: HTMLElement;
  readonly #range = el("input", { type: "range", min: "0", max: "1000", value: "0", attributes: { "aria-label": "Position in the clips", step: "1" } });
  readonly #drawing = el("div", { className: "voices", attributes: { "aria-hidden": "true" } });
  readonly #time = el("span", { className: "time" });

  constructor(seek: (share: number) => void) {
    this.#range.addEventListener("input", () => seek(Number(this.#range.value) / 1000));
    this.element = el("div", { className: "timeline" }, [this.#drawing, this.#range, this.#time]);
  }

  draw(side: Side): void {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${2 * HALF}`);
    svg.setAttribute("preserveAspectRatio", "none");
    const both = side.own_voice.length > 0 && side.partner_voice.length > 0;
    for (const [name, levels, sign] of [["own", side.own_voice, -1], ["partner", side.partner_voice, 1]] as const) {
      if (levels.length === 0) continue;
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", name);
      path.setAttribute("d", bars(levels, both ? sign : 0));
      svg.append(path);
    }
    this.#drawing.replaceChildren(svg);
  }

  show(position_s: number, length_s: number): void {
    const share = length_s > 0 ? Math.min(1, position_s / length_s) : 0;
    this.#range.value = String(Math.round(1000 * share));
    this.#range.setAttribute("aria-valuetext", `${position_s.toFixed(1)} of ${length_s.toFixed(1)} seconds`);
    this.element.style.setProperty("--share", share.toFixed(4));
    this.#time.textContent = `${position_s.toFixed(1)} / ${length_s.toFixed(1)} s`;
  }
}

/** Bars about the middle (sign 0), or from it up or down. */
function bars(levels: readonly number[], sign: -1 | 0 | 1): string {
  const step = WIDTH / levels.length;
  return levels
    .map((level, index) => {
      const x = (index + 0.5) * step;
      const reach = Math.max(1, level * (HALF - 3));
      if (sign === 0) return `M${x.toFixed(1)} ${(HALF - reach).toFixed(1)}V${(HALF + reach).toFixed(1)}`;
      return `M${x.toFixed(1)} ${HALF + 3 * sign}V${(HALF + sign * (3 + reach)).toFixed(1)}`;
    })
    .join("");
}
