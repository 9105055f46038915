// The user's microphone: asked for inside a gesture, metered, muted, and sent by whichever transport there is.

import { Meter, type Sound } from "./sound.ts";

export type MicrophoneProblem = "refused" | "missing" | "unavailable";

export class Microphone {
  readonly track: MediaStreamTrack;
  readonly #meter: Meter;
  readonly #source: MediaStreamAudioSourceNode;
  readonly #sound: Sound;
  #sender: AudioWorkletNode | null = null;

  private constructor(stream: MediaStream, track: MediaStreamTrack, sound: Sound) {
    this.track = track;
    this.#sound = sound;
    this.#source = sound.context.createMediaStreamSource(stream);
    this.#meter = new Meter(sound.context, this.#source);
  }

  static async open(sound: Sound): Promise<Microphone | MicrophoneProblem> {
    // Browsers hide devices from plain http beyond this machine.
    if (!("mediaDevices" in navigator)) return "unavailable";
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio });
      const track = stream.getAudioTracks()[0];
      return track ? new Microphone(stream, track, sound) : "missing";
    } catch (error) {
      const refused = error instanceof DOMException && error.name === "NotAllowedError";
      return refused ? "refused" : "missing";
    }
  }

  get on(): boolean {
    return this.track.enabled;
  }

  set on(on: boolean) {
    this.track.enabled = on;
  }

  level(): number {
    return this.on ? this.#meter.level() : 0;
  }

  /** Pieces of 40 ms at 16 kHz, until `stopSending`. */
  async startSending(send: (samples: Int16Array<ArrayBuffer>) => void): Promise<void> {
    this.stopSending();
    const node = await this.#sound.worklet("microphone");
    this.#sender = node;
    node.port.onmessage = ({ data }: MessageEvent<Int16Array<ArrayBuffer>>) => {
      if (this.on) send(data);
    };
    this.#source.connect(node);
  }

  stopSending(): void {
    if (!this.#sender) return;
    this.#source.disconnect(this.#sender);
    this.#sender.port.onmessage = null;
    this.#sender.port.postMessage("close");
    this.#sender = null;
  }

  close(): void {
    this.stopSending();
    this.#source.disconnect();
    this.track.stop();
  }
}

export const PROBLEMS: Record<MicrophoneProblem, string> = {
  refused: "The microphone is not allowed, so you can type instead. To speak, allow it in the browser's address bar.",
  missing: "No microphone was found, so you can type instead.",
  unavailable: "The browser gives its microphone only to secure addresses (https, or this machine). You can type instead.",
};
