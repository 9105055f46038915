// Microphone, interruption, recording, leaving.

import { el, icon, iconButton } from "./dom.ts";

export interface ControlEvents {
  microphone(): void;
  interrupt(): void;
  record(): void;
  leave(): void;
}

export type MicrophoneState = "off" | "on" | "muted";

const WORDS: Record<MicrophoneState, string> = { off: "Turn the microphone on", on: "Mute (M)", muted: "Unmute (M)" };

export class Controls {
  readonly element: HTMLElement;
  readonly #microphone = iconButton("muted", WORDS.off, "control microphone");
  readonly #interrupt = iconButton("stop", "Interrupt (Escape)", "control");
  readonly #record = iconButton("record", "Record", "control record");
  readonly #time = el("span", { className: "time", hidden: true, attributes: { "aria-hidden": "true" } });
  #state: MicrophoneState = "off";

  constructor(events: ControlEvents, canRecord: boolean) {
    const leave = iconButton("leave", "Leave", "control leave");
    this.#microphone.addEventListener("click", () => events.microphone());
    this.#interrupt.addEventListener("click", () => events.interrupt());
    this.#record.addEventListener("click", () => events.record());
    leave.addEventListener("click", () => events.leave());
    this.#record.hidden = !canRecord;
    this.#record.append(this.#time);
    this.element = el("div", { className: "controls", attributes: { role: "group", "aria-label": "Conversation" } }, [
      this.#microphone,
      this.#interrupt,
      this.#record,
      leave,
    ]);
  }

  set microphone(state: MicrophoneState) {
    if (state === this.#state) return;
    this.#state = state;
    this.#microphone.replaceChildren(icon(state === "on" ? "microphone" : "muted"));
    this.#microphone.dataset["state"] = state;
    this.#microphone.title = WORDS[state];
    this.#microphone.setAttribute("aria-label", WORDS[state]);
  }

  level(level: number): void {
    this.#microphone.style.setProperty("--level", level.toFixed(2));
  }

  set live(live: boolean) {
    for (const button of [this.#microphone, this.#interrupt, this.#record]) button.disabled = !live;
  }

  set speaking(speaking: boolean) {
    this.#interrupt.classList.toggle("wanted", speaking);
  }

  /** Seconds of the running recording; null when none runs. */
  recording(seconds: number | null): void {
    const on = seconds !== null;
    const label = on ? "Stop recording and save" : "Record";
    if (this.#record.title !== label) {
      this.#record.title = label;
      this.#record.setAttribute("aria-label", label);
      this.#record.setAttribute("aria-pressed", String(on));
      this.#time.hidden = !on;
    }
    if (on) this.#time.textContent = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  }
}
