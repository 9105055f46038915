// Pictures and sound by WebRTC: the browser keeps them in step, every picture is drawn as it is shown.

import type { Picture } from "../media/painter.ts";
import type { Sound } from "../media/sound.ts";

export class VideoMedia {
  readonly #video: HTMLVideoElement;
  readonly #show: (picture: Picture) => void;
  readonly #source: MediaStreamAudioSourceNode;
  #next = 0;
  #closed = false;

  constructor(video: HTMLVideoElement, stream: MediaStream, sound: Sound, show: (picture: Picture) => void) {
    this.#video = video;
    this.#show = show;
    // The element plays the sound; the graph measures and records it.
    this.#source = sound.context.createMediaStreamSource(stream);
    this.#source.connect(sound.voice);
    video.srcObject = stream;
    video.play().catch(() => undefined); // it was allowed in the gesture; a new stream may cut the old promise short
    this.#wait();
  }

  close(): void {
    this.#closed = true;
    if ("cancelVideoFrameCallback" in this.#video) this.#video.cancelVideoFrameCallback(this.#next);
    else cancelAnimationFrame(this.#next);
    this.#source.disconnect();
    this.#video.srcObject = null;
  }

  #wait(): void {
    if ("requestVideoFrameCallback" in this.#video) this.#next = this.#video.requestVideoFrameCallback(this.#draw);
    else this.#next = requestAnimationFrame(this.#draw);
  }

  readonly #draw = (): void => {
    if (this.#closed) return;
    if (this.#video.videoWidth > 0) this.#show(this.#video);
    this.#wait();
  };
}
