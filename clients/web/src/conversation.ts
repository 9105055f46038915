// Runs one conversation: sound, microphone, call and recording behind the second view.

import type { Api } from "./live/api.ts";
import { Call } from "./live/call.ts";
import { adviceFor, type Advice } from "./live/failures.ts";
import type { Character, ClientMessage } from "./live/messages.ts";
import { begin, reduce, type Change, type Conversation as State } from "./live/state.ts";
import { Microphone, PROBLEMS } from "./media/microphone.ts";
import type { Picture } from "./media/painter.ts";
import type { Sound } from "./media/sound.ts";
import type { Announcer } from "./view/announcer.ts";
import { Recorder } from "./recorder.ts";
import { TalkView } from "./view/talk.ts";

const RETRIES_S = [1, 3, 8];

export interface ConversationEvents {
  left(): void;
  /** There is no conversation to be had now; nothing is running any more. */
  failed(advice: Advice): void;
}

export class Conversation {
  readonly view: TalkView;
  readonly #api: Api;
  readonly #sound: Sound;
  readonly #events: ConversationEvents;
  readonly #recorder: Recorder;
  readonly #ticking: number;
  #state: State;
  #call: Call;
  #microphone: Microphone | null = null;
  #tries = 0;
  #retryAt_ms: number | null = null;
  #meters = 0;
  #closed = false;

  constructor(api: Api, sound: Sound, character: Character, emotions: readonly string[], announcer: Announcer, events: ConversationEvents) {
    this.#api = api;
    this.#sound = sound;
    this.#events = events;
    this.#state = begin(character);
    this.view = new TalkView(character, emotions, {
      microphone: () => void this.#toggleMicrophone(),
      interrupt: () => this.#send({ type: "interrupt" }),
      record: () => void this.#recorder.toggle(),
      leave: () => this.leave(),
      send: (message) => this.#send(message),
      again: () => void this.#reconnect(),
      quiet: () => this.#change({ kind: "quiet" }),
    }, announcer, Recorder.possible);
    this.#recorder = new Recorder(this.view.stage.canvas, sound, character.name);
    this.#call = this.#newCall();
    this.#ticking = window.setInterval(() => this.#tick(), 250);
    this.#meters = requestAnimationFrame(this.#meter);
    document.addEventListener("keydown", this.#key);
    this.view.update(this.#state, null);
  }

  /** The first part of it runs inside the gesture: sound and video may play, the microphone is asked for. */
  async start(): Promise<void> {
    this.view.stage.video.play().catch(() => undefined); // nothing to play yet; it counts as allowed
    const opened = Microphone.open(this.#sound);
    const microphone = await opened;
    if (this.#closed) return typeof microphone === "string" ? undefined : microphone.close();
    if (typeof microphone === "string") this.#change({ kind: "notice", tone: "calm", text: PROBLEMS[microphone] });
    else this.#microphone = microphone;
    this.#showMicrophone();
    await this.#open();
  }

  leave(): void {
    this.close();
    this.#events.left();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#ticking);
    cancelAnimationFrame(this.#meters);
    document.removeEventListener("keydown", this.#key);
    this.#call.close();
    this.#microphone?.close();
    // What was recorded so far is kept.
    void this.#recorder.stop().finally(() => this.#sound.close());
  }

  #newCall(): Call {
    const { video } = this.view.stage;
    const call: Call = new Call(this.#api, this.#sound, { video, show: (picture) => this.#show(picture) }, (change) => {
      if (call === this.#call) this.#change(change);
    });
    return call;
  }

  async #open(): Promise<void> {
    const first: ClientMessage[] = this.view.direction.wishes;
    try {
      await this.#call.open(this.#state.character, this.#microphone, first);
    } catch (error) {
      if (this.#closed) return;
      if (this.#tries > 0) return this.#change({ kind: "phase", phase: "lost" });
      this.close();
      this.#events.failed(adviceFor(error));
    }
  }

  async #reconnect(): Promise<void> {
    this.#retryAt_ms = null;
    this.#tries += 1;
    this.#call.close();
    this.#call = this.#newCall();
    this.#change({ kind: "phase", phase: "connecting" });
    await this.#open();
  }

  #send(message: ClientMessage): void {
    this.#call.send(message);
    if (message.type === "ask") this.#change({ kind: "typed", text: message.text });
  }

  #change(change: Change): void {
    if (this.#closed) return;
    const before = this.#state.phase;
    this.#state = reduce(this.#state, change);
    const { phase } = this.#state;
    if (phase === "live") this.#tries = 0;
    if (phase === "lost" && before !== "lost") {
      const wait_s = RETRIES_S[this.#tries];
      this.#retryAt_ms = wait_s === undefined ? null : performance.now() + 1000 * wait_s;
    }
    this.view.update(this.#state, this.#retry_s);
  }

  get #retry_s(): number | null {
    return this.#retryAt_ms === null ? null : (this.#retryAt_ms - performance.now()) / 1000;
  }

  #tick(): void {
    const retry_s = this.#retry_s;
    if (retry_s !== null && retry_s <= 0) return void this.#reconnect();
    if (retry_s !== null) this.view.update(this.#state, retry_s);
    this.view.measure(this.#state, this.#call.measured());
    this.view.controls.recording(this.#recorder.seconds);
  }

  readonly #meter = (): void => {
    this.#meters = requestAnimationFrame(this.#meter);
    const heard = this.#microphone?.level() ?? 0;
    this.view.controls.level(heard);
    this.view.stage.level(this.#sound.meter.level(), heard);
  };

  #show(picture: Picture): void {
    this.view.stage.paint(picture);
    this.#recorder.picture();
  }

  async #toggleMicrophone(): Promise<void> {
    if (this.#microphone) {
      this.#microphone.on = !this.#microphone.on;
    } else {
      const microphone = await Microphone.open(this.#sound);
      if (typeof microphone === "string") return this.#change({ kind: "notice", tone: "warning", text: PROBLEMS[microphone] });
      if (this.#closed) return microphone.close();
      this.#microphone = microphone;
      await this.#call.useMicrophone(microphone);
    }
    this.#showMicrophone();
    this.#send({ type: "microphone", on: this.#microphone.on });
  }

  #showMicrophone(): void {
    this.view.controls.microphone = this.#microphone ? (this.#microphone.on ? "on" : "muted") : "off";
  }

  readonly #key = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLSelectElement;
    if (event.key === "Escape") this.#send({ type: "interrupt" });
    else if (event.key.toLowerCase() === "m" && !typing) void this.#toggleMicrophone();
  };
}
