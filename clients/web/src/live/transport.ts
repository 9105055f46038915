// Chooses how media travels: WebRTC if it is up within four seconds, else the socket; the socket, too, when WebRTC dies.

import type { Microphone } from "../media/microphone.ts";
import type { Picture } from "../media/painter.ts";
import type { ServerClock } from "../media/clock.ts";
import type { Sound } from "../media/sound.ts";
import type { Api } from "./api.ts";
import type { SessionTicket, Transport } from "./messages.ts";
import type { Packet } from "./packet.ts";
import type { ControlSocket } from "./socket.ts";
import { SocketMedia } from "./socket_media.ts";
import { VideoMedia } from "./video_media.ts";
import { WebRtcLink } from "./webrtc.ts";

const NO_WAY = "Sound cannot be played here. Browsers allow it on secure addresses only: https, or the machine that serves the page.";
const WEBRTC_LIMIT_MS = 4000;
/** Up but without a picture: the character may be slow to come, or something on the way lets only control through. */
const PICTURE_LIMIT_MS = 10_000;

export interface Parts {
  api: Api;
  ticket: SessionTicket;
  socket: ControlSocket;
  sound: Sound;
  video: HTMLVideoElement;
  server: ServerClock;
  show: (picture: Picture) => void;
  chosen: (by: Transport) => void;
  /** Neither way can be had; the text is fit to show. */
  failed: (text: string) => void;
}

export class MediaTransport {
  readonly #parts: Parts;
  #link: WebRtcLink | null = null;
  #videoMedia: VideoMedia | null = null;
  #socketMedia: SocketMedia | null = null;
  #microphone: Microphone | null = null;
  #limit = 0;
  #bySocket = false;
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  start(microphone: Microphone | null, fps: number): void {
    this.#microphone = microphone;
    const fallBack = (): void => {
      this.#fallBack(fps).catch(() => this.#parts.failed(NO_WAY));
    };
    if (!("RTCPeerConnection" in window)) return fallBack();
    this.#limit = window.setTimeout(fallBack, WEBRTC_LIMIT_MS);
    const { api, ticket, video, sound, show, socket, chosen } = this.#parts;
    const firstPicture = (): void => {
      if (!this.#limit) return;
      clearTimeout(this.#limit);
      this.#limit = 0;
      chosen("webrtc");
    };
    const link = new WebRtcLink(microphone?.track ?? null, {
      stream: (stream) => {
        this.#videoMedia = new VideoMedia(video, stream, sound, (picture) => {
          firstPicture();
          show(picture);
        });
      },
      connected: () => {
        if (!this.#limit) return;
        clearTimeout(this.#limit);
        this.#limit = window.setTimeout(fallBack, PICTURE_LIMIT_MS);
        socket.send({ type: "media", by: "webrtc" });
      },
      lost: fallBack,
    });
    this.#link = link;
    link.connect((sdp, signal) => api.offer(ticket, sdp, signal)).catch(fallBack);
  }

  /** The user allowed it later, or took it away. */
  async useMicrophone(microphone: Microphone | null): Promise<void> {
    this.#microphone = microphone;
    await this.#link?.useMicrophone(microphone?.track ?? null);
    if (this.#bySocket) await this.#sendMicrophone();
  }

  packet(packet: Packet): void {
    this.#socketMedia?.packet(packet);
  }

  interrupt(epoch: number): void {
    this.#socketMedia?.interrupt(epoch);
  }

  get buffer_ms(): number | null {
    return this.#socketMedia?.buffer_ms ?? null;
  }

  get dropped(): number | null {
    return this.#socketMedia?.dropped ?? null;
  }

  async late_ms(): Promise<number | null> {
    if (this.#socketMedia) return this.#socketMedia.late_ms;
    return (await this.#link?.late_ms()) ?? null;
  }

  close(): void {
    this.#closed = true;
    this.#closeWebRtc();
    this.#microphone?.stopSending();
    this.#socketMedia?.close();
  }

  async #fallBack(fps: number): Promise<void> {
    if (this.#bySocket || this.#closed) return;
    this.#bySocket = true;
    this.#closeWebRtc();
    const { sound, server, show, socket, chosen } = this.#parts;
    const media = await SocketMedia.open(sound, server, fps, show);
    if (this.#closed) return media.close();
    this.#socketMedia = media;
    await this.#sendMicrophone();
    socket.send({ type: "media", by: "socket" });
    chosen("socket");
  }

  async #sendMicrophone(): Promise<void> {
    await this.#microphone?.startSending((samples) => this.#parts.socket.sendSound(samples));
  }

  #closeWebRtc(): void {
    clearTimeout(this.#limit);
    this.#limit = 0;
    this.#videoMedia?.close();
    this.#videoMedia = null;
    this.#link?.close();
    this.#link = null;
  }
}
