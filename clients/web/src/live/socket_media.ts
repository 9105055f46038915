// Pictures and sound by the socket: the loudspeaker is the clock, pictures are shown by it.

import { PlayClock, type ServerClock } from "../media/clock.ts";
import { PictureQueue } from "../media/pictures.ts";
import type { Picture } from "../media/painter.ts";
import type { Sound } from "../media/sound.ts";
import type { FromPlayer, ToPlayer } from "../worklets/player.ts";
import { Kind, toFloats, type Packet } from "./packet.ts";

export class SocketMedia {
  readonly #sound: Sound;
  readonly #player: AudioWorkletNode;
  readonly #clock: PlayClock;
  readonly #server: ServerClock;
  readonly #pictures = new PictureQueue<ImageBitmap>();
  readonly #show: (picture: Picture) => void;
  #drawing = 0;
  #late_ms: number | null = null;
  #buffer_ms = 0;
  #closed = false;

  private constructor(sound: Sound, player: AudioWorkletNode, server: ServerClock, fps: number, show: (picture: Picture) => void) {
    this.#sound = sound;
    this.#player = player;
    this.#server = server;
    this.#clock = new PlayClock(fps);
    this.#show = show;
    player.port.onmessage = ({ data }: MessageEvent<FromPlayer>) => {
      this.#clock.heard(data.frame === null ? null : { frame: data.frame, at_s: data.at_s });
      this.#buffer_ms = 1000 * data.target_s;
    };
    player.connect(sound.voice);
    player.connect(sound.context.destination);
    this.#drawing = requestAnimationFrame(this.#draw);
  }

  static async open(sound: Sound, server: ServerClock, fps: number, show: (picture: Picture) => void): Promise<SocketMedia> {
    return new SocketMedia(sound, await sound.worklet("player"), server, fps, show);
  }

  get late_ms(): number | null {
    return this.#late_ms;
  }

  get buffer_ms(): number {
    return this.#buffer_ms;
  }

  get dropped(): number {
    return this.#pictures.dropped;
  }

  packet(packet: Packet): void {
    if (packet.kind === Kind.Sound) {
      const piece = { frame: packet.frame, epoch: packet.epoch, samples: toFloats(packet.payload) };
      this.#tell({ type: "piece", piece }, [piece.samples.buffer]);
    } else if (!packet.held) {
      void this.#decode(packet);
    }
  }

  /** What was said before this epoch falls silent at once. */
  interrupt(epoch: number): void {
    this.#tell({ type: "interrupt", epoch });
  }

  close(): void {
    this.#closed = true;
    cancelAnimationFrame(this.#drawing);
    this.#tell({ type: "close" });
    this.#player.port.onmessage = null;
    this.#player.disconnect();
    this.#pictures.clear();
  }

  async #decode(packet: Packet): Promise<void> {
    try {
      const bitmap = await createImageBitmap(new Blob([packet.payload], { type: "image/jpeg" }));
      if (this.#closed) bitmap.close();
      else this.#pictures.push(packet.frame, packet.due_s, bitmap);
    } catch {
      // A picture that cannot be read is a picture that did not come.
    }
  }

  readonly #draw = (): void => {
    this.#drawing = requestAnimationFrame(this.#draw);
    const frame = this.#clock.frame(this.#sound.context.currentTime, this.#sound.outputLatency_s);
    if (frame === null) return;
    const taken = this.#pictures.take(frame);
    if (!taken) return;
    this.#show(taken.picture);
    taken.picture.close();
    const late_s = this.#server.late_s(taken.due_s, performance.now() / 1000);
    if (late_s !== null) this.#late_ms = 1000 * late_s;
  };

  #tell(message: ToPlayer, transfer: Transferable[] = []): void {
    this.#player.port.postMessage(message, transfer);
  }
}
