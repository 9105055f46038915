// Records what is shown and heard. "Made by AI" is drawn into every picture of it.

import type { Sound } from "./sound.ts";

const SIDE = 768;
const TYPES = [
  "video/mp4;codecs=avc1.64001F,mp4a.40.2",
  "video/mp4;codecs=avc1.64001F,opus",
  "video/webm;codecs=vp9,opus",
  "video/webm;codecs=vp8,opus",
  "video/webm",
  "video/mp4",
];
const BITS_PER_S = 4_000_000;
export const LABEL = "Made by AI";

export interface Film {
  blob: Blob;
  extension: "mp4" | "webm";
}

export class Recording {
  readonly #canvas = document.createElement("canvas");
  readonly #context: CanvasRenderingContext2D | null;
  readonly #recorder: MediaRecorder;
  readonly #pictures: MediaStreamTrack[];
  readonly #parts: Blob[] = [];

  static get possible(): boolean {
    return "MediaRecorder" in window && "captureStream" in HTMLCanvasElement.prototype;
  }

  constructor(shown: HTMLCanvasElement, sound: Sound) {
    this.#canvas.width = this.#canvas.height = SIDE;
    this.#context = this.#canvas.getContext("2d", { alpha: false });
    this.picture(shown);
    this.#pictures = this.#canvas.captureStream().getTracks();
    const tracks = [...this.#pictures, ...sound.recorded.stream.getTracks()];
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    this.#recorder = new MediaRecorder(new MediaStream(tracks), {
      ...(mimeType ? { mimeType } : {}),
      videoBitsPerSecond: BITS_PER_S,
    });
    this.#recorder.ondataavailable = ({ data }) => this.#parts.push(data);
    this.#recorder.start(1000);
  }

  /** In the same task in which the picture was painted. */
  picture(shown: HTMLCanvasElement): void {
    const context = this.#context;
    if (!context) return;
    context.imageSmoothingQuality = "high";
    context.drawImage(shown, 0, 0, SIDE, SIDE);
    drawLabel(context);
  }

  async stop(): Promise<Film> {
    const type = this.#recorder.mimeType;
    if (this.#recorder.state !== "inactive") {
      const stopped = new Promise((resolve) => this.#recorder.addEventListener("stop", resolve, { once: true }));
      this.#recorder.stop();
      await stopped;
    }
    for (const track of this.#pictures) track.stop();
    const blob = new Blob(this.#parts, { type });
    return { blob, extension: type.includes("mp4") ? "mp4" : "webm" };
  }
}

function drawLabel(context: CanvasRenderingContext2D): void {
  const height = 40;
  const margin = 20;
  context.font = "600 22px system-ui, sans-serif";
  const width = context.measureText(LABEL).width + 32;
  context.fillStyle = "rgb(10 12 11 / 72%)";
  context.beginPath();
  context.roundRect(margin, margin, width, height, height / 2);
  context.fill();
  context.fillStyle = "#fff";
  context.textBaseline = "middle";
  context.fillText(LABEL, margin + 16, margin + height / 2 + 1);
}
